// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/postmaster.h}. */
public final class PostmasterNative {

  static {
    NativeLibrary.load();
  }

  /** {@code parameters[]}: the postmaster's identity. */
  public static final int PARAMETER_POSTMASTER = 0;

  /** {@code parameters[]}: its PID namespace. */
  public static final int PARAMETER_PID_NAMESPACE = 1;

  /** {@code parameters[]}: bytes of the segment. */
  public static final int PARAMETER_SEGMENT_SIZE = 2;

  /** {@code parameters[]}: offset of the slot meant for the child. */
  public static final int PARAMETER_SLOT_OFFSET = 3;

  /** {@code parameters[]}: the segment's SysV id. */
  public static final int PARAMETER_SHMID = 4;

  /** {@code parameters[]}: the segment's generation. */
  public static final int PARAMETER_GENERATION = 5;

  /** {@code parameters[]}: the segment's permission bits. */
  public static final int PARAMETER_MODE = 6;

  /** {@code parameters[]}: the slot meant for the child. */
  public static final int PARAMETER_SLOT = 7;

  /** {@code parameters[]}: what tells the child from those before it in its slot. */
  public static final int PARAMETER_LAUNCH = 8;

  /** {@code parameters[]}: which of the children of its name it is. */
  public static final int PARAMETER_NUMBER = 9;

  /** {@code parameters[]}: how long it may take to leave when the postmaster has died. */
  public static final int PARAMETER_GRACE_MS = 10;

  /** The length of {@code parameters[]}. */
  public static final int PARAMETER_COUNT = 11;

  /** Bytes of the longest name of a child. */
  public static final int CHILD_NAME_MAX = 63;

  /** Bytes of the longest path of a data directory. */
  public static final int DATA_DIR_MAX = 4095;

  /** {@link #childState}: meant for a child that has not joined yet. */
  public static final int CHILD_ASSIGNED = 1;

  /** {@link #childState}: joined and not left. */
  public static final int CHILD_ACTIVE = 2;

  /** {@link #childState}: left in order. */
  public static final int CHILD_LEFT = 3;

  private PostmasterNative() {}

  /**
   * {@code lwshm_backend_parameters_write}.
   *
   * @param path of a file that must not exist
   * @param parameters {@link #PARAMETER_COUNT} elements
   * @param name of the child
   * @param dataDir data directory
   * @return 0 or a status
   */
  public static native int writeParameters(
      byte[] path, long[] parameters, byte[] name, byte[] dataDir);

  /**
   * {@code lwshm_backend_parameters_read}.
   *
   * @param path of a file; null: the one that the environment names
   * @param parameters takes {@link #PARAMETER_COUNT} elements
   * @param name takes the child's name, a NUL after it: {@link #CHILD_NAME_MAX} + 1 bytes
   * @param dataDir takes the data directory, a NUL after it: {@link #DATA_DIR_MAX} + 1 bytes
   * @return 0 or a status
   */
  public static native int readParameters(
      byte[] path, long[] parameters, byte[] name, byte[] dataDir);

  /**
   * {@code lwshm_backend_join_slot}.
   *
   * @param segment handle
   * @param parameters {@link #PARAMETER_COUNT} elements
   * @param handle takes the backend's handle
   * @return 0 or a status
   */
  public static native int joinSlot(long segment, long[] parameters, long[] handle);

  /**
   * {@code lwshm_postmaster_stop_mode}.
   *
   * @param segment handle
   * @return 0 none, 1 smart, 2 fast, 3 immediate, or a status
   */
  public static native int stopMode(long segment);

  /**
   * {@code lwshm_postmaster_set_stop_mode}.
   *
   * @param segment handle
   * @param mode 0 none, 1 smart, 2 fast, 3 immediate
   * @return 0 or a status
   */
  public static native int setStopMode(long segment, int mode);

  /**
   * {@code lwshm_child_slot_assign}.
   *
   * @param segment handle
   * @param slot that is meant
   * @param launch not 0
   * @param parameters takes {@link #PARAMETER_COUNT} elements, all but number and grace
   * @return 0 or a status
   */
  public static native int assignChild(long segment, int slot, int launch, long[] parameters);

  /**
   * {@code lwshm_child_slot_state}.
   *
   * @param segment handle
   * @param slot of a child
   * @param launch of the child
   * @return {@code CHILD_…}, 0 for none, or a status
   */
  public static native int childState(long segment, int slot, int launch);

  /**
   * {@code lwshm_child_slot_release}.
   *
   * @param segment handle
   * @param slot of a child that has ended
   * @return 0 or a status
   */
  public static native int releaseChild(long segment, int slot);

  /**
   * {@code lwshm_segment_check}.
   *
   * @param segment handle
   * @return 0 or a status
   */
  public static native int check(long segment);

  /**
   * {@code lwshm_segment_poisoned}.
   *
   * @param segment handle
   * @param locks takes as many offsets as it has room for
   * @return how many there are, or a status
   */
  public static native int poisoned(long segment, long[] locks);
}
