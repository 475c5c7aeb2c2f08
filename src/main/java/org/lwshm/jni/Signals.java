// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/**
 * The signals that this process gets.
 *
 * <p>{@code sun.misc.Signal} is not imported: javadoc, unlike javac, cannot be told not to warn.
 */
public final class Signals {

  private Signals() {}

  /**
   * Has a signal handled.
   *
   * @param name without its SIG
   * @param handler called by a thread of its own, each time
   */
  public static void handle(String name, Runnable handler) {
    sun.misc.Signal.handle(new sun.misc.Signal(name), signal -> handler.run());
  }
}
