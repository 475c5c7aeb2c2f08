// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
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
 * Acquire and release of a lock without contention: LWLock's Java fast path, the same lock through
 * JNI, what java.util.concurrent has for threads of one JVM, and two locked instructions.
 *
 * <p>In the package of what it measures, for the native handle of a backend.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(5)
public class LWLockBenchmark {

  private static final Duration SOME_TIME = Duration.ofSeconds(1);

  private Segment segment;
  private Backend backend;
  private LWLock lock;
  private long backendHandle;
  private long lockOffset;

  private final AtomicLong word = new AtomicLong();
  private final ReentrantLock reentrantLock = new ReentrantLock();
  private final ReentrantReadWriteLock reentrantReadWriteLock = new ReentrantReadWriteLock();
  private final StampedLock stampedLock = new StampedLock();

  /** The thread that measures calls this, so the backend is its own. */
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
  public void javaTryExclusive() {
    lock.tryAcquire(backend, LWLockMode.EXCLUSIVE);
    lock.release(backend);
  }

  @Benchmark
  public void javaTryShared() {
    lock.tryAcquire(backend, LWLockMode.SHARED);
    lock.release(backend);
  }

  @Benchmark
  public void javaTimedExclusive() throws InterruptedException {
    lock.tryAcquire(backend, LWLockMode.EXCLUSIVE, SOME_TIME);
    lock.release(backend);
  }

  @Benchmark
  public void javaTimedShared() throws InterruptedException {
    lock.tryAcquire(backend, LWLockMode.SHARED, SOME_TIME);
    lock.release(backend);
  }

  /** An exclusive lock needs at least these. */
  @Benchmark
  public boolean twoLockedInstructions() {
    return word.compareAndSet(0, 1) & word.decrementAndGet() == 0;
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
