// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

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
    // Named in full, since an import of it would be warned of in a way that nothing suppresses.
    sun.misc.Signal signal = new sun.misc.Signal(name);
    Status.check(ProcessNative.heed(signal.getNumber()));
    sun.misc.Signal.handle(signal, received -> handler.run());
  }
}
