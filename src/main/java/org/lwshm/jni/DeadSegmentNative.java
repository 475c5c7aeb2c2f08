// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/dead_segment.h}. */
public final class DeadSegmentNative {

  static {
    NativeLibrary.load();
  }

  /** {@code rows[]}: the SysV id. */
  public static final int ROW_SHMID = 0;

  /** {@code rows[]}: the SysV key; 0 for a private one. */
  public static final int ROW_KEY = 1;

  /** {@code rows[]}: pid of the process that made it. */
  public static final int ROW_CREATOR_PID = 2;

  /** {@code rows[]}: generation. */
  public static final int ROW_GENERATION = 3;

  /** {@code rows[]}: bytes. */
  public static final int ROW_SIZE = 4;

  /** {@code rows[]}: microseconds since 1970. */
  public static final int ROW_CREATED_AT = 5;

  /** {@code rows[]}: inode of the data directory; 0 for a private one. */
  public static final int ROW_DATA_DIR_INO = 6;

  /** How many elements of {@code rows[]} make a row. */
  public static final int ROW_COUNT = 7;

  private DeadSegmentNative() {}

  /**
   * {@code lwshm_dead_segment_list}. Writes as many rows as there is room for.
   *
   * @param rows takes {@link #ROW_COUNT} elements a segment
   * @return how many there are, or a status
   */
  public static native int list(long[] rows);

  /**
   * {@code lwshm_dead_segment_remove}.
   *
   * @param shmid SysV id
   * @return 0 or a status
   */
  public static native int remove(int shmid);
}
