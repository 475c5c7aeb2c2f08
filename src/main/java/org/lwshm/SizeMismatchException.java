// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** A structure or tranche of that name exists with another size. */
public final class SizeMismatchException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #asked()} returns. */
  private final long asked;

  /** What {@link #found()} returns. */
  private final long found;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param asked the size asked for, in bytes or locks
   * @param found the size found, in bytes or locks
   */
  public SizeMismatchException(String message, long asked, long found) {
    super(message);
    this.asked = asked;
    this.found = found;
  }

  /** {@return the size asked for, in bytes or locks} */
  public long asked() {
    return asked;
  }

  /** {@return the size found, in bytes or locks} */
  public long found() {
    return found;
  }
}
