// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/**
 * The natives of {@code lwshm/lwlock.h}. {@code org.lwshm.LWLock} has the fast path and comes here
 * for the rest.
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

  /** {@code info[]}: 1 if a waiter may be parked. */
  public static final int INFO_HAS_WAITERS = 2;

  /** {@code info[]}: number of its tranche. */
  public static final int INFO_TRANCHE = 3;

  /** {@code info[]}: slot of the starving waiter, or -1. */
  public static final int INFO_STARVING = 4;

  /** {@code info[]}: 1 if it is poisoned. */
  public static final int INFO_IS_POISONED = 5;

  /** The length of {@code info[]}. */
  public static final int INFO_COUNT = 6;

  /** {@code LWSHM_FOREVER}: a time-out without end. */
  public static final long FOREVER = Long.MAX_VALUE;

  /** {@code LWSHM_LW_STEP}: at the time-out the backend stays in line. */
  public static final int STEP = 1;

  /** {@code LWSHM_LW_REPAIR}: poison does not stop the acquire. */
  public static final int REPAIR = 2;

  private LWLockNative() {}

  /**
   * {@code lwshm_lwlock_acquire_slow}: goes on from what the backend's record of the lock says.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param mode {@link #EXCLUSIVE} or {@link #SHARED}
   * @param timeoutNanos how long to sleep at most, in nanoseconds; {@link #FOREVER}
   * @param flags {@link #STEP}, {@link #REPAIR}, or-ed
   * @return 1 if it acquired, 0 if the time ran out, or a status
   */
  public static native int acquireSlow(
      long backend, long lock, int mode, long timeoutNanos, int flags);

  /**
   * {@code lwshm_lwlock_await_release}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param timeoutNanos how long to sleep at most, in nanoseconds; {@link #FOREVER}
   * @param flags {@link #STEP} or 0
   * @return 1 if no backend holds the lock exclusively, 0 if the time ran out, or a status
   */
  public static native int awaitRelease(long backend, long lock, long timeoutNanos, int flags);

  /**
   * {@code lwshm_lwlock_release_slow}.
   *
   * @param backend handle
   * @param lock byte offset in the segment
   * @param word the lock word as the caller's last step read it
   * @return 0 or a status
   */
  public static native int releaseSlow(long backend, long lock, long word);

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
   * {@code lwshm_segment_check_lock_order}.
   *
   * @param segment handle
   * @param on 1 or 0
   * @return 0 or a status
   */
  public static native int checkLockOrder(long segment, int on);
}
