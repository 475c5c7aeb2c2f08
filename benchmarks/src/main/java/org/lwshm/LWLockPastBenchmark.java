// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.time.Duration;
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
 * A lock without contention, in a JVM whose threads fought over it before, and in a fresh JVM. What
 * the JIT learns in a fight must not slow the lock down for the rest of the JVM's life.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(5)
public class LWLockPastBenchmark {

  private static final String FOUGHT_OVER = "fought over";
  private static final int FIGHTERS = 4;
  private static final int BLOWS = 500_000;
  private static final Duration SOME_TIME = Duration.ofSeconds(1);

  @Param({"fresh", FOUGHT_OVER})
  private String past;

  private Segment segment;
  private Backend backend;
  private LWLock lock;

  /** The thread that measures calls this, so the backend is its own. */
  @Setup
  public void join() throws Exception {
    segment = Segment.privateBuilder().tranche("benchmark", 1).create();
    backend = segment.join();
    lock = segment.tranche("benchmark").lock(0);
    if (past.equals(FOUGHT_OVER)) {
      Threads.run(FIGHTERS, this::fight);
    }
  }

  private Void fight() throws Exception {
    try (Backend mine = segment.join()) {
      for (int i = 0; i < BLOWS; i++) {
        lock.acquire(mine, LWLockMode.EXCLUSIVE);
        lock.release(mine);
        lock.acquire(mine, LWLockMode.SHARED);
        lock.release(mine);
        release(mine, lock.tryAcquire(mine, LWLockMode.EXCLUSIVE));
        release(mine, lock.tryAcquire(mine, LWLockMode.EXCLUSIVE, SOME_TIME));
      }
      return null;
    }
  }

  private void release(Backend by, boolean acquired) {
    if (acquired) {
      lock.release(by);
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
  public void tryExclusive() {
    lock.tryAcquire(backend, LWLockMode.EXCLUSIVE);
    lock.release(backend);
  }

  @Benchmark
  public void timedExclusive() throws InterruptedException {
    lock.tryAcquire(backend, LWLockMode.EXCLUSIVE, SOME_TIME);
    lock.release(backend);
  }
}
