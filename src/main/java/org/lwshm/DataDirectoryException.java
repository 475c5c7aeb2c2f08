// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * The data directory is missing, is no directory, belongs to another user, or is not writable; the
 * message names the path and the reason.
 */
public final class DataDirectoryException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   */
  public DataDirectoryException(String message) {
    super(message);
  }
}
