// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import sun.misc.Signal;
import sun.misc.SignalHandler;

/** The signals that this process gets. */
public final class Signals {

  private Signals() {}

  /**
   * Has a signal handled, also if the process was started with that ignored, in which case the JVM
   * would leave it so.
   *
   * @param name without its SIG
   * @param handler called by a thread of its own, each time
   * @return has it handled as it was before, unless somebody else handles it by now
   */
  public static Runnable handle(String name, Runnable handler) {
    Signal signal = new Signal(name);
    Status.check(ProcessNative.heed(signal.getNumber()));
    SignalHandler ours = received -> handler.run();
    SignalHandler before = Signal.handle(signal, ours);
    return () -> {
      SignalHandler now = Signal.handle(signal, before);
      if (now != ours) {
        Signal.handle(signal, now);
      }
    };
  }
}
