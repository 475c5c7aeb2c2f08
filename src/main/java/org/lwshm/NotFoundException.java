// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** There is nothing of that name in the segment, or no segment where one was looked for. */
public class NotFoundException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   */
  public NotFoundException(String message) {
    super(message);
  }
}
