// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/**
 * The natives of {@code lwshm/lwlock.h}. {@code acquire} and {@code release} are the whole
 * algorithm, fast path included; {@code org.lwshm.LWLock} comes here for what it does not do
 * itself.
 */
public final class LWLockNative {

  static {
    NativeLibrary.load();
  }

  /** {@code LWSHM_LW_EXCLUSIVE}. */
  public static final int EXCLUSIVE = 1;

  /** {@code LWSHM_LW_SHARED}. */
  public static final int SHARED = 2;

  /** {@code info[]}: slot of the exclusive holder, or -1. */
  public static final int INFO_OWNER = 0;

  /** {@code info[]}: how many backends hold it shared. */
  public static final int INFO_SHARED = 1;

  /** {@code info[]}: 1 if somebody may be parked. */
  public static final int INFO_HAS_WAITERS = 2;

  /** {@code info[]}: number of its tranche. */
  public static final int INFO_TRANCHE = 3;

  /** {@code info[]}: slot of the starver, or -1. */
  public static final int INFO_STARVER = 4;

  /** {@code info[]}: 1 if it is poisoned. */
  public static final int INFO_IS_POISONED = 5;

  /** The length of {@code info[]}. */
  public static final int INFO_COUNT = 6;

  private LWLockNative() {}

  /**
   * {@code lwshm_lwlock_acquire}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param mode {@link #EXCLUSIVE} or {@link #SHARED}
   * @return 0 or a status
   */
  public static native int acquire(long backend, long lock, int mode);

  /**
   * {@code lwshm_lwlock_try_acquire}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param mode {@link #EXCLUSIVE} or {@link #SHARED}
   * @return 1 if it acquired, 0 if not, or a status
   */
  public static native int tryAcquire(long backend, long lock, int mode);

  /**
   * {@code lwshm_lwlock_acquire_step}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param mode {@link #EXCLUSIVE} or {@link #SHARED}
   * @param stepNanos how long to sleep at most
   * @return 1 if it acquired, 0 if the step is over and the wait is not, or a status
   */
  public static native int acquireStep(long backend, long lock, int mode, long stepNanos);

  /**
   * {@code lwshm_lwlock_acquire_for_repair_step}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param stepNanos how long to sleep at most
   * @return 1 if it acquired, 0 if the step is over and the wait is not, or a status
   */
  public static native int acquireForRepairStep(long backend, long lock, long stepNanos);

  /**
   * {@code lwshm_lwlock_wait_for_var_step}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param old the value of the variable at which to wait on
   * @param stepNanos how long to sleep at most
   * @param value takes the value of the variable
   * @return 1 if the lock is not held exclusively, 0 if the value is another, or if it is {@code
   *     old} and the step is over, or a status
   */
  public static native int waitForVarStep(
      long backend, long lock, long old, long stepNanos, long[] value);

  /**
   * {@code lwshm_lwlock_cancel}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @return 0 or a status
   */
  public static native int cancel(long backend, long lock);

  /**
   * {@code lwshm_lwlock_mark_consistent}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @return 0 or a status
   */
  public static native int markConsistent(long backend, long lock);

  /**
   * {@code lwshm_lwlock_update_var}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param value what the variable becomes
   * @return 0 or a status
   */
  public static native int updateVar(long backend, long lock, long value);

  /**
   * {@code lwshm_lwlock_release_clear_var}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param value what the variable becomes
   * @return 0 or a status
   */
  public static native int releaseClearVar(long backend, long lock, long value);

  /**
   * {@code lwshm_lwlock_disown}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @return 0 or a status
   */
  public static native int disown(long backend, long lock);

  /**
   * {@code lwshm_lwlock_release_disowned}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @return 0 or a status
   */
  public static native int releaseDisowned(long backend, long lock);

  /**
   * {@code lwshm_lwlock_release}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @return 0 or a status
   */
  public static native int release(long backend, long lock);

  /**
   * {@code lwshm_lwlock_is_held_by}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @return the mode, 0 if it is not held, or a status
   */
  public static native int isHeldBy(long backend, long lock);

  /**
   * {@code lwshm_lwlock_info}.
   *
   * @param segment handle
   * @param lock byte offset in the segment
   * @param info takes {@link #INFO_COUNT} elements
   * @return 0 or a status
   */
  public static native int info(long segment, long lock, long[] info);

  /**
   * {@code lwshm_lwlock_acquire_contended}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param mode {@link #EXCLUSIVE} or {@link #SHARED}
   * @return 0 or a status
   */
  public static native int acquireContended(long backend, long lock, int mode);

  /**
   * {@code lwshm_lwlock_release_contended}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param word the lock word as the caller's last step read it
   * @return 0 or a status
   */
  public static native int releaseContended(long backend, long lock, long word);

  /**
   * {@code lwshm_segment_check_lock_order}.
   *
   * @param segment handle
   * @param on 1 or 0
   * @return 0 or a status
   */
  public static native int checkLockOrder(long segment, int on);
}
