// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/semaphore.h}. */
public final class SemaphoreNative {

  static {
    NativeLibrary.load();
  }

  /** {@code LWSHM_SEMAPHORE_PLAIN}. */
  public static final int PLAIN = 1;

  /** {@code LWSHM_SEMAPHORE_OWNED}. */
  public static final int OWNED = 2;

  /** {@code semaphore[]}: byte offset in the segment. */
  public static final int SEMAPHORE_OFFSET = 0;

  /** {@code semaphore[]}: {@link #PLAIN} or {@link #OWNED}. */
  public static final int SEMAPHORE_KIND = 1;

  /** {@code semaphore[]}: 1 if it was there already. */
  public static final int SEMAPHORE_FOUND = 2;

  /** The length of {@code semaphore[]}. */
  public static final int SEMAPHORE_COUNT = 3;

  private SemaphoreNative() {}

  /**
   * {@code lwshm_semaphore_size}.
   *
   * @param kind {@link #PLAIN} or {@link #OWNED}
   * @param maxBackends of the segment
   * @return the bytes of its struct
   */
  public static native long size(int kind, int maxBackends);

  /**
   * {@code lwshm_semaphore_init}.
   *
   * @param segment handle
   * @param name the semaphore's name
   * @param permits that it has at first
   * @param kind {@link #PLAIN} or {@link #OWNED}
   * @param semaphore takes {@link #SEMAPHORE_COUNT} elements
   * @return 0 or a status
   */
  public static native int init(long segment, byte[] name, int permits, int kind, long[] semaphore);

  /**
   * {@code lwshm_semaphore_find}.
   *
   * @param segment handle
   * @param name the semaphore's name
   * @param semaphore takes {@link #SEMAPHORE_COUNT} elements
   * @return 0 or a status
   */
  public static native int find(long segment, byte[] name, long[] semaphore);

  /**
   * {@code lwshm_semaphore_acquire}.
   *
   * @param backend handle
   * @param semaphore byte offset in the segment
   * @param permits how many
   * @return 0 or a status
   */
  public static native int acquire(long backend, long semaphore, int permits);

  /**
   * {@code lwshm_semaphore_acquire_timed}.
   *
   * @param backend handle
   * @param semaphore byte offset in the segment
   * @param permits how many
   * @param timeoutNs nanoseconds; 0 or less does not sleep
   * @return 1 if it took them, 0 if the time ran out, or a status
   */
  public static native int acquireTimed(long backend, long semaphore, int permits, long timeoutNs);

  /**
   * {@code lwshm_semaphore_release}.
   *
   * @param backend handle
   * @param semaphore byte offset in the segment
   * @param permits how many
   * @return 0 or a status
   */
  public static native int release(long backend, long semaphore, int permits);

  /**
   * {@code lwshm_semaphore_available}.
   *
   * @param segment handle
   * @param semaphore byte offset in the segment
   * @return how many permits there are, or a status
   */
  public static native int available(long segment, long semaphore);

  /**
   * {@code lwshm_semaphore_held_by}.
   *
   * @param backend handle
   * @param semaphore byte offset in the segment
   * @return how many permits it has, or a status
   */
  public static native int heldBy(long backend, long semaphore);
}
