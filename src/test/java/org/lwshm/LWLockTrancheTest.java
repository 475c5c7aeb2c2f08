// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How often the waiters of a tranche look before they sleep. */
class LWLockTrancheTest {

  private static final int MOST = 65_535;

  private LockFixture fixture;
  private LWLockTranche tranche;

  @BeforeEach
  void create() {
    fixture = new LockFixture();
    tranche = fixture.tranche;
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @Test
  void aWaiterDoesNotSpinUntilTheTrancheHasLearnedTo() {
    assertEquals(0, tranche.statistics().spins());
    tranche.setSpins(7);
    assertEquals(7, tranche.statistics().spins());
    tranche.setSpins(LWLockTranche.SPINS_LEARNED);
    assertEquals(0, tranche.statistics().spins(), "the default");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 100, MOST})
  void aNumberThatIsSetIsInForce(int turns) throws Exception {
    LWLockTranche other = fixture.segment.tranche("other", 1);
    tranche.setSpins(turns);
    assertEquals(turns, tranche.statistics().spins());
    assertEquals(0, other.statistics().spins(), "the other tranche's is its own");
    contend();
    assertEquals(turns, tranche.statistics().spins(), "no trial changes it");
  }

  /** Waits for the lock, so often that a tranche that learns has begun a trial. */
  private void contend() throws Exception {
    try (Backend me = fixture.segment.join()) {
      for (int i = 0; i < 50; i++) {
        fixture.lock.acquire(me, LWLockMode.EXCLUSIVE);
        TestThread<Void> waiter =
            fixture.start(
                other -> {
                  fixture.lock.acquire(other, LWLockMode.EXCLUSIVE);
                  fixture.lock.release(other);
                  return null;
                });
        Await.until(() -> fixture.isWaitedFor() || !waiter.thread().isAlive());
        fixture.lock.release(me);
        waiter.join();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {-2, Integer.MIN_VALUE, MOST + 1, Integer.MAX_VALUE})
  void anythingElseIsRefusedByName(int turns) {
    tranche.setSpins(3);
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> tranche.setSpins(turns));
    assertTrue(e.getMessage().contains("" + turns), e.getMessage());
    assertEquals(3, tranche.statistics().spins(), "and nothing has changed");
  }

  @Test
  void itHoldsForEveryAttachment(@TempDir Path dataDir) {
    try (Segment made = Segment.builder(dataDir).tranche("rows", 1).create();
        Segment attached = Segment.attach(dataDir)) {
      made.tranche("rows").setSpins(5);
      assertEquals(5, attached.tranche("rows").statistics().spins());
    }
  }

  @Test
  void aClosedSegmentIsRefused() {
    fixture.close();
    assertThrows(IllegalStateException.class, () -> tranche.setSpins(1));
    assertThrows(IllegalStateException.class, tranche::statistics);
  }
}
