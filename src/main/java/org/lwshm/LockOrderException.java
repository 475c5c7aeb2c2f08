// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * Locks were about to be taken in an order that can lead to a deadlock, whether or not it would
 * have this time; the message names both tranches. Only thrown where the system property {@code
 * org.lwshm.checkLockOrder} is true; see {@link LWLock}.
 */
public final class LockOrderException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the names
   */
  public LockOrderException(String message) {
    super(message);
  }
}
