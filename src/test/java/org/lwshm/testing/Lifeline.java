// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import java.io.IOException;

/** What ties a child that obeys no commands to the test that started it. */
public final class Lifeline {

  private Lifeline() {}

  /** Ends this process, whatever it is doing, when its stdin ends: when the test is gone. */
  public static void hold() {
    Thread watcher = new Thread(Lifeline::watch, "lifeline");
    watcher.setDaemon(true);
    watcher.start();
  }

  private static void watch() {
    try {
      while (System.in.read() >= 0) {
        // Nothing is said to it.
      }
    } catch (IOException e) {
      // As good as the end.
    }
    Runtime.getRuntime().halt(1);
  }
}
