// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** There is no segment for that data directory, or of that id. */
public final class SegmentNotFoundException extends NotFoundException {

  private static final long serialVersionUID = 1L;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   */
  public SegmentNotFoundException(String message) {
    super(message);
  }
}
