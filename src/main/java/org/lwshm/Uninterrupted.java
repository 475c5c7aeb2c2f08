// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** Sleeps that an interrupt does not cut short; the thread stays marked as interrupted. */
final class Uninterrupted {

  private Uninterrupted() {}

  static void sleep(long ms) {
    boolean interrupted = Thread.interrupted();
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
