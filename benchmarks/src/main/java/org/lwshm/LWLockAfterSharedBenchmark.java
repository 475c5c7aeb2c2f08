// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * An exclusive hold after a shared one, and each alone, without contention. Four backends have
 * joined, of as many as the segment has room for.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(5)
public class LWLockAfterSharedBenchmark {

  private static final int OTHERS = 3;

  private final CyclicBarrier together = new CyclicBarrier(OTHERS);

  @Param({"128", "16384"})
  private int backends;

  private Segment segment;
  private Backend backend;
  private LWLock lock;

  /** The thread that measures calls this, so the backend is its own. */
  @Setup
  public void join() throws Exception {
    segment = Segment.privateBuilder().maxBackends(backends).tranche("benchmark", 1).create();
    backend = segment.join();
    lock = segment.tranche("benchmark").lock(0);
    Threads.run(OTHERS, this::joinAndLeave);
  }

  /** All have joined before the first one leaves, so that each has a slot of its own. */
  private Void joinAndLeave() throws Exception {
    try (Backend other = segment.join()) {
      together.await(1, TimeUnit.MINUTES);
      return null;
    }
  }

  @TearDown
  public void leave() {
    backend.close();
    segment.close();
  }

  @Benchmark
  public void exclusive() {
    lock.acquire(backend, LWLockMode.EXCLUSIVE);
    lock.release(backend);
  }

  @Benchmark
  public void shared() {
    lock.acquire(backend, LWLockMode.SHARED);
    lock.release(backend);
  }

  @Benchmark
  public void sharedThenExclusive() {
    shared();
    exclusive();
  }
}
