// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/process.h}. */
public final class ProcessNative {

  static {
    NativeLibrary.load();
  }

  /** {@code place[]}: the PID namespace, as a segment's header has it. */
  public static final int PLACE_PID_NAMESPACE = 0;

  /** {@code place[]}: the IPC namespace. */
  public static final int PLACE_IPC_NAMESPACE = 1;

  /** {@code place[]}: the first eight bytes of the boot id, big-endian. */
  public static final int PLACE_BOOT_ID_HIGH = 2;

  /** {@code place[]}: its last eight bytes. */
  public static final int PLACE_BOOT_ID_LOW = 3;

  /** The length of {@code place[]}. */
  public static final int PLACE_COUNT = 4;

  private static final int PID_BITS = 22;

  private ProcessNative() {}

  /**
   * {@code lwshm_process_self}.
   *
   * @return this process's identity, 0 if it cannot be told
   */
  public static native long self();

  /**
   * The pid in an identity.
   *
   * @param process identity
   * @return its pid; 0 of nobody
   */
  public static int pid(long process) {
    return (int) (process & ((1L << PID_BITS) - 1));
  }

  /**
   * {@code lwshm_process_identity}.
   *
   * @param pid of a process
   * @return its identity, 0 if there is none
   */
  public static native long identity(int pid);

  /**
   * {@code lwshm_process_is_dead}.
   *
   * @param process identity
   * @return 1 if it is proven to have ended, else 0
   */
  public static native int isDead(long process);

  /**
   * {@code lwshm_process_await_end}.
   *
   * @param process identity
   * @param timeoutMs how long at most; negative: no limit
   * @return 1 if it has ended, 0 if the time has passed, or a status
   */
  public static native int awaitEnd(long process, long timeoutMs);

  /**
   * {@code lwshm_process_signal}.
   *
   * @param process identity
   * @param signal number
   * @return 0 or a status
   */
  public static native int signal(long process, int signal);

  /**
   * {@code lwshm_process_heed}.
   *
   * @param signal number
   * @return 0 or a status
   */
  public static native int heed(int signal);

  /**
   * {@code lwshm_process_place}.
   *
   * @param place takes {@link #PLACE_COUNT} elements
   * @return 0 or a status
   */
  public static native int place(long[] place);

  /**
   * {@code lwshm_file_lock}.
   *
   * @param path of a file
   * @return the lock, 0 or more, or a status
   */
  public static native int lockFile(byte[] path);

  /**
   * {@code lwshm_file_lock_is_at}.
   *
   * @param lock what {@link #lockFile} returned
   * @param path of a file
   * @return 1 or 0, or a status
   */
  public static native int isLockAt(int lock, byte[] path);

  /**
   * {@code lwshm_file_unlock}.
   *
   * @param lock what {@link #lockFile} returned; stale afterwards
   * @return 0 or a status
   */
  public static native int unlockFile(int lock);
}
