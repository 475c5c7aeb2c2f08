// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ShmemSizeTest {

  @Test
  void addsUpToTheGreatestLong() {
    assertEquals(3, ShmemSize.add(1, 2));
    assertEquals(Long.MAX_VALUE, ShmemSize.add(Long.MAX_VALUE - 5, 5));
  }

  @Test
  void anOverflowingSumNamesItsOperands() {
    ArithmeticException e =
        assertThrows(ArithmeticException.class, () -> ShmemSize.add(Long.MAX_VALUE, 7));
    assertEquals("size overflows: 9223372036854775807 + 7", e.getMessage());
  }

  @Test
  void multipliesUpToTheGreatestLong() {
    assertEquals(0, ShmemSize.mul(0, Long.MAX_VALUE));
    assertEquals(42, ShmemSize.mul(6, 7));
    assertEquals(Long.MAX_VALUE, ShmemSize.mul(Long.MAX_VALUE, 1));
  }

  @Test
  void anOverflowingProductNamesItsOperands() {
    ArithmeticException e =
        assertThrows(ArithmeticException.class, () -> ShmemSize.mul(1L << 62, 3));
    assertEquals("size overflows: 4611686018427387904 * 3", e.getMessage());
    assertThrows(ArithmeticException.class, () -> ShmemSize.mul(1L << 62, 2));
    assertThrows(ArithmeticException.class, () -> ShmemSize.mul(1L << 40, 1L << 40));
  }

  @Test
  void aNegativeSizeIsRefusedWithItsValue() {
    for (IllegalArgumentException e :
        new IllegalArgumentException[] {
          assertThrows(IllegalArgumentException.class, () -> ShmemSize.add(-8, 1)),
          assertThrows(IllegalArgumentException.class, () -> ShmemSize.add(1, -8)),
          assertThrows(IllegalArgumentException.class, () -> ShmemSize.mul(-8, 1)),
          assertThrows(IllegalArgumentException.class, () -> ShmemSize.cacheLineAlign(-8))
        }) {
      assertTrue(e.getMessage().contains("-8"), e.getMessage());
    }
  }

  @Test
  void roundsUpToCacheLines() {
    assertEquals(0, ShmemSize.cacheLineAlign(0));
    assertEquals(64, ShmemSize.cacheLineAlign(1));
    assertEquals(64, ShmemSize.cacheLineAlign(64));
    assertEquals(128, ShmemSize.cacheLineAlign(65));
    assertThrows(ArithmeticException.class, () -> ShmemSize.cacheLineAlign(Long.MAX_VALUE));
  }
}
