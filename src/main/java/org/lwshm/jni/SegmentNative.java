// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/segment.h}. */
public final class SegmentNative {

  static {
    NativeLibrary.load();
  }

  /** Most processes that may be attached at once. */
  public static final int MAX_PROCESSES = 4096;

  /** Most threads that may be joined at once. */
  public static final int MAX_BACKENDS = 65534;

  /** Most tranches. */
  public static final int MAX_TRANCHES = 65535;

  /** Most locks in all tranches together. */
  public static final int MAX_LWLOCKS = 16777216;

  /** Most named areas. */
  public static final int MAX_STRUCTS = 65536;

  /** {@code options[]}: room for areas, in bytes. */
  public static final int OPTION_AREA_BYTES = 0;

  /** {@code options[]}: processes attached at once. */
  public static final int OPTION_MAX_PROCESSES = 1;

  /** {@code options[]}: locking threads at once. */
  public static final int OPTION_MAX_BACKENDS = 2;

  /** {@code options[]}: locks that one backend holds at once. */
  public static final int OPTION_MAX_HELD_LOCKS = 3;

  /** {@code options[]}: tranches. */
  public static final int OPTION_MAX_TRANCHES = 4;

  /** {@code options[]}: locks in all tranches together. */
  public static final int OPTION_MAX_LWLOCKS = 5;

  /** {@code options[]}: named areas. */
  public static final int OPTION_MAX_STRUCTS = 6;

  /** {@code options[]}: permission bits. */
  public static final int OPTION_MODE = 7;

  /** {@code options[]}: 0 off, 1 on, 2 try. */
  public static final int OPTION_HUGE_PAGES = 8;

  /** {@code options[]}: backend slots that are for a postmaster's children alone. */
  public static final int OPTION_MAX_CHILDREN = 9;

  /** {@code options[]}: the generation that the new one comes after; 0: of what is found. */
  public static final int OPTION_AFTER = 10;

  /** {@code options[]}: milliseconds that {@code open} waits for another process at most. */
  public static final int OPTION_PATIENCE_MS = 11;

  /** {@code options[]}: 1: {@code open} does not attach. */
  public static final int OPTION_ALONE = 12;

  /** The length of {@code options[]}. */
  public static final int OPTION_COUNT = 13;

  /** How many fixed regions a segment has, the areas included, which are the last. */
  public static final int REGION_COUNT = 7;

  /** {@code size[]}: the first region's offset; the others' follow. */
  public static final int SIZE_OFFSETS = 0;

  /** {@code size[]}: the first region's size; the others' follow. */
  public static final int SIZE_SIZES = REGION_COUNT;

  /** {@code size[]}: the total. */
  public static final int SIZE_TOTAL = 2 * REGION_COUNT;

  /** The length of {@code size[]}. */
  public static final int SIZE_COUNT = 2 * REGION_COUNT + 1;

  /** {@code info[]}: this process's address of offset 0; 0 once detached. */
  public static final int INFO_BASE = 0;

  /** {@code info[]}: bytes. */
  public static final int INFO_SIZE = 1;

  /** {@code info[]}: microseconds since 1970. */
  public static final int INFO_CREATED_AT = 2;

  /** {@code info[]}: how often a dead segment has been replaced, plus one. */
  public static final int INFO_GENERATION = 3;

  /** {@code info[]}: the SysV id. */
  public static final int INFO_SHMID = 4;

  /** {@code info[]}: the SysV key; 0 for a private segment. */
  public static final int INFO_KEY = 5;

  /** {@code info[]}: the creator's pid. */
  public static final int INFO_CREATOR_PID = 6;

  /** {@code info[]}: 1 if this handle made the segment. */
  public static final int INFO_IS_CREATOR = 7;

  /** {@code info[]}: 1 once published. */
  public static final int INFO_IS_READY = 8;

  /** {@code info[]}: 1 if it lies on huge pages. */
  public static final int INFO_HUGE_PAGES = 9;

  /** {@code info[]}: this process's entry. */
  public static final int INFO_PROCESS = 10;

  /** {@code info[]}: 1 if this handle adopted the segment. */
  public static final int INFO_IS_ADOPTER = 11;

  /** {@code info[]}: 1 if somebody has removed the segment, which its members can use still. */
  public static final int INFO_IS_REMOVED = 12;

  /** The length of {@code info[]}. */
  public static final int INFO_COUNT = 13;

  /** {@code open}: it has attached to a published segment. */
  public static final int OPENED_ATTACHED = 0;

  /** {@code open}: it has made a segment, which is to be published. */
  public static final int OPENED_CREATED = 1;

  /** {@code open}: it has adopted an orphan, which is to be published. */
  public static final int OPENED_ADOPTED = 2;

  /** {@code open}: room for why an orphan was replaced. */
  public static final int REPLACED_BYTES = 512;

  /**
   * What every native that takes a segment's handle returns once {@link #shut} was called. No error
   * is set.
   */
  public static final int SHUT = -1001;

  /** {@code detach}: the memory is unmapped; for when no caller has an address in it. */
  public static final int DETACH_UNMAP = 0;

  /** {@code detach}: private zeros take the memory's place. */
  public static final int DETACH_KEEP_ADDRESS = 1;

  /** {@code detach}: the same, whoever is still joined. For the way out of a process. */
  public static final int DETACH_FENCE = 2;

  private SegmentNative() {}

  /**
   * {@code lwshm_segment_plan}.
   *
   * @param options {@link #OPTION_COUNT} elements
   * @param size takes {@link #SIZE_COUNT} elements
   * @return 0 or a status
   */
  public static native int plan(long[] options, long[] size);

  /**
   * {@code lwshm_segment_create}.
   *
   * @param dataDir the data directory, or null for a private segment
   * @param options {@link #OPTION_COUNT} elements
   * @param description what the segment is made for
   * @param handle takes the segment's handle
   * @return 0 or a status
   */
  public static native int create(
      byte[] dataDir, long[] options, byte[] description, long[] handle);

  /**
   * {@code lwshm_segment_open}.
   *
   * @param dataDir the data directory
   * @param options {@link #OPTION_COUNT} elements
   * @param description what the segment is made for
   * @param handle takes the segment's handle
   * @param replaced takes why an orphan was replaced, NUL-terminated; {@link #REPLACED_BYTES}
   * @return {@link #OPENED_ATTACHED}, {@link #OPENED_CREATED}, {@link #OPENED_ADOPTED}, or a status
   */
  public static native int open(
      byte[] dataDir, long[] options, byte[] description, long[] handle, byte[] replaced);

  /**
   * {@code lwshm_segment_publish}.
   *
   * @param segment handle
   * @return 0 or a status
   */
  public static native int publish(long segment);

  /**
   * {@code lwshm_segment_attach}.
   *
   * @param dataDir the data directory
   * @param mode the widest permission bits accepted; 0 means 0600
   * @param handle takes the segment's handle
   * @return 0 or a status
   */
  public static native int attach(byte[] dataDir, int mode, long[] handle);

  /**
   * {@code lwshm_segment_attach_id}.
   *
   * @param shmid the SysV id
   * @param mode the widest permission bits accepted; 0 means 0600
   * @param handle takes the segment's handle
   * @return 0 or a status
   */
  public static native int attachId(int shmid, int mode, long[] handle);

  /**
   * {@code lwshm_segment_refuse_acquires}.
   *
   * @param segment handle
   * @return 0 or a status
   */
  public static native int refuseAcquires(long segment);

  /**
   * Keeps calls with the handle out from here on, but for those by which the segment is closed:
   * {@link #detach}, {@link #close}.
   *
   * @param segment handle
   * @return how many calls are inside and have not come back
   */
  public static native int shut(long segment);

  /**
   * Lets calls in again, unless the segment is closed.
   *
   * @param segment handle
   */
  public static native void reopen(long segment);

  /**
   * {@code lwshm_segment_detach}.
   *
   * @param segment handle, which is shut
   * @param how {@code DETACH_…}
   * @return 0 or a status
   */
  public static native int detach(long segment, int how);

  /**
   * {@code lwshm_segment_close}, unless calls are still inside, which then keep what they use. The
   * handle stays shut. Any number of calls.
   *
   * @param segment handle
   * @return 0 or a status
   */
  public static native int close(long segment);

  /**
   * {@code lwshm_segment_info}.
   *
   * @param segment handle
   * @param info takes {@link #INFO_COUNT} elements
   * @return 0 or a status
   */
  public static native int info(long segment, long[] info);

  /**
   * {@code lwshm_segment_processes}.
   *
   * @param segment handle
   * @param pids takes as many pids as it has room for
   * @return how many there are, or a status
   */
  public static native int processes(long segment, int[] pids);

  /**
   * {@code lwshm_segment_reap_dead}.
   *
   * @param segment handle
   * @return how many backends were recovered, or a status
   */
  public static native int reapDead(long segment);
}
