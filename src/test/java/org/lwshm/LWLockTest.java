// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.lwshm.jni.LWLockNative;

class LWLockTest {

  private static final int MAX_HELD = 16;

  private Segment segment;
  private LWLockTranche tranche;
  private LWLock lock;
  private SharedStruct data;

  @BeforeEach
  void create() {
    segment =
        Segment.privateBuilder()
            .maxHeldLocks(MAX_HELD)
            .tranche("rows", 3 * MAX_HELD)
            .struct("data", 64)
            .create();
    tranche = segment.tranche("rows");
    lock = tranche.lock(0);
    data = segment.struct("data");
  }

  @AfterEach
  void close() {
    segment.close();
  }

  @ParameterizedTest
  @EnumSource
  void isHeldFromAcquireToRelease(LWLockMode mode) {
    try (Backend me = segment.join()) {
      for (int i = 0; i < 3; i++) {
        assertFalse(lock.isHeldBy(me));
        lock.acquire(me, mode);
        assertTrue(lock.isHeldBy(me));
        assertTrue(lock.isHeldBy(me, mode));
        assertFalse(lock.isHeldBy(me, other(mode)));
        assertEquals(1, me.heldLocks());
        lock.release(me);
        assertFalse(lock.isHeldBy(me));
        assertEquals(0, me.heldLocks());
        assertTrue(lock.tryAcquire(me, mode));
        assertTrue(lock.isHeldBy(me, mode));
        lock.release(me);
      }
      assertFalse(lock.hasWaiters());
    }
  }

  private static LWLockMode other(LWLockMode mode) {
    return mode == LWLockMode.SHARED ? LWLockMode.EXCLUSIVE : LWLockMode.SHARED;
  }

  @ParameterizedTest
  @EnumSource
  void theConvenienceUsesTheThreadsOwnBackend(LWLockMode mode) {
    try (Backend me = segment.join()) {
      lock.acquire(mode);
      assertTrue(lock.isHeldBy(me, mode));
      lock.release();
      assertTrue(lock.tryAcquire(mode));
      lock.release();
    }
  }

  @ParameterizedTest
  @EnumSource
  void askingForALockThatIsHeldIsAnErrorAtOnce(LWLockMode mode) {
    try (Backend me = segment.join()) {
      lock.acquire(me, mode);
      for (LWLockMode again : LWLockMode.values()) {
        assertThrows(IllegalMonitorStateException.class, () -> lock.acquire(me, again));
        assertThrows(IllegalMonitorStateException.class, () -> lock.tryAcquire(me, again));
      }
      assertTrue(lock.isHeldBy(me, mode), "and it is held as before");
      lock.release(me);
    }
  }

  @Test
  void releasingWhatIsNotHeldIsAnError() {
    try (Backend me = segment.join()) {
      assertThrows(IllegalMonitorStateException.class, () -> lock.release(me));
      lock.acquire(me, LWLockMode.SHARED);
      lock.release(me);
      assertThrows(IllegalMonitorStateException.class, () -> lock.release(me));
    }
  }

  @Test
  void locksThatShareAPlaceAreHeldTogether() {
    try (Backend me = segment.join()) {
      LWLock[] three = {tranche.lock(0), tranche.lock(MAX_HELD), tranche.lock(2 * MAX_HELD)};
      for (LWLock one : three) {
        one.acquire(me, LWLockMode.EXCLUSIVE);
      }
      for (LWLock one : three) {
        assertTrue(one.isHeldBy(me, LWLockMode.EXCLUSIVE));
        assertThrows(IllegalMonitorStateException.class, () -> one.acquire(me, LWLockMode.SHARED));
      }
      // The first stands at its place; released, the others are found all the same.
      for (LWLock one : three) {
        one.release(me);
        assertFalse(one.isHeldBy(me));
      }
      three[1].acquire(me, LWLockMode.SHARED);
      assertTrue(three[1].isHeldBy(me, LWLockMode.SHARED));
      three[1].release(me);
      assertEquals(0, me.heldLocks());
    }
  }

  @Test
  void oneLockTooManyIsRefusedByName() {
    try (Backend me = segment.join()) {
      for (int i = 0; i < MAX_HELD; i++) {
        tranche.lock(i).acquire(me, LWLockMode.SHARED);
      }
      LimitExceededException e =
          assertThrows(
              LimitExceededException.class,
              () -> tranche.lock(MAX_HELD).acquire(me, LWLockMode.SHARED));
      assertTrue(e.getMessage().contains("max_held_locks"), e.getMessage());
      assertEquals(MAX_HELD, me.releaseAll());
      tranche.lock(MAX_HELD).acquire(me, LWLockMode.SHARED);
      tranche.lock(MAX_HELD).release(me);
    }
  }

  @Test
  void sharedHoldersExcludeExclusiveOnesAlone() throws Exception {
    try (Backend me = segment.join()) {
      lock.acquire(me, LWLockMode.SHARED);
      inAnotherThread(
          other -> {
            assertTrue(lock.tryAcquire(other, LWLockMode.SHARED));
            lock.release(other);
            assertFalse(lock.tryAcquire(other, LWLockMode.EXCLUSIVE));
            assertEquals(0, other.heldLocks());
          });
      lock.release(me);
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      inAnotherThread(
          other -> {
            assertFalse(lock.tryAcquire(other, LWLockMode.SHARED));
            assertFalse(lock.tryAcquire(other, LWLockMode.EXCLUSIVE));
          });
      lock.release(me);
      inAnotherThread(
          other -> {
            assertTrue(lock.tryAcquire(other, LWLockMode.EXCLUSIVE));
            lock.release(other);
          });
    }
  }

  private interface Work {
    void with(Backend backend) throws Exception;
  }

  private TestThread<Void> start(Work work) {
    return TestThread.start(
        "another",
        () -> {
          try (Backend backend = segment.join()) {
            work.with(backend);
            return null;
          }
        });
  }

  private void inAnotherThread(Work work) throws Exception {
    start(work).join();
  }

  @ParameterizedTest
  @EnumSource
  void aWaiterSleepsUntilTheExclusiveHolderReleases(LWLockMode mode) throws Exception {
    try (Backend me = segment.join()) {
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      data.putLong(0, 1);
      TestThread<Void> waiter =
          start(
              other -> {
                lock.acquire(other, mode);
                assertEquals(2, data.getLong(0));
                lock.release(other);
              });
      Await.until(lock::hasWaiters);
      data.putLong(0, 2);
      lock.release(me);
      waiter.join();
    }
  }

  @Test
  void anExclusiveWaiterSleepsUntilTheLastReaderReleases() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch entered = new CountDownLatch(1);
    try (Backend me = segment.join()) {
      lock.acquire(me, LWLockMode.SHARED);
      TestThread<Void> reader =
          start(
              other -> {
                lock.acquire(other, LWLockMode.SHARED);
                entered.countDown();
                goOn.await();
                lock.release(other);
              });
      entered.await();
      TestThread<Void> writer =
          start(
              other -> {
                lock.acquire(other, LWLockMode.EXCLUSIVE);
                data.putLong(0, 1);
                lock.release(other);
              });
      Await.until(lock::hasWaiters);
      goOn.countDown();
      reader.join();
      assertEquals(0, data.getLong(0), "one reader is still inside");
      lock.release(me);
      writer.join();
      assertEquals(1, data.getLong(0));
    }
  }

  @Test
  void aWaiterForExclusiveInterruptedWaitsOn() throws Exception {
    try (Backend me = segment.join()) {
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      TestThread<Void> waiter =
          start(
              other -> {
                lock.acquire(other, LWLockMode.EXCLUSIVE);
                assertTrue(Thread.interrupted());
                lock.release(other);
              });
      Await.until(lock::hasWaiters);
      waiter.thread().interrupt();
      lock.release(me);
      waiter.join();
    }
  }

  /** How a thread takes the lock: by the fast path in Java, or all in C. */
  private enum Way {
    JAVA,
    NATIVE;

    void acquire(LWLock lock, Backend me, LWLockMode mode) {
      if (this == JAVA) {
        lock.acquire(me, mode);
      } else {
        assertEquals(1, acquireInC(lock, me, mode));
      }
    }

    static int acquireInC(LWLock lock, Backend me, LWLockMode mode) {
      return LWLockNative.acquireSlow(
          me.handle(), lock.offset(), mode.code(), LWLockNative.FOREVER, 0);
    }

    void release(LWLock lock, Backend me) {
      if (this == JAVA) {
        lock.release(me);
      } else {
        assertEquals(0, LWLockNative.release(me.handle(), lock.offset()));
      }
    }
  }

  @Test
  void whatOneLanguageAcquiresTheOtherReleases() {
    try (Backend me = segment.join()) {
      for (LWLockMode mode : LWLockMode.values()) {
        Way.JAVA.acquire(lock, me, mode);
        assertEquals(mode.code(), LWLockNative.isHeldBy(me.handle(), lock.offset()));
        Way.NATIVE.release(lock, me);
        Way.NATIVE.acquire(lock, me, mode);
        assertTrue(lock.isHeldBy(me, mode));
        Way.JAVA.release(lock, me);
        assertEquals(0, LWLockNative.isHeldBy(me.handle(), lock.offset()));
      }
    }
  }

  @Test
  void threadsInBothModesAndBothLanguagesCountExactly() throws Exception {
    int threads = 4;
    int turns = 20_000;
    List<TestThread<Integer>> all = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      Way way = Way.values()[i % 2];
      all.add(TestThread.start("counter-" + i, () -> count(way, turns)));
    }
    int writes = 0;
    for (TestThread<Integer> thread : all) {
      writes += thread.join();
    }
    assertEquals(writes, data.getLong(0));
    assertEquals(writes, data.getLong(8));
    assertFalse(lock.hasWaiters());
  }

  /** Changes two words together, or sees that they are equal; returns how often it changed them. */
  private int count(Way way, int turns) {
    int writes = 0;
    try (Backend me = segment.join()) {
      for (int i = 0; i < turns; i++) {
        int dice = ThreadLocalRandom.current().nextInt(10);
        if (dice == 0 && lock.tryAcquire(me, LWLockMode.EXCLUSIVE)
            || dice == 1 && acquire(way, me, LWLockMode.EXCLUSIVE)) {
          data.putLong(0, data.getLong(0) + 1);
          data.putLong(8, data.getLong(8) + 1);
          writes++;
          way.release(lock, me);
        } else if (dice == 2 && lock.tryAcquire(me, LWLockMode.SHARED)
            || dice > 2 && acquire(way, me, LWLockMode.SHARED)) {
          assertEquals(data.getLong(0), data.getLong(8));
          way.release(lock, me);
        }
      }
    }
    return writes;
  }

  private boolean acquire(Way way, Backend me, LWLockMode mode) {
    way.acquire(lock, me, mode);
    return true;
  }

  @Test
  void aTrancheKnowsItsLocks() {
    assertEquals("rows", tranche.name());
    assertEquals(3 * MAX_HELD, tranche.size());
    assertEquals(tranche.lock(1), segment.tranche("rows").lock(1));
    assertEquals(tranche.lock(1).hashCode(), segment.tranche("rows").lock(1).hashCode());
    assertNotEquals(tranche.lock(1), tranche.lock(2));
    assertEquals("rows[2]", tranche.lock(2).toString());
    assertEquals(64, tranche.lock(2).offset() - tranche.lock(1).offset());
    assertNotEquals(tranche.id(), segment.tranche("more", 1).id());
    IndexOutOfBoundsException e =
        assertThrows(IndexOutOfBoundsException.class, () -> tranche.lock(3 * MAX_HELD));
    assertTrue(e.getMessage().contains("\"rows\""), e.getMessage());
    assertThrows(IndexOutOfBoundsException.class, () -> tranche.lock(-1));
  }

  @Test
  void aModeThatIsNullIsRefusedBeforeAnythingIsWritten() {
    try (Segment segment = Segment.privateBuilder().tranche("locks", 1).create();
        Backend me = segment.join()) {
      LWLock lock = segment.tranche("locks").lock(0);
      assertThrows(NullPointerException.class, () -> lock.acquire(me, null));
      assertEquals(0, me.heldLocks());
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      lock.release(me);
    }
  }
}
