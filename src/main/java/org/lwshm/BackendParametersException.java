// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * What a postmaster has left for this process, its child, is of no use: it is missing, damaged, or
 * not meant for this process any more. The message says which, and what to do.
 */
public final class BackendParametersException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   */
  public BackendParametersException(String message) {
    super(message);
  }
}
