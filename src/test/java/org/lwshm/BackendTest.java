// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class BackendTest {

  private Segment segment;
  private LWLock lock;

  @BeforeEach
  void create() {
    segment = Segment.privateBuilder().maxBackends(2).tranche("t", 600).create();
    lock = segment.tranche("t").lock(0);
  }

  @AfterEach
  void close() {
    segment.close();
  }

  @Test
  void aThreadHasOneBackendASegment() {
    try (Backend me = segment.join()) {
      assertSame(me, segment.backend());
      assertSame(segment, me.segment());
      IllegalStateException e = assertThrows(IllegalStateException.class, segment::join);
      assertTrue(e.getMessage().contains("joined"), e.getMessage());
    }
  }

  @Test
  void aSlotThatIsGivenBackGetsAnotherGeneration() {
    try (Backend me = segment.join()) {
      assertEquals(0, me.slot());
      assertEquals(0, me.generation());
    }
    try (Backend me = segment.join()) {
      assertEquals(0, me.slot());
      assertEquals(1, me.generation());
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      lock.release(me);
      lock.acquire(me, LWLockMode.SHARED);
      lock.release(me);
    }
  }

  @Test
  void countsAndReleasesWhatItHolds() {
    try (Backend me = segment.join()) {
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      segment.tranche("t").lock(1).acquire(me, LWLockMode.SHARED);
      assertEquals(2, me.heldLocks());
      assertEquals(2, me.releaseAll());
      assertEquals(0, me.heldLocks());
      assertEquals(0, me.releaseAll());
      assertTrue(lock.tryAcquire(me, LWLockMode.EXCLUSIVE));
    }
    assertEquals(List.of(), segment.backends());
  }

  @Test
  void holdsFromAcquireToRelease() {
    try (Backend me = segment.join()) {
      for (LWLockMode mode : LWLockMode.values()) {
        assertFalse(me.holdsAny());
        lock.acquire(me, mode);
        assertTrue(me.holdsAny());
        lock.release(me);
        assertFalse(me.holdsAny());
      }
    }
  }

  @Test
  void isSeenWithWhatItHoldsAndWaitsFor() throws Exception {
    try (Backend me = segment.join()) {
      lock.acquire(me, LWLockMode.EXCLUSIVE);
      TestThread<Void> waiter =
          TestThread.start(
              "waiter",
              () -> {
                try (Backend other = segment.join()) {
                  lock.acquire(other, LWLockMode.SHARED);
                  lock.release(other);
                  return null;
                }
              });
      Await.until(() -> segment.backends().stream().anyMatch(b -> b.waitLock() != 0));
      List<BackendInfo> backends = segment.backends();
      assertEquals(1, backends.get(0).heldLocks());
      assertEquals(ProcessHandle.current().pid(), backends.get(0).pid());
      assertEquals(lock.offset(), backends.get(1).waitLock());
      assertEquals(LWLockMode.SHARED, backends.get(1).waitMode());
      assertTrue(backends.get(1).waitSinceNanos() > 0);
      lock.release(me);
      waiter.join();
    }
  }

  @Test
  void useByAnotherThreadIsRefusedWithBothNames() throws Exception {
    try (Backend me = segment.join()) {
      lock.acquire(me, LWLockMode.SHARED);
      TestThread.start(
              "thief",
              () -> {
                for (Executable use :
                    List.<Executable>of(
                        () -> lock.acquire(me, LWLockMode.SHARED),
                        () -> lock.acquire(me, LWLockMode.EXCLUSIVE),
                        () -> lock.tryAcquire(me, LWLockMode.SHARED),
                        () -> lock.release(me),
                        me::heldLocks,
                        me::releaseAll,
                        me::close)) {
                  IllegalStateException e = assertThrows(IllegalStateException.class, use);
                  assertTrue(e.getMessage().contains("\"thief\""), e.getMessage());
                }
                return null;
              })
          .join();
      assertTrue(lock.isHeldBy(me));
    }
  }

  @Test
  void useAfterCloseThrows() {
    Backend me = segment.join();
    me.close();
    me.close();
    for (Executable use :
        List.<Executable>of(
            () -> lock.acquire(me, LWLockMode.SHARED),
            () -> lock.acquire(me, LWLockMode.EXCLUSIVE),
            () -> lock.tryAcquire(me, LWLockMode.SHARED),
            () -> lock.release(me),
            () -> lock.isHeldBy(me),
            me::heldLocks,
            me::releaseAll)) {
      IllegalStateException e = assertThrows(IllegalStateException.class, use);
      assertTrue(e.getMessage().contains("closed"), e.getMessage());
    }
  }

  @Test
  void useAfterTheSegmentsCloseThrows() {
    Backend me = segment.join();
    segment.close();
    me.close();
    for (Executable use :
        List.<Executable>of(
            () -> lock.acquire(me, LWLockMode.SHARED),
            () -> lock.tryAcquire(me, LWLockMode.EXCLUSIVE),
            () -> lock.release(me),
            () -> lock.isHeldBy(me),
            () -> lock.acquire(LWLockMode.SHARED),
            lock::hasWaiters,
            me::heldLocks,
            me::releaseAll)) {
      assertThrows(IllegalStateException.class, use);
    }
  }

  @Test
  void anotherSegmentsLockIsRefused() {
    try (Segment other = Segment.privateBuilder().tranche("t", 1).create();
        Backend there = other.join();
        Backend here = segment.join()) {
      assertThrows(IllegalArgumentException.class, () -> lock.acquire(there, LWLockMode.EXCLUSIVE));
      assertThrows(IllegalArgumentException.class, () -> lock.release(there));
      assertFalse(lock.isHeldBy(there));
      assertFalse(lock.isHeldBy(here));
    }
  }

  @Test
  void whenNoSeatIsLeftTheLimitIsNamed() throws Exception {
    try (Backend me = segment.join()) {
      assertEquals(0, me.slot());
      TestThread.start(
              "ends without leaving",
              () -> {
                Backend other = segment.join();
                LimitExceededException e =
                    TestThread.start(
                            "third",
                            () -> assertThrows(LimitExceededException.class, segment::join))
                        .join();
                assertTrue(e.getMessage().contains("max_backends"), e.getMessage());
                return other;
              })
          .join();
      // The seat of a thread that has ended is taken back when it is needed.
      TestThread.start(
              "fourth",
              () -> {
                try (Backend other = segment.join()) {
                  assertEquals(1, other.slot());
                  assertEquals(1, other.generation());
                  return null;
                }
              })
          .join();
    }
  }

  @Test
  void theBackendOfAThreadThatHasEndedMayBeClosedByAnother() throws Exception {
    Backend left = TestThread.start("ended", segment::join).join();
    left.close();
    assertEquals(List.of(), segment.backends());
  }
}
