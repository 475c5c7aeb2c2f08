// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ContestantTest {

  @Test
  void eachIsFoundByItsKey() {
    for (Contestant contestant : Contestant.values()) {
      assertSame(contestant, Contestant.parse(contestant.key()));
    }
    assertEquals("lwshm-c-100", Contestant.LWSHM_C_100.key());
  }

  @Test
  void anUnknownKeyIsRefusedWithTheKnownOnes() {
    Exception refused =
        assertThrows(IllegalArgumentException.class, () -> Contestant.parse("futex"));
    assertTrue(refused.getMessage().contains("lwshm-c,lwshm-c-0"), refused.getMessage());
  }

  @Test
  void onlyTheOnesWithoutFixedSpinsLearn() {
    assertEquals(
        List.of(Contestant.LWSHM_C, Contestant.LWSHM_JAVA),
        Contestant.ofLwshm().filter(Contestant::learns).toList());
  }

  @Test
  void aMutexHasNoSharedMode() {
    assertTrue(Contestant.MUTEX.has(Contest.EXCLUSIVE));
    assertFalse(Contestant.MUTEX.has(Contest.SHARED));
    assertTrue(Contestant.LWSHM_JAVA_0.has(Contest.SHARED));
  }
}
