// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.function.BooleanSupplier;

/** Waits for facts. */
final class Await {

  private Await() {}

  /** Returns when {@code fact} holds, however long that takes. */
  static void until(BooleanSupplier fact) throws InterruptedException {
    while (!fact.getAsBoolean()) {
      Thread.sleep(1);
    }
  }
}
