// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * There is no room, slot or record left in the segment; the message says which option raises the
 * limit when the segment is made.
 */
public final class LimitExceededException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #asked()} returns. */
  private final long asked;

  /** What {@link #left()} returns. */
  private final long left;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param asked how much was asked for
   * @param left how much is left
   */
  public LimitExceededException(String message, long asked, long left) {
    super(message);
    this.asked = asked;
    this.left = left;
  }

  /** {@return how much was asked for} */
  public long asked() {
    return asked;
  }

  /** {@return how much is left} */
  public long left() {
    return left;
  }
}
