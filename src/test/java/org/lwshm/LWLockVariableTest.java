// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Waiting for a holder without becoming one, and handing a hold over. */
class LWLockVariableTest {

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

  @Test
  void acquireOrWaitAcquiresWhatIsFree() {
    assertTrue(lock.acquireOrWait(me));
    assertTrue(lock.isHeldBy(me, LWLockMode.EXCLUSIVE));
    assertThrows(IllegalMonitorStateException.class, () -> lock.acquireOrWait(me));
  }

  @ParameterizedTest
  @EnumSource
  void acquireOrWaitWaitsForWhoeverIsInAndDoesNotAcquire(LWLockMode held) throws Exception {
    lock.acquire(me, held);
    TestThread<Boolean> waiter =
        fixture.start(
            other -> {
              boolean acquired = lock.acquireOrWait(other);
              assertEquals(2, fixture.data.getLong(0));
              assertEquals(0, other.heldLocks());
              return acquired;
            });
    Await.until(fixture::isWaitedFor);
    if (held == LWLockMode.EXCLUSIVE) {
      lock.updateVar(me, 7); // which is not what it waits for
      Await.until(() -> fixture.tranche.statistics().waits() == 1);
      Await.until(() -> fixture.isWaitedFor() || !waiter.thread().isAlive());
      assertTrue(waiter.thread().isAlive());
    }
    fixture.data.putLong(0, 2);
    lock.release(me);
    assertFalse(waiter.join());
    assertFalse(fixture.isWaitedFor());
  }

  @Test
  void aVariableIsWaitedForUntilItIsAnother() throws Exception {
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    TestThread<OptionalLong> first = fixture.start(other -> lock.waitForVar(other, 0));
    Await.until(fixture::isWaitedFor);
    lock.updateVar(me, -5);
    assertEquals(OptionalLong.of(-5), first.join());
    assertEquals(OptionalLong.of(-5), fixture.inAnotherThread(other -> lock.waitForVar(other, 0)));
    TestThread<OptionalLong> second = fixture.start(other -> lock.waitForVar(other, -5));
    Await.until(fixture::isWaitedFor);
    lock.releaseClearVar(me, 9);
    assertEquals(OptionalLong.empty(), second.join());
    assertFalse(lock.isHeldBy(me));
    assertEquals(OptionalLong.empty(), lock.waitForVar(me, 0), "free, whatever it was");
  }

  @Test
  void onlyTheExclusiveHolderSetsTheVariable() {
    lock.acquire(me, LWLockMode.SHARED);
    assertThrows(IllegalMonitorStateException.class, () -> lock.updateVar(me, 1));
    assertThrows(IllegalMonitorStateException.class, () -> lock.releaseClearVar(me, 1));
    assertEquals(OptionalLong.empty(), lock.waitForVar(me, 0), "nobody holds it exclusively");
    lock.release(me);
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    assertThrows(IllegalMonitorStateException.class, () -> lock.waitForVar(me, 0));
  }

  @ParameterizedTest
  @EnumSource
  void aDisownedLockIsHeldUntilAnotherReleasesIt(LWLockMode mode) throws Exception {
    assertThrows(IllegalMonitorStateException.class, () -> lock.disown(me));
    lock.acquire(me, mode);
    assertThrows(IllegalMonitorStateException.class, () -> lock.releaseDisowned(me));
    lock.disown(me);
    assertFalse(lock.isHeldBy(me));
    assertThrows(IllegalMonitorStateException.class, () -> lock.release(me));
    fixture.inAnotherThread(
        other -> {
          assertFalse(lock.tryAcquire(other, LWLockMode.EXCLUSIVE));
          lock.releaseDisowned(other);
          assertTrue(lock.tryAcquire(other, LWLockMode.EXCLUSIVE));
          lock.release(other);
          assertThrows(IllegalMonitorStateException.class, () -> lock.releaseDisowned(other));
          return null;
        });
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    lock.release(me);
    assertEquals(0, me.heldLocks());
  }

  @Test
  void aBackendMayAcquireAgainWhatItHasDisowned() throws Exception {
    lock.acquire(me, LWLockMode.EXCLUSIVE);
    lock.disown(me);
    assertFalse(lock.tryAcquire(me, LWLockMode.SHARED), "it is held, by nobody");
    lock.releaseDisowned(me);
    lock.acquire(me, LWLockMode.SHARED);
    lock.disown(me);
    lock.acquire(me, LWLockMode.SHARED);
    assertTrue(lock.isHeldBy(me, LWLockMode.SHARED));
    lock.release(me);
    lock.releaseDisowned(me);
    assertTrue(lock.tryAcquire(me, LWLockMode.EXCLUSIVE));
    lock.release(me);
  }

  @Test
  void whatWasDisownedAndNotReleasedIsPoisonedWhenItsBackendLeaves() throws Exception {
    fixture.inAnotherThread(
        other -> {
          lock.acquire(other, LWLockMode.EXCLUSIVE);
          lock.disown(other);
          return null;
        });
    assertTrue(lock.isPoisoned());
    assertThrows(OwnerDiedException.class, () -> lock.acquire(me, LWLockMode.SHARED));
  }
}
