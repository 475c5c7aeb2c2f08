// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.concurrent.locks.StampedLock;
import org.lwshm.jni.LWLockNative;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Acquire and release of a lock that nobody else wants: LWLock's Java fast path, the same lock
 * through JNI, and what java.util.concurrent has for threads of one JVM.
 *
 * <p>In the package of what it measures, for the native handle of a backend.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(5)
public class LWLockBenchmark {

  private Segment segment;
  private Backend backend;
  private LWLock lock;
  private long backendHandle;
  private long lockOffset;

  private final ReentrantLock reentrantLock = new ReentrantLock();
  private final ReentrantReadWriteLock reentrantReadWriteLock = new ReentrantReadWriteLock();
  private final StampedLock stampedLock = new StampedLock();

  /** Called by the thread that measures, whose backend it must be. */
  @Setup
  public void join() {
    segment = Segment.privateBuilder().tranche("benchmark", 1).create();
    backend = segment.join();
    lock = segment.tranche("benchmark").lock(0);
    backendHandle = backend.handle();
    lockOffset = lock.offset();
  }

  @TearDown
  public void leave() {
    backend.close();
    segment.close();
  }

  @Benchmark
  public void javaExclusive() {
    lock.acquire(backend, LWLockMode.EXCLUSIVE);
    lock.release(backend);
  }

  @Benchmark
  public void javaShared() {
    lock.acquire(backend, LWLockMode.SHARED);
    lock.release(backend);
  }

  @Benchmark
  public void convenientExclusive() {
    lock.acquire(LWLockMode.EXCLUSIVE);
    lock.release();
  }

  @Benchmark
  public void convenientShared() {
    lock.acquire(LWLockMode.SHARED);
    lock.release();
  }

  @Benchmark
  public int jniExclusive() {
    return LWLockNative.acquireSlow(
            backendHandle, lockOffset, LWLockNative.EXCLUSIVE, LWLockNative.FOREVER, 0)
        | LWLockNative.release(backendHandle, lockOffset);
  }

  @Benchmark
  public int jniShared() {
    return LWLockNative.acquireSlow(
            backendHandle, lockOffset, LWLockNative.SHARED, LWLockNative.FOREVER, 0)
        | LWLockNative.release(backendHandle, lockOffset);
  }

  @Benchmark
  public void reentrantReadWriteLockExclusive() {
    reentrantReadWriteLock.writeLock().lock();
    reentrantReadWriteLock.writeLock().unlock();
  }

  @Benchmark
  public void reentrantReadWriteLockShared() {
    reentrantReadWriteLock.readLock().lock();
    reentrantReadWriteLock.readLock().unlock();
  }

  @Benchmark
  public void reentrantLock() {
    reentrantLock.lock();
    reentrantLock.unlock();
  }

  @Benchmark
  public void stampedLockExclusive() {
    stampedLock.unlockWrite(stampedLock.writeLock());
  }

  @Benchmark
  public void stampedLockShared() {
    stampedLock.unlockRead(stampedLock.readLock());
  }
}
