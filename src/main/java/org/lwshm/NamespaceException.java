// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * The segment was made in another IPC or PID namespace (a container of its own, as a rule), so its
 * processes cannot be told alive or dead from here; the message says which of the two differs.
 */
public final class NamespaceException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   */
  public NamespaceException(String message) {
    super(message);
  }
}
