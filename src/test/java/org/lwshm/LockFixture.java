// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.time.Duration;

/** A segment with a tranche of locks and some data, and threads that use them. */
final class LockFixture implements AutoCloseable {

  /** Longer than any test waits. */
  static final Duration AN_HOUR = Duration.ofHours(1);

  final Segment segment;
  final LWLockTranche tranche;
  final LWLock lock;
  final SharedStruct data;

  LockFixture() {
    segment =
        Segment.privateBuilder().maxBackends(64).tranche("rows", 4).struct("data", 64).create();
    tranche = segment.tranche("rows");
    lock = tranche.lock(1);
    data = segment.struct("data");
  }

  interface Work<T> {
    T with(Backend backend) throws Exception;
  }

  /** Starts a thread with a backend of its own, which it closes at the end. */
  <T> TestThread<T> start(Work<T> work) {
    return TestThread.start(
        "another",
        () -> {
          try (Backend backend = segment.join()) {
            return work.with(backend);
          }
        });
  }

  /** The same, at once. */
  <T> T inAnotherThread(Work<T> work) throws Exception {
    return start(work).join();
  }

  /** A thread that acquires the lock and ends without closing its backend; all are told. */
  void dieInside(LWLockMode mode) throws Exception {
    TestThread.start(
            "dead",
            () -> {
              lock.acquire(segment.join(), mode);
              return null;
            })
        .join();
    segment.reapDead();
  }

  /** Whether some backend is seen to wait for the lock in that mode. */
  boolean isWaitedFor(LWLockMode mode) {
    return segment.backends().stream()
        .anyMatch(b -> b.waitLock() == lock.offset() && b.waitMode() == mode);
  }

  boolean isWaitedFor() {
    return isWaitedFor(LWLockMode.EXCLUSIVE) || isWaitedFor(LWLockMode.SHARED);
  }

  @Override
  public void close() {
    segment.close();
  }
}
