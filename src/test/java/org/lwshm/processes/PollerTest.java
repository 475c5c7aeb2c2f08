// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.OwnerDiedException;
import org.lwshm.Segment;
import org.lwshm.SemaphoreKind;
import org.lwshm.sync.Semaphore;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Member;

/** A caller that never waits, or never for long, gets what a killed process held all the same. */
class PollerTest {

  private static final Duration SHORT = Duration.ofNanos(10_000);
  private static final int PERMITS = 2;

  /** How it asks. */
  enum Way {
    TRY,
    ZERO,
    SHORT;

    boolean acquire(LWLock lock, LWLockMode mode) throws InterruptedException {
      return switch (this) {
        case TRY -> lock.tryAcquire(mode);
        case ZERO -> lock.tryAcquire(mode, Duration.ZERO);
        case SHORT -> lock.tryAcquire(mode, PollerTest.SHORT);
      };
    }

    boolean acquire(Semaphore semaphore) throws InterruptedException {
      return switch (this) {
        case TRY -> semaphore.tryAcquire(PERMITS);
        case ZERO -> semaphore.tryAcquire(PERMITS, 0, TimeUnit.SECONDS);
        case SHORT -> semaphore.tryAcquire(PERMITS, 10, TimeUnit.MICROSECONDS);
      };
    }
  }

  private final Children children = new Children();
  @TempDir private Path dataDir;
  private Segment segment;
  private LWLock lock;

  @BeforeEach
  void create() {
    segment =
        Member.builder(dataDir)
            .semaphore("owned", PERMITS, SemaphoreKind.OWNED)
            .struct("use", 64)
            .create();
    lock = segment.tranche("locks").lock(0);
    segment.join(); // before the kill: a join might clean up
  }

  @AfterEach
  void end() {
    segment.close();
    children.close();
  }

  private Child holder(String mode) throws InterruptedException {
    Child holder = children.cMember();
    holder.ok("attach " + dataDir);
    holder.ok("join");
    holder.ok("acquire 0 " + mode);
    return holder;
  }

  @ParameterizedTest
  @CsvSource({
    "TRY, EXCLUSIVE",
    "TRY, SHARED",
    "ZERO, EXCLUSIVE",
    "ZERO, SHARED",
    "SHORT, EXCLUSIVE",
    "SHORT, SHARED"
  })
  void isToldThatTheExclusiveHolderDied(Way way, LWLockMode mode) throws Exception {
    Child holder = holder("X");
    assertFalse(way.acquire(lock, mode));
    holder.kill();
    assertTrue(pollUntilToldOfTheDeath(way, mode));
    assertTrue(lock.isPoisoned());
    assertFalse(lock.isHeldByCurrentThread());
  }

  private boolean pollUntilToldOfTheDeath(Way way, LWLockMode mode) throws InterruptedException {
    try {
      while (!way.acquire(lock, mode)) {
        Thread.sleep(0, 100_000);
      }
      return false;
    } catch (OwnerDiedException e) {
      return true;
    }
  }

  @ParameterizedTest
  @EnumSource
  void getsTheLockOfASharedHolderThatDied(Way way) throws Exception {
    Child holder = holder("S");
    assertFalse(way.acquire(lock, LWLockMode.EXCLUSIVE));
    holder.kill();
    while (!way.acquire(lock, LWLockMode.EXCLUSIVE)) {
      Thread.sleep(0, 100_000);
    }
    assertFalse(lock.isPoisoned());
    lock.release();
  }

  @ParameterizedTest
  @EnumSource
  void getsThePermitsOfAHolderThatDied(Way way) throws Exception {
    Child holder = children.program("sync/semaphore_program");
    holder.ok("attach " + dataDir + " owned");
    holder.ok("acquire 1");
    Semaphore owned = Semaphore.find(segment, "owned");
    assertFalse(way.acquire(owned));
    holder.kill();
    while (!way.acquire(owned)) {
      Thread.sleep(0, 100_000);
    }
    assertEquals(PERMITS, owned.heldByCurrentThread());
  }
}
