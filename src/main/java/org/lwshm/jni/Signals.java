// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import sun.misc.Signal;

/** The signals that this process gets. */
public final class Signals {

  private Signals() {}

  /**
   * Has a signal handled, also if the process was started with that ignored, in which case the JVM
   * would leave it so.
   *
   * @param name without its SIG
   * @param handler called by a thread of its own, each time
   */
  public static void handle(String name, Runnable handler) {
    Signal signal = new Signal(name);
    Status.check(ProcessNative.heed(signal.getNumber()));
    Signal.handle(signal, received -> handler.run());
  }
}
