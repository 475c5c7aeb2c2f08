// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class CalibrationTest {

  private final Calibration calibration = Calibration.parse("100000 160000");

  @Test
  void readsHowLongATurnTakes() {
    assertEquals(1.6, calibration.nsPerTurn(), 1e-9);
  }

  @Test
  void turnsATimeIntoTheNearestNumberOfTurns() {
    assertEquals(31, calibration.turns(50));
    assertEquals(3125, calibration.turns(5000));
  }

  @Test
  void noTimeIsNoTurnAndAnyTimeAtLeastOne() {
    assertEquals(0, calibration.turns(0));
    assertEquals(1, new Calibration(40).turns(3));
  }
}
