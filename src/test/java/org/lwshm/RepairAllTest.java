// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Everything that is poisoned, found and repaired at once. */
class RepairAllTest {

  @TempDir Path dataDir;
  private Segment segment;
  private LWLockTranche first;
  private LWLockTranche second;

  @BeforeEach
  void poison() throws Exception {
    segment = Segment.builder(dataDir).tranche("first", 3).tranche("second", 70).create();
    first = segment.tranche("first");
    second = segment.tranche("second");
    assertEquals(List.of(), segment.poisonedLocks());
    Thread thread =
        new Thread(
            () -> {
              Backend backend = segment.join();
              first.lock(0).acquire(backend, LWLockMode.EXCLUSIVE);
              first.lock(2).acquire(backend, LWLockMode.EXCLUSIVE);
              for (int i = 0; i < second.size(); i++) {
                second.lock(i).acquire(backend, LWLockMode.EXCLUSIVE);
              }
            });
    thread.start();
    thread.join();
    segment.reapDead();
    // The keeper may have been first.
    Await.until(() -> segment.poisonedLocks().size() == 72);
  }

  @AfterEach
  void close() {
    segment.close();
  }

  @Test
  void poisonedLocksAreToldByTheirTranches() {
    List<LWLock> poisoned = segment.poisonedLocks();
    List<LWLock> expected = new ArrayList<>(List.of(first.lock(0), first.lock(2)));
    for (int i = 0; i < second.size(); i++) {
      expected.add(second.lock(i));
    }
    assertEquals(expected, poisoned);
  }

  @Test
  void whatCanBeRepairedIsAndTheRestIsNamed() {
    second.onRepair((backend, lock) -> {});
    try (Backend me = segment.join()) {
      OwnerDiedException e = assertThrows(OwnerDiedException.class, segment::repairAll);
      assertEquals("first", e.tranche());
      assertEquals(0, e.index());
      assertEquals(1, e.getSuppressed().length);
      assertEquals(2, ((OwnerDiedException) e.getSuppressed()[0]).index());
      assertEquals(List.of(first.lock(0), first.lock(2)), segment.poisonedLocks());
      first.onRepair((backend, lock) -> {});
      assertEquals(2, segment.repairAll());
      assertEquals(0, segment.repairAll());
      assertEquals(0, me.heldLocks());
    }
  }

  @Test
  void aThreadThatHasNotJoinedJoinsAndRepairs() {
    first.onRepair((backend, lock) -> {});
    second.onRepair((backend, lock) -> {});
    assertEquals(72, segment.repairAll());
    assertEquals(1, segment.backends().size());
  }
}
