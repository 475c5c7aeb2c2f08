// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * A process or thread ended while it held the lock exclusively, so what the lock guards may be
 * half-changed. The lock is not held by who hears this; it stays poisoned, and everybody who
 * acquires it hears the same, until somebody has put things right: the {@link RepairCallback} of
 * its tranche, or a caller of {@link LWLock#acquireForRepair}.
 */
public final class OwnerDiedException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #tranche()} returns. */
  private final String tranche;

  /** What {@link #index()} returns. */
  private final int index;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param tranche the name of the lock's tranche
   * @param index the lock's index in it
   * @param cause what the repair callback threw; null if there is no callback
   */
  public OwnerDiedException(String message, String tranche, int index, Throwable cause) {
    super(message, cause);
    this.tranche = tranche;
    this.index = index;
  }

  /** {@return the name of the lock's tranche} */
  public String tranche() {
    return tranche;
  }

  /** {@return the lock's index in its tranche} */
  public int index() {
    return index;
  }
}
