// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** The SysV id is of a segment that is none of lwshm's, or not this user's: it was left alone. */
public final class ForeignSegmentException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   */
  public ForeignSegmentException(String message) {
    super(message);
  }
}
