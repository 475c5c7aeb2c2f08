// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Waits that end: by time, by an interrupt, by the lock. */
class LWLockWaitTest {

  private LockFixture fixture;
  private LWLock lock;
  private Backend me;

  @BeforeEach
  void create() {
    fixture = new LockFixture();
    lock = fixture.lock;
    me = fixture.segment.join();
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  /** Who waited has no record of the lock, and is in nobody's way. */
  private void assertNothingLeft(LWLockMode held) throws Exception {
    assertFalse(fixture.isWaitedFor());
    if (held == LWLockMode.SHARED) {
      fixture.inAnotherThread(
          other -> {
            assertTrue(lock.tryAcquire(other, LWLockMode.SHARED));
            lock.release(other);
            return null;
          });
    }
    lock.release(me);
    assertTrue(lock.tryAcquire(me, LWLockMode.EXCLUSIVE));
    lock.release(me);
    lock.acquire(me, held);
  }

  @ParameterizedTest
  @CsvSource({"EXCLUSIVE, EXCLUSIVE", "EXCLUSIVE, SHARED", "SHARED, EXCLUSIVE"})
  void timeThatRunsOutLeavesNothing(LWLockMode held, LWLockMode wanted) throws Exception {
    lock.acquire(me, held);
    TestThread<Void> waiter =
        fixture.start(
            other -> {
              for (int millis : new int[] {-1, 0, 1, 60}) {
                Duration timeout = Duration.ofMillis(millis);
                long start = System.nanoTime();
                assertFalse(lock.tryAcquire(other, wanted, timeout));
                assertTrue(System.nanoTime() - start >= timeout.toNanos(), "not too early");
                // A record that was left would make these throw.
                assertFalse(lock.tryAcquire(other, wanted));
                assertEquals(0, other.heldLocks());
              }
              return null;
            });
    waiter.join();
    assertNothingLeft(held);
  }

  @ParameterizedTest
  @EnumSource
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void theShortestOfAllTimesDoesNotWait(LWLockMode mode) throws Exception {
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    Duration nanos = Duration.ofNanos(Long.MIN_VALUE);
    Duration seconds = Duration.ofSeconds(Long.MIN_VALUE);
    fixture.inAnotherThread(
        other -> {
          assertFalse(lock.tryAcquire(other, mode, nanos));
          assertFalse(lock.tryAcquire(other, mode, seconds));
          return null;
        });
    assertNothingLeft(LWLockMode.EXCLUSIVE);
  }

  @ParameterizedTest
  @EnumSource
  void aTimedAcquireGetsTheLockWhenItIsReleased(LWLockMode mode) throws Exception {
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    Duration longest = Duration.ofSeconds(Long.MAX_VALUE);
    TestThread<Void> waiter =
        fixture.start(
            other -> {
              assertTrue(lock.tryAcquire(other, mode, longest));
              assertTrue(lock.isHeldBy(other, mode));
              lock.release(other);
              return null;
            });
    Await.until(() -> fixture.isWaitedFor(mode));
    lock.release(me);
    waiter.join();
  }

  @ParameterizedTest
  @EnumSource
  void aTryWithoutATimeKeepsAnInterruptForLater(LWLockMode mode) throws Exception {
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    fixture.inAnotherThread(
        other -> {
          Thread.currentThread().interrupt();
          assertFalse(lock.tryAcquire(other, mode));
          assertTrue(Thread.interrupted());
          return null;
        });
  }

  @ParameterizedTest
  @CsvSource({"EXCLUSIVE, EXCLUSIVE", "EXCLUSIVE, SHARED", "SHARED, EXCLUSIVE"})
  void anInterruptEndsTheWaitAndLeavesNothing(LWLockMode held, LWLockMode wanted) throws Exception {
    lock.acquire(me, held);
    TestThread<Void> waiter =
        fixture.start(
            other -> {
              assertThrows(
                  InterruptedException.class, () -> lock.acquireInterruptibly(other, wanted));
              assertFalse(Thread.interrupted(), "the exception stands for it");
              assertThrows(
                  InterruptedException.class,
                  () -> {
                    Thread.currentThread().interrupt();
                    lock.tryAcquire(other, wanted, LockFixture.AN_HOUR);
                  });
              // A record that was left would make this throw.
              assertFalse(lock.tryAcquire(other, wanted));
              assertEquals(0, other.heldLocks());
              return null;
            });
    Await.until(() -> fixture.isWaitedFor(wanted));
    waiter.thread().interrupt();
    waiter.join(); // while the lock is held
    assertNothingLeft(held);
  }

  @ParameterizedTest
  @EnumSource
  void anInterruptBeforeTheWaitIsHeardEvenIfTheLockIsFree(LWLockMode mode) {
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, () -> lock.acquireInterruptibly(me, mode));
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, () -> lock.tryAcquire(me, mode, Duration.ZERO));
    assertEquals(0, me.heldLocks());
  }

  @Test
  void anInterruptibleWriterThatWaitsForReadersLetsNoNewOnesIn() throws Exception {
    lock.acquire(me, LWLockMode.SHARED);
    TestThread<Void> writer =
        fixture.start(
            other -> {
              lock.acquireInterruptibly(other, LWLockMode.EXCLUSIVE);
              lock.release(other);
              return null;
            });
    Await.until(() -> fixture.isWaitedFor(LWLockMode.EXCLUSIVE));
    fixture.inAnotherThread(
        other -> {
          // For as long as it takes the writer to look several times for an interrupt.
          long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(150);
          while (System.nanoTime() - end < 0) {
            assertFalse(lock.tryAcquire(other, LWLockMode.SHARED));
          }
          return null;
        });
    lock.release(me);
    writer.join();
  }

  @Test
  void whatIsHeldAlreadyIsRefusedAtOnce() {
    for (LWLockMode mode : LWLockMode.values()) {
      lock.acquire(me, LWLockMode.SHARED);
      assertThrows(
          IllegalMonitorStateException.class, () -> lock.tryAcquire(me, mode, LockFixture.AN_HOUR));
      assertThrows(IllegalMonitorStateException.class, () -> lock.acquireInterruptibly(me, mode));
      assertTrue(lock.isHeldBy(me, LWLockMode.SHARED), "and it is held as before");
      lock.release(me);
    }
  }

  @Test
  void aWaitIsOneWaitHoweverManyStepsItTakes() throws Exception {
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    TestThread<Void> waiter =
        fixture.start(
            other -> {
              lock.acquireInterruptibly(other, LWLockMode.SHARED);
              lock.release(other);
              return null;
            });
    Await.until(() -> fixture.isWaitedFor(LWLockMode.SHARED));
    long since = waitSince();
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(150);
    while (System.nanoTime() - end < 0) {
      assertEquals(since, waitSince());
    }
    lock.release(me);
    waiter.join();
    LWLockStatistics statistics = fixture.tranche.statistics();
    assertEquals(1, statistics.waits());
    assertEquals(1, statistics.slowShared());
    assertTrue(statistics.waitTime().toMillis() >= 150);
  }

  private long waitSince() {
    return fixture.segment.backends().stream()
        .mapToLong(BackendInfo::waitSinceNanos)
        .max()
        .orElse(0);
  }
}
