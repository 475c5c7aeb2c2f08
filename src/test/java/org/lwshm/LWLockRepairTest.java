// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What becomes of a lock whose holder died inside. */
class LWLockRepairTest {

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

  /** Every way to acquire in a mode. */
  private List<Executable> acquires(LWLockMode mode) {
    List<Executable> acquires = new ArrayList<>();
    acquires.add(() -> lock.acquire(me, mode));
    acquires.add(() -> lock.tryAcquire(me, mode));
    acquires.add(() -> lock.tryAcquire(me, mode, Duration.ZERO));
    acquires.add(() -> lock.tryAcquire(me, mode, LockFixture.AN_HOUR));
    acquires.add(() -> lock.acquireInterruptibly(me, mode));
    if (mode == LWLockMode.EXCLUSIVE) {
      acquires.add(() -> lock.acquireOrWait(me));
      acquires.add(() -> lock.asReadWriteLock().writeLock().lock());
    } else {
      acquires.add(() -> lock.asReadWriteLock().readLock().lock());
    }
    return acquires;
  }

  @ParameterizedTest
  @EnumSource
  void whoAcquiresIsToldThatTheHolderDiedInside(LWLockMode mode) throws Exception {
    fixture.dieInside(LWLockMode.EXCLUSIVE);
    assertTrue(lock.isPoisoned());
    for (Executable acquire : acquires(mode)) {
      OwnerDiedException e = assertThrows(OwnerDiedException.class, acquire);
      assertEquals("rows", e.tranche());
      assertEquals(1, e.index());
      assertTrue(e.getMessage().contains("rows[1]"), e.getMessage());
      assertNull(e.getCause());
      assertEquals(0, me.heldLocks());
    }
    assertFalse(fixture.isWaitedFor());
    assertTrue(fixture.tranche.lock(0).tryAcquire(me, mode), "the others are as they were");
  }

  @Test
  void theDeathOfAReaderIsNoNews() throws Exception {
    fixture.dieInside(LWLockMode.SHARED);
    assertFalse(lock.isPoisoned());
    lock.acquire(me, LWLockMode.EXCLUSIVE);
  }

  @Test
  void itStaysPoisonedUntilSomebodyDeclaresTheDataConsistent() throws Exception {
    fixture.dieInside(LWLockMode.EXCLUSIVE);
    assertTrue(lock.acquireForRepair(me));
    assertTrue(lock.isHeldBy(me, LWLockMode.EXCLUSIVE));
    lock.release(me);
    assertThrows(OwnerDiedException.class, () -> lock.acquire(me, LWLockMode.SHARED));
    assertTrue(lock.acquireForRepair(me));
    lock.markConsistent(me);
    assertFalse(lock.isPoisoned());
    lock.release(me);
    lock.acquire(me, LWLockMode.SHARED);
    lock.release(me);
    assertFalse(lock.acquireForRepair(me));
    assertThrows(IllegalMonitorStateException.class, () -> lock.acquireForRepair(me));
    lock.release(me);
    assertThrows(IllegalMonitorStateException.class, () -> lock.markConsistent(me));
  }

  @ParameterizedTest
  @EnumSource
  void theCallbackRunsUnderTheLockAndTheAcquireGoesOn(LWLockMode mode) throws Exception {
    AtomicInteger calls = new AtomicInteger();
    fixture.tranche.onRepair(
        (backend, poisoned) -> {
          assertSame(me, backend);
          assertEquals(lock, poisoned);
          assertTrue(poisoned.isHeldBy(backend, LWLockMode.EXCLUSIVE));
          calls.incrementAndGet();
        });
    int acquired = 0;
    for (Executable acquire : acquires(mode)) {
      fixture.dieInside(LWLockMode.EXCLUSIVE);
      try {
        acquire.execute();
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
      assertEquals(++acquired, calls.get());
      assertFalse(lock.isPoisoned());
      assertTrue(lock.isHeldBy(me, mode));
      assertEquals(1, me.heldLocks());
      lock.release(me);
      lock.acquire(me, mode);
      lock.release(me);
    }
    assertEquals(acquired, calls.get());
    LWLockStatistics statistics = fixture.tranche.statistics();
    assertEquals(acquired, statistics.poisonings());
    assertEquals(acquired, statistics.recoveries());
  }

  @Test
  void aCallbackThatThrowsLeavesTheLockPoisonedAndFree() throws Exception {
    IOException cannot = new IOException("cannot");
    fixture.tranche.onRepair(
        (backend, poisoned) -> {
          throw cannot;
        });
    fixture.dieInside(LWLockMode.EXCLUSIVE);
    for (LWLockMode mode : LWLockMode.values()) {
      for (Executable acquire : acquires(mode)) {
        OwnerDiedException e = assertThrows(OwnerDiedException.class, acquire);
        assertSame(cannot, e.getCause());
        assertTrue(e.getMessage().contains("cannot"), e.getMessage());
        assertEquals(0, me.heldLocks());
      }
    }
    assertTrue(lock.isPoisoned());
    fixture.tranche.onRepair((backend, poisoned) -> {});
    lock.acquire(me, LWLockMode.SHARED);
    lock.release(me);
  }

  @Test
  void aCallbackThatIsInterruptedLeavesTheThreadSo() throws Exception {
    fixture.tranche.onRepair(
        (backend, poisoned) -> {
          throw new InterruptedException();
        });
    fixture.dieInside(LWLockMode.EXCLUSIVE);
    assertThrows(OwnerDiedException.class, () -> lock.acquire(me, LWLockMode.SHARED));
    assertTrue(Thread.interrupted());
  }

  @Test
  void aCallbackThatReleasesTheLockIsAFailure() throws Exception {
    fixture.tranche.onRepair((backend, poisoned) -> poisoned.release(backend));
    fixture.dieInside(LWLockMode.EXCLUSIVE);
    OwnerDiedException e =
        assertThrows(OwnerDiedException.class, () -> lock.acquire(me, LWLockMode.EXCLUSIVE));
    assertTrue(e.getCause() instanceof IllegalMonitorStateException);
    assertTrue(lock.isPoisoned());
    assertEquals(0, me.heldLocks());
  }

  @Test
  void aCallbackCanBeTakenBack() throws Exception {
    fixture.tranche.onRepair((backend, poisoned) -> {});
    fixture.segment.tranche("rows").onRepair(null);
    fixture.dieInside(LWLockMode.EXCLUSIVE);
    assertThrows(OwnerDiedException.class, () -> lock.acquire(me, LWLockMode.SHARED));
  }

  @ParameterizedTest
  @EnumSource
  void oneRepairsAndTheOthersWaitForIt(LWLockMode mode) throws Exception {
    AtomicInteger calls = new AtomicInteger();
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    fixture.tranche.onRepair(
        (backend, poisoned) -> {
          calls.incrementAndGet();
          begun.countDown();
          goOn.await();
        });
    fixture.dieInside(LWLockMode.EXCLUSIVE);
    List<TestThread<?>> threads = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      threads.add(
          fixture.start(
              backend -> {
                lock.acquire(backend, mode);
                lock.release(backend);
                return null;
              }));
    }
    begun.await();
    assertFalse(lock.tryAcquire(me, mode), "another is at it");
    assertFalse(lock.tryAcquire(me, mode, Duration.ofMillis(1)));
    Await.until(fixture::isWaitedFor);
    goOn.countDown();
    for (TestThread<?> thread : threads) {
      thread.join();
    }
    assertEquals(1, calls.get());
  }

  @Test
  void whatAnotherHasRepairedMeanwhileIsNotRepairedAgain() {
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    LockRepair.repair(
        lock,
        me,
        (backend, repaired) -> {
          throw new AssertionError("there is nothing to repair");
        });
    assertTrue(lock.isHeldBy(me, LWLockMode.EXCLUSIVE));
  }

  @ParameterizedTest
  @EnumSource
  void aSleepingWaiterIsToldWhenTheHolderDies(LWLockMode mode) throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    TestThread<Void> holder =
        TestThread.start(
            "dies inside",
            () -> {
              lock.acquire(fixture.segment.join(), LWLockMode.EXCLUSIVE);
              inside.countDown();
              Await.until(() -> fixture.isWaitedFor(mode));
              return null;
            });
    inside.await();
    // No one reaps: this process looks after its threads.
    assertThrows(OwnerDiedException.class, () -> lock.acquire(me, mode));
    holder.join();
  }

  @Test
  void aWaiterForTheReleaseIsToldWhenTheHolderDies() throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    TestThread.start(
        "dies inside",
        () -> {
          lock.acquire(fixture.segment.join(), LWLockMode.EXCLUSIVE);
          inside.countDown();
          Await.until(() -> fixture.isWaitedFor());
          return null;
        });
    inside.await();
    OwnerDiedException e = assertThrows(OwnerDiedException.class, () -> lock.acquireOrWait(me));
    assertEquals("rows", e.tranche());
    assertEquals(0, me.heldLocks());
  }
}
