// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ReadWriteLockViewTest {

  private LockFixture fixture;
  private LWLock lwlock;
  private ReadWriteLock view;

  @BeforeEach
  void create() {
    fixture = new LockFixture();
    lwlock = fixture.lock;
    view = lwlock.asReadWriteLock();
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private Lock lock(LWLockMode mode) {
    return mode == LWLockMode.SHARED ? view.readLock() : view.writeLock();
  }

  private boolean isHeld(LWLockMode mode) {
    return lwlock.isHeldBy(fixture.segment.backend(), mode);
  }

  @ParameterizedTest
  @EnumSource
  void everyWayToLockHoldsTheLockInItsMode(LWLockMode mode) throws Exception {
    Lock lock = lock(mode);
    lock.lock();
    assertTrue(isHeld(mode), "the thread has joined by itself");
    lock.unlock();
    assertFalse(isHeld(mode));
    lock.lockInterruptibly();
    assertTrue(isHeld(mode));
    lock.unlock();
    assertTrue(lock.tryLock());
    assertTrue(isHeld(mode));
    lock.unlock();
    assertTrue(lock.tryLock(1, TimeUnit.HOURS));
    assertTrue(isHeld(mode));
    lock.unlock();
    assertEquals(0, fixture.segment.backend().heldLocks());
  }

  @Test
  void aThreadThatHasJoinedUsesItsOwnBackend() {
    try (Backend me = fixture.segment.join()) {
      view.writeLock().lock();
      assertTrue(lwlock.isHeldBy(me, LWLockMode.EXCLUSIVE));
      lwlock.release(me);
      lwlock.acquire(me, LWLockMode.SHARED);
      view.readLock().unlock();
      assertEquals(0, me.heldLocks());
    }
  }

  @Test
  void writersExcludeAllAndReadersExcludeWriters() throws Exception {
    view.readLock().lock();
    TestThread.start(
            "another",
            () -> {
              assertTrue(view.readLock().tryLock());
              view.readLock().unlock();
              assertFalse(view.writeLock().tryLock());
              assertFalse(view.writeLock().tryLock(1, TimeUnit.MILLISECONDS));
              return null;
            })
        .join();
    view.readLock().unlock();
    view.writeLock().lock();
    TestThread.start(
            "another",
            () -> {
              assertFalse(view.readLock().tryLock());
              assertFalse(view.writeLock().tryLock());
              return null;
            })
        .join();
    view.writeLock().unlock();
  }

  @Test
  void theShortestOfAllTimesDoesNotWait() throws Exception {
    view.writeLock().lock();
    TestThread.start(
            "another",
            () -> {
              for (TimeUnit unit : new TimeUnit[] {TimeUnit.NANOSECONDS, TimeUnit.SECONDS}) {
                assertFalse(view.readLock().tryLock(Long.MIN_VALUE, unit));
                assertFalse(view.writeLock().tryLock(Long.MIN_VALUE, unit));
              }
              return null;
            })
        .join();
    view.writeLock().unlock();
  }

  @ParameterizedTest
  @EnumSource
  void aWaiterGetsTheLockWhenItIsReleased(LWLockMode mode) throws Exception {
    view.writeLock().lock();
    TestThread<Boolean> waiter =
        TestThread.start(
            "waiter",
            () -> {
              lock(mode).lock();
              lock(mode).unlock();
              return true;
            });
    Await.until(() -> fixture.isWaitedFor(mode));
    view.writeLock().unlock();
    assertTrue(waiter.join());
  }

  @ParameterizedTest
  @EnumSource
  void anInterruptEndsTheWait(LWLockMode mode) throws Exception {
    view.writeLock().lock();
    TestThread<Void> waiter =
        TestThread.start(
            "waiter",
            () -> {
              assertThrows(InterruptedException.class, lock(mode)::lockInterruptibly);
              Thread.currentThread().interrupt();
              assertThrows(InterruptedException.class, () -> lock(mode).tryLock(1, TimeUnit.HOURS));
              return null;
            });
    Await.until(() -> fixture.isWaitedFor(mode));
    waiter.thread().interrupt();
    waiter.join();
  }

  @Test
  void whatIsNotHeldInThatModeCannotBeUnlocked() throws Exception {
    for (LWLockMode mode : LWLockMode.values()) {
      IllegalMonitorStateException e =
          assertThrows(IllegalMonitorStateException.class, lock(mode)::unlock);
      assertTrue(e.getMessage().contains("rows[1]"), e.getMessage());
    }
    assertNull(fixture.segment.backendOrNull(), "nor does unlocking join");
    view.readLock().lock();
    assertThrows(IllegalMonitorStateException.class, view.writeLock()::unlock);
    assertTrue(isHeld(LWLockMode.SHARED));
    TestThread.start(
            "another",
            () -> assertThrows(IllegalMonitorStateException.class, view.readLock()::unlock))
        .join();
    view.readLock().unlock();
  }

  @Test
  void lockingAgainIsAnErrorAtOnce() {
    for (LWLockMode mode : LWLockMode.values()) {
      lock(mode).lock();
      for (LWLockMode again : LWLockMode.values()) {
        assertThrows(IllegalMonitorStateException.class, lock(again)::lock);
        assertThrows(IllegalMonitorStateException.class, lock(again)::tryLock);
        assertThrows(
            IllegalMonitorStateException.class, () -> lock(again).tryLock(1, TimeUnit.HOURS));
      }
      assertTrue(isHeld(mode));
      lock(mode).unlock();
    }
  }

  @Test
  void conditionsAreNotSupported() {
    assertThrows(UnsupportedOperationException.class, view.writeLock()::newCondition);
    UnsupportedOperationException e =
        assertThrows(UnsupportedOperationException.class, view.readLock()::newCondition);
    assertTrue(e.getMessage().contains("condition"), e.getMessage());
  }

  @Test
  void viewsOfOneLockAreEqual() {
    assertEquals(view.readLock(), lwlock.asReadWriteLock().readLock());
    assertEquals(view.readLock().hashCode(), lwlock.asReadWriteLock().readLock().hashCode());
    assertNotEquals(view.readLock(), view.writeLock());
    assertNotEquals(view.readLock(), fixture.tranche.lock(0).asReadWriteLock().readLock());
    assertEquals("rows[1] shared", view.readLock().toString());
  }

  @Test
  void theSeatOfAThreadThatHasEndedIsFreeAgain() throws Exception {
    for (int i = 0; i < 200; i++) {
      TestThread.start(
              "one of many",
              () -> {
                view.writeLock().lock();
                view.writeLock().unlock();
                return null;
              })
          .join();
    }
    fixture.segment.reapDead();
    assertEquals(0, fixture.segment.backends().size());
  }
}
