// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

/** The natives of {@code lwshm/status.h}. */
public final class ErrorNative {

  static {
    NativeLibrary.load();
  }

  /** {@code error[]}: the status. */
  public static final int ERROR_STATUS = 0;

  /** {@code error[]}: the errno of the failed system call, or 0. */
  public static final int ERROR_ERRNO = 1;

  /** {@code error[]}: how many values follow. */
  public static final int ERROR_VALUE_COUNT = 2;

  /** {@code error[]}: the first value. */
  public static final int ERROR_VALUES = 3;

  /** The length of {@code error[]}. */
  public static final int ERROR_COUNT = ERROR_VALUES + 16;

  /** The most bytes of a message. */
  public static final int MESSAGE_BYTES = 1024;

  private ErrorNative() {}

  /**
   * {@code lwshm_last_error}: the failure that the calling thread met last.
   *
   * @param error takes {@link #ERROR_COUNT} elements
   * @param message takes the message in UTF-8, {@link #MESSAGE_BYTES} at most
   * @return the message's length in bytes
   */
  public static native int lastError(long[] error, byte[] message);
}
