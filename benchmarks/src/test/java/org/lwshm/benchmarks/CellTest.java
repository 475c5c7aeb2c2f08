// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.lwshm.benchmarks.Cell.Load;

class CellTest {

  @Test
  void aGridHasEachNumberOfProcessesWithEachLoadOnce() {
    List<Cell> grid =
        Cell.grid(List.of("exclusive"), List.of(1, 2, 4, 8), List.of(0, 50), List.of(0, 50, 500));
    assertEquals(4 * 2 * 3, grid.size());
    assertEquals(grid.size(), new HashSet<>(grid).size());
    assertTrue(grid.contains(new Cell("exclusive", 4, new Load(50, 500))));
  }

  @Test
  void aBatchIsShorterTheMoreWorkThereIs() {
    assertEquals(256, Load.NONE.batch());
    assertEquals(200, new Load(50, 0).batch());
    assertEquals(10, new Load(500, 500).batch());
    assertEquals(1, new Load(5000, 50_000).batch());
  }

  @Test
  void aResultWithoutWorkIsNamedAsInEarlierRecordings() {
    assertEquals(
        "lwshm, C, exclusive, 2, M/s",
        Contest.throughput(Contestant.LWSHM_C, Contest.EXCLUSIVE, 2));
    assertEquals(
        "PostgreSQL, shared, 8, 50 ns inside, 0 between, ms longest",
        Contest.key(Contestant.POSTGRES, new Cell("shared", 8, new Load(50, 0)), Contest.LONGEST));
  }
}
