// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * A system call failed. The message says which, what errno means, and, where a kernel setting is
 * the cause, its name and present value.
 */
public final class SystemCallException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #errno()} returns. */
  private final int errno;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param errno the errno of the failed call
   */
  public SystemCallException(String message, int errno) {
    super(message);
    this.errno = errno;
  }

  /** {@return the errno of the failed call} */
  public int errno() {
    return errno;
  }
}
