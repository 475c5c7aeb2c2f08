// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * Puts right what a lock guards whose holder died inside, so that it may be half-changed.
 *
 * @see LWLockTranche#onRepair
 */
@FunctionalInterface
public interface RepairCallback {

  /**
   * Called by the thread that is acquiring the lock, which holds it exclusively for the time of the
   * call and must not release it. If it returns, the data are taken to be consistent. If it throws,
   * the lock is released and stays poisoned, and the acquire throws {@link OwnerDiedException} with
   * what was thrown as its cause.
   *
   * <p>It may take other locks, in the order that is usual for that, but not this one. It may be
   * killed itself: then the next one finds the data as this one left them.
   *
   * @param backend the calling thread's
   * @param lock which
   * @throws Exception if the data cannot be put right
   */
  void repair(Backend backend, LWLock lock) throws Exception;
}
