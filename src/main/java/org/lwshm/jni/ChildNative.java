// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/child.h}. */
public final class ChildNative {

  static {
    NativeLibrary.load();
  }

  /** {@code child[]}: its pid. */
  public static final int CHILD_PID = 0;

  /** {@code child[]}: where its output can be read. */
  public static final int CHILD_OUTPUT = 1;

  /** The length of {@code child[]}. */
  public static final int CHILD_COUNT = 2;

  /** What {@link #await} adds to the number of a signal. */
  public static final int SIGNALLED = 256;

  /** What {@link #read} returns when the time is over. */
  public static final int SILENT = -1000;

  /** The length of a child's note. */
  public static final int NOTE_BYTES = 20;

  private ChildNative() {}

  /**
   * {@code lwshm_child_start}, by a thread that lives as long as the process.
   *
   * @param arguments the program and its arguments, a NUL after each
   * @param environment NAME=value, a NUL after each
   * @param directory where it starts, or null
   * @param parentDeathSignal number of the signal that it gets when this thread ends; 0: none
   * @param note an existing file that takes its identity, in {@link #NOTE_BYTES} digits; or null
   * @param noteOffset where in the file
   * @param child takes {@link #CHILD_COUNT} elements
   * @return 0 or a status
   */
  public static native int start(
      byte[] arguments,
      byte[] environment,
      byte[] directory,
      int parentDeathSignal,
      byte[] note,
      long noteOffset,
      int[] child);

  /**
   * {@code lwshm_child_await}. May sleep long.
   *
   * @param pid of a child
   * @return its exit code, {@link #SIGNALLED} plus the signal that ended it, or a status
   */
  public static native int await(int pid);

  /**
   * {@code lwshm_child_reap}.
   *
   * @param pid of a child that has ended
   * @return 0 or a status
   */
  public static native int reap(int pid);

  /**
   * {@code lwshm_child_signal}.
   *
   * @param pid of a child that was not reaped
   * @param signal number
   * @param group whether all its process group gets it
   * @return 0 or a status
   */
  public static native int signal(int pid, int signal, boolean group);

  /**
   * {@code lwshm_child_read}. May sleep for the time given.
   *
   * @param output of a child
   * @param bytes takes what it has written
   * @param timeoutMs how long to wait for something; negative: no limit
   * @return how many bytes, 0 at the end, {@link #SILENT}, or a status
   */
  public static native int read(int output, byte[] bytes, int timeoutMs);

  /**
   * {@code lwshm_child_close_output}.
   *
   * @param output of a child; stale afterwards
   * @return 0 or a status
   */
  public static native int closeOutput(int output);
}
