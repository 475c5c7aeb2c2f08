// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class OutcomeTest {

  private final Outcome two =
      Outcome.of(
          List.of(
              Outcome.parse("300 1000000000 500000000 7"),
              Outcome.parse("100 2000000000 700000000 9")));

  @Test
  void throughputIsTheSumOfEachInItsOwnTime() {
    assertEquals(350, two.perSecond(), 1e-9);
  }

  @Test
  void costIsProcessorTimeByOperation() {
    assertEquals(3_000_000, two.cost(), 1e-9);
  }

  @Test
  void theLeastShareIsTheSlowestWorkersPartOfTheMean() {
    assertEquals(0.5, two.leastShare(), 1e-9);
    assertEquals(1, Outcome.parse("300 1 1 1").leastShare(), 1e-9);
  }

  @Test
  void theLongestIsTheLongestOfAll() {
    assertEquals(9, two.longestNs());
  }

  @Test
  void theThreadsOfAJvmAnswerInOneLine() {
    assertEquals(two, Outcome.parse(two.toString()));
    assertThrows(IllegalArgumentException.class, () -> Outcome.parse("1 2 3 4 5"));
  }
}
