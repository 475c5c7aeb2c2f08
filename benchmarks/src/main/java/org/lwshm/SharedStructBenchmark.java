// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Access to the longs of a SharedStruct, and to those of a long[] and a direct ByteBuffer. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(3)
@OperationsPerInvocation(SharedStructBenchmark.LONGS)
public class SharedStructBenchmark {

  static final int LONGS = 512;

  private static final VarHandle ARRAY = MethodHandles.arrayElementVarHandle(long[].class);
  private static final VarHandle BUFFER =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

  private Segment segment;
  private SharedStruct struct;
  private final long[] array = new long[LONGS];
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(LONGS * Long.BYTES + Long.BYTES)
          .alignedSlice(Long.BYTES)
          .order(ByteOrder.nativeOrder());

  @Setup
  public void create() {
    segment = Segment.privateBuilder().struct("longs", LONGS * Long.BYTES).create();
    struct = segment.struct("longs");
  }

  @TearDown
  public void close() {
    segment.close();
  }

  @Benchmark
  public long structGet() {
    long sum = 0;
    for (int i = 0; i < LONGS; i++) {
      sum += struct.getLong((long) i * Long.BYTES);
    }
    return sum;
  }

  @Benchmark
  public long arrayGet() {
    long sum = 0;
    for (int i = 0; i < LONGS; i++) {
      sum += array[i];
    }
    return sum;
  }

  @Benchmark
  public long bufferGet() {
    long sum = 0;
    for (int i = 0; i < LONGS; i++) {
      sum += buffer.getLong(i * Long.BYTES);
    }
    return sum;
  }

  @Benchmark
  public void structPut() {
    for (int i = 0; i < LONGS; i++) {
      struct.putLong((long) i * Long.BYTES, i);
    }
  }

  @Benchmark
  public void arrayPut() {
    for (int i = 0; i < LONGS; i++) {
      array[i] = i;
    }
  }

  @Benchmark
  public void bufferPut() {
    for (int i = 0; i < LONGS; i++) {
      buffer.putLong(i * Long.BYTES, i);
    }
  }

  @Benchmark
  public long structGetVolatile() {
    long sum = 0;
    for (int i = 0; i < LONGS; i++) {
      sum += struct.getLongVolatile((long) i * Long.BYTES);
    }
    return sum;
  }

  @Benchmark
  public long arrayGetVolatile() {
    long sum = 0;
    for (int i = 0; i < LONGS; i++) {
      sum += (long) ARRAY.getVolatile(array, i);
    }
    return sum;
  }

  @Benchmark
  public long bufferGetVolatile() {
    long sum = 0;
    for (int i = 0; i < LONGS; i++) {
      sum += (long) BUFFER.getVolatile(buffer, i * Long.BYTES);
    }
    return sum;
  }

  @Benchmark
  public void structPutVolatile() {
    for (int i = 0; i < LONGS; i++) {
      struct.putLongVolatile((long) i * Long.BYTES, i);
    }
  }

  @Benchmark
  public void arrayPutVolatile() {
    for (int i = 0; i < LONGS; i++) {
      ARRAY.setVolatile(array, i, (long) i);
    }
  }

  @Benchmark
  public void bufferPutVolatile() {
    for (int i = 0; i < LONGS; i++) {
      BUFFER.setVolatile(buffer, i * Long.BYTES, (long) i);
    }
  }
}
