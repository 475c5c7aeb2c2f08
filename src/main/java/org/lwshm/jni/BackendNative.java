// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/backend.h}. */
public final class BackendNative {

  static {
    NativeLibrary.load();
  }

  /** {@code info[]}: slot. */
  public static final int INFO_SLOT = 0;

  /** {@code info[]}: how often the slot was given back, modulo 2^24. */
  public static final int INFO_GENERATION = 1;

  /** {@code info[]}: pid of the process that joined. */
  public static final int INFO_PID = 2;

  /** {@code info[]}: how many locks it holds. */
  public static final int INFO_HELD_LOCKS = 3;

  /** {@code info[]}: byte offset of the lock it waits for; 0: none. */
  public static final int INFO_WAIT_LOCK = 4;

  /** {@code info[]}: mode that it waits for. */
  public static final int INFO_WAIT_MODE = 5;

  /** {@code info[]}: since when it waits, CLOCK_MONOTONIC in nanoseconds. */
  public static final int INFO_WAIT_SINCE = 6;

  /** {@code info[]}: byte offset of the slot in the segment. */
  public static final int INFO_SLOT_OFFSET = 7;

  /** How many elements of {@code info[]} make a row. */
  public static final int INFO_COUNT = 8;

  private BackendNative() {}

  /**
   * {@code lwshm_backend_join}.
   *
   * @param segment handle
   * @param handle takes the backend's handle
   * @return 0 or a status
   */
  public static native int join(long segment, long[] handle);

  /**
   * {@code lwshm_backend_leave}.
   *
   * @param handle the backend's; 0 stands there afterwards, unless a status is returned
   * @return how many locks are poisoned by that, or a status
   */
  public static native int leave(long[] handle);

  /**
   * {@code lwshm_backend_abandon}.
   *
   * @param handle the backend's; 0 stands there afterwards, unless a status is returned
   * @return 0 or a status
   */
  public static native int abandon(long[] handle);

  /**
   * {@code lwshm_backend_release_all}.
   *
   * @param backend handle
   * @return how many locks it held, or a status
   */
  public static native int releaseAll(long backend);

  /**
   * {@code lwshm_backend_held_locks}.
   *
   * @param backend handle
   * @return how many locks it holds, or a status
   */
  public static native int heldLocks(long backend);

  /**
   * {@code lwshm_backend_info}.
   *
   * @param backend handle
   * @param info takes {@link #INFO_COUNT} elements
   * @return 0 or a status
   */
  public static native int info(long backend, long[] info);

  /**
   * {@code lwshm_backend_list}. Writes as many rows as there is room for.
   *
   * @param segment handle
   * @param infos takes {@link #INFO_COUNT} elements a row
   * @return how many rows there are, or a status
   */
  public static native int list(long segment, long[] infos);
}
