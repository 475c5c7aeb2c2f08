// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WorkTest {

  /** The published sequence of this generator: measure.h has the same one. */
  @Test
  void isTheXorshiftGeneratorOfMeasureH() {
    assertEquals(1, Work.run(1, 0));
    assertEquals(1082269761L, Work.run(1, 1));
    assertEquals(1152992998833853505L, Work.run(1, 2));
    assertEquals(Work.run(1, 100), Work.run(Work.run(1, 60), 40));
  }
}
