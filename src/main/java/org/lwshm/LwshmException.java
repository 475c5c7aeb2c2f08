// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * What lwshm throws when the world is not as a caller hoped: a segment that is missing, damaged or
 * in use, a limit that is reached, a system call that failed. Each of these has a subclass, which
 * carries the values.
 *
 * <p>A caller's mistake is told with the exceptions that Java has for it: {@link
 * IllegalArgumentException}, {@link IllegalStateException} (a handle that was closed, a call in the
 * wrong phase or thread), {@link IllegalMonitorStateException} (a lock that is held already, or not
 * held), {@link IndexOutOfBoundsException} and {@link ArithmeticException} (a size that overflows).
 */
public class LwshmException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   */
  public LwshmException(String message) {
    super(message);
  }

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param cause what it came of; null if that is not another throwable
   */
  public LwshmException(String message, Throwable cause) {
    super(message, cause);
  }
}
