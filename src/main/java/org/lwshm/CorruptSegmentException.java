// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * A field of the segment is out of its range; the message names the field. Nothing behind it was
 * used.
 */
public final class CorruptSegmentException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #value()} returns. */
  private final long value;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param value the value that was found
   */
  public CorruptSegmentException(String message, long value) {
    super(message);
    this.value = value;
  }

  /** {@return the value that was found} */
  public long value() {
    return value;
  }
}
