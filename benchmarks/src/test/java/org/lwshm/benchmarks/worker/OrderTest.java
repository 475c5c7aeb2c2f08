// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class OrderTest {

  private final Order order =
      new Order("lwshm-java", "shared", 123_456_789_012L, 123_956_789_012L, 31, 3125, 10, 4);

  @Test
  void aWorkerReadsWhatTheDriverWrites() {
    assertEquals(order, Order.parse(order.line()));
  }

  @Test
  void aBackendIsAskedInSql() {
    assertEquals(
        "SELECT lwlock_benchmark('shared', 123456789012, 123956789012, 31, 3125, 10);",
        order.query());
  }

  @Test
  void anythingElseIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Order.parse("run lwshm-java shared 1 2"));
    assertThrows(
        IllegalArgumentException.class, () -> Order.parse(order.line().replace("run", "walk")));
  }
}
