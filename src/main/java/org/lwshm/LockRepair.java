// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** What happens to a lock whose holder died inside. */
final class LockRepair {

  private LockRepair() {}

  /**
   * Has what the lock guards repaired, if it still has to be. The backend holds it exclusively, and
   * holds it no more if this throws.
   */
  static void repair(LWLock lock, Backend backend, RepairCallback callback) {
    try {
      if (lock.isPoisoned()) {
        callback.repair(backend, lock);
        lock.markConsistent(backend);
      }
    } catch (Throwable e) {
      // Whatever it is: the data are not consistent, and nobody must find the lock held for ever.
      if (e instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      OwnerDiedException failure = ownerDied(lock, e);
      try {
        lock.release(backend);
      } catch (RuntimeException notHeld) {
        failure.addSuppressed(notHeld);
      }
      throw failure;
    }
  }

  /** With what the repair callback threw, or null if there is none. */
  static OwnerDiedException ownerDied(LWLock lock, Throwable cause) {
    return new OwnerDiedException(
        "the holder of lock "
            + lock
            + " died inside, so what it guards may be half-changed; "
            + (cause == null
                ? "register a callback with LWLockTranche.onRepair, or acquire it for repair"
                : "its repair failed: " + cause),
        lock.tranche().name(),
        lock.index(),
        cause);
  }
}
