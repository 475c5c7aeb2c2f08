// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import sun.misc.Signal;

/** The signals that this process gets. */
public final class Signals {

  private Signals() {}

  /**
   * Has a signal handled.
   *
   * @param name without its SIG
   * @param handler called by a thread of its own, each time
   */
  public static void handle(String name, Runnable handler) {
    Signal.handle(new Signal(name), signal -> handler.run());
  }
}
