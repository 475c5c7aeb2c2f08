// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.lang.reflect.Field;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Backends that were not closed: their threads have ended, or nobody refers to them any more. */
class BackendHandleTest {

  private LockFixture fixture;
  private Segment segment;
  private LWLock lock;

  @BeforeEach
  void create() {
    fixture = new LockFixture();
    segment = fixture.segment;
    lock = fixture.lock;
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @Test
  void reapingEndsTheBackendsOfThreadsThatHaveEnded() throws Exception {
    LWLock read = fixture.tranche.lock(2);
    Backend left =
        TestThread.start(
                "ended",
                () -> {
                  Backend backend = segment.join();
                  lock.acquire(backend, LWLockMode.EXCLUSIVE);
                  read.acquire(backend, LWLockMode.SHARED);
                  return backend;
                })
            .join();
    // This process may have looked after it by itself already.
    assertTrue(segment.reapDead() <= 1);
    assertEquals(List.of(), segment.backends());
    assertTrue(lock.isPoisoned());
    assertFalse(read.isPoisoned());
    assertThrows(IllegalStateException.class, () -> lock.isHeldBy(left));
    left.close();
    assertEquals(0, segment.reapDead());
    try (Backend me = segment.join()) {
      assertEquals(left.slot(), me.slot());
      assertEquals(left.generation() + 1, me.generation());
      assertTrue(read.tryAcquire(me, LWLockMode.EXCLUSIVE));
    }
  }

  @Test
  void nobodyHasToReap() throws Exception {
    TestThread.start("ended", segment::join).join();
    Await.until(() -> segment.backends().isEmpty());
    TestThread.start("ended, too", segment::join).join();
    Await.until(() -> segment.backends().isEmpty());
  }

  @Test
  void closingAnotherThreadsBackendAfterItsEndIsNoOrderlyRelease() throws Exception {
    Backend left =
        TestThread.start(
                "ended",
                () -> {
                  Backend backend = segment.join();
                  lock.acquire(backend, LWLockMode.EXCLUSIVE);
                  return backend;
                })
            .join();
    left.close();
    assertTrue(lock.isPoisoned());
  }

  @Test
  void closingOnesOwnReleasesSharedHolds() {
    Backend me = segment.join();
    lock.acquire(me, LWLockMode.SHARED);
    me.close();
    assertFalse(lock.isPoisoned());
    assertEquals(0, segment.reapDead());
    try (Backend again = segment.join()) {
      assertTrue(lock.tryAcquire(again, LWLockMode.EXCLUSIVE));
      again.releaseAll();
    }
    assertFalse(lock.isPoisoned());
  }

  @Test
  void anExceptionThatLeavesABackendInsideALockPoisonsIt() {
    assertThrows(
        ArithmeticException.class,
        () -> {
          try (Backend me = segment.join()) {
            lock.acquire(me, LWLockMode.EXCLUSIVE);
            throw new ArithmeticException("half-way");
          }
        });
    assertTrue(lock.isPoisoned());
    assertEquals(List.of(), segment.backends());
  }

  @Test
  void whoLivesIsNotReapedEvenIfItKeepsNoReference() throws Exception {
    CountDownLatch joined = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    TestThread<Void> thread =
        TestThread.start(
            "forgetful",
            () -> {
              segment.join();
              lock.acquire(LWLockMode.EXCLUSIVE);
              joined.countDown();
              goOn.await();
              lock.release();
              segment.backend().close();
              return null;
            });
    joined.await();
    collectGarbage();
    assertEquals(0, segment.reapDead());
    goOn.countDown();
    thread.join();
    assertFalse(lock.isPoisoned());
  }

  private static void collectGarbage() throws InterruptedException {
    WeakReference<Object> canary = new WeakReference<>(new Object());
    Await.until(
        () -> {
          System.gc();
          return canary.refersTo(null);
        });
  }

  @Test
  void aBackendThatNobodyRefersToIsEndedThoughItsThreadLives() throws Exception {
    CountDownLatch joined = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    TestThread<Void> thread =
        TestThread.start(
            "pooled",
            () -> {
              joinAndBeErased();
              joined.countDown();
              goOn.await();
              // It may join again.
              segment.join().close();
              return null;
            });
    joined.await();
    Await.until(
        () -> {
          System.gc();
          return segment.reapDead() > 0 || segment.backends().isEmpty();
        });
    assertTrue(lock.isPoisoned());
    goOn.countDown();
    thread.join();
    assertEquals(List.of(), segment.backends());
  }

  /** Some pools erase the thread-local variables of their threads between two tasks. */
  private void joinAndBeErased() throws ReflectiveOperationException {
    lock.acquire(segment.join(), LWLockMode.EXCLUSIVE);
    Field backends = Segment.class.getDeclaredField("backends");
    backends.setAccessible(true);
    Field own = Backends.class.getDeclaredField("own");
    own.setAccessible(true);
    ((ThreadLocal<?>) own.get(backends.get(segment))).remove();
  }

  @Test
  void aThreadThatHasEndedDoesNotKeepTheSegmentFromBeingClosed() throws Exception {
    Segment other = Segment.privateBuilder().tranche("t", 1).create();
    TestThread.start("ended", other::join).join();
    other.close();
    assertTrue(other.isClosed());
  }
}
