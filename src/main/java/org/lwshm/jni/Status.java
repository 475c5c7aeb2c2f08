// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.lwshm.AbiVersionException;
import org.lwshm.BackendParametersException;
import org.lwshm.CorruptSegmentException;
import org.lwshm.DataDirectoryException;
import org.lwshm.ForeignSegmentException;
import org.lwshm.LimitExceededException;
import org.lwshm.LockOrderException;
import org.lwshm.LwshmException;
import org.lwshm.NamespaceException;
import org.lwshm.NotFoundException;
import org.lwshm.SegmentBusyException;
import org.lwshm.SegmentInUseException;
import org.lwshm.SegmentNotFoundException;
import org.lwshm.SegmentNotReadyException;
import org.lwshm.SizeMismatchException;
import org.lwshm.SystemCallException;

/**
 * Turns a native status into an exception: the one place where those are born that the native side
 * is the cause of.
 *
 * <p>Values and message come from {@code lwshm_last_error()}, which is the calling thread's own, so
 * a status must be checked by the thread that got it, before its next native call.
 */
public final class Status {

  static final int INVALID = -1;
  static final int SYSTEM = -2;
  static final int DATA_DIR = -3;
  static final int NOT_FOUND = -4;
  static final int NOT_READY = -5;
  static final int IN_USE = -6;
  static final int FOREIGN = -7;
  static final int CORRUPT = -8;
  static final int ABI_VERSION = -9;
  static final int NAMESPACE = -10;
  static final int SIZE_MISMATCH = -11;
  static final int LIMIT = -12;
  static final int ALREADY_HELD = -13;
  static final int NOT_HELD = -14;
  static final int BUSY = -15;
  static final int CLOSED = -16;

  /**
   * {@code LWSHM_E_OWNER_DIED}. It becomes an exception in {@code org.lwshm}, where it is known
   * what the lock is called and whether somebody can repair what it guards.
   */
  public static final int OWNER_DIED = -17;

  static final int LOCK_ORDER = -18;
  static final int PARAMETERS = -19;

  private Status() {}

  /**
   * Lets a result pass and throws for a status.
   *
   * @param status what a native method returned
   * @return {@code status}, if it is not negative
   * @throws RuntimeException the one that the status stands for
   */
  public static int check(int status) {
    if (status < 0) {
      throw exception(status);
    }
    return status;
  }

  /**
   * The same for the natives that look for a segment: what they do not find is one.
   *
   * @param status what a native method returned
   * @return {@code status}, if it is not negative
   * @throws RuntimeException the one that the status stands for
   */
  public static int checkSegment(int status) {
    if (status == NOT_FOUND) {
      throw new SegmentNotFoundException(new Failure().message);
    }
    return check(status);
  }

  private static RuntimeException exception(int status) {
    Failure failure = new Failure();
    String message = failure.message;
    return switch (status) {
      case INVALID -> new IllegalArgumentException(message);
      case SYSTEM -> new SystemCallException(message, failure.errno);
      case DATA_DIR -> new DataDirectoryException(message);
      case NOT_FOUND -> new NotFoundException(message);
      case NOT_READY -> new SegmentNotReadyException(message, failure.value(0));
      case IN_USE -> new SegmentInUseException(message, failure.values());
      case FOREIGN -> new ForeignSegmentException(message);
      case CORRUPT -> new CorruptSegmentException(message, failure.value(0));
      case ABI_VERSION -> new AbiVersionException(message, failure.value(0), failure.value(1));
      case NAMESPACE -> new NamespaceException(message);
      case SIZE_MISMATCH -> new SizeMismatchException(message, failure.value(0), failure.value(1));
      case LIMIT -> new LimitExceededException(message, failure.value(0), failure.value(1));
      case ALREADY_HELD, NOT_HELD -> new IllegalMonitorStateException(message);
      case BUSY -> new SegmentBusyException(message, failure.values());
      case CLOSED -> new IllegalStateException(message);
      case PARAMETERS -> new BackendParametersException(message);
      case LOCK_ORDER -> new LockOrderException(message);
      default -> new LwshmException("unknown status " + status + ": " + message);
    };
  }

  /** What {@code lwshm_last_error()} said. */
  private static final class Failure {
    final int errno;
    final String message;
    private final long[] error = new long[ErrorNative.ERROR_COUNT];

    Failure() {
      byte[] bytes = new byte[ErrorNative.MESSAGE_BYTES];
      int length = ErrorNative.lastError(error, bytes);
      errno = (int) error[ErrorNative.ERROR_ERRNO];
      message = new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    private long[] set() {
      int from = ErrorNative.ERROR_VALUES;
      return Arrays.copyOfRange(error, from, from + (int) error[ErrorNative.ERROR_VALUE_COUNT]);
    }

    /** A value that is not set reads as -1: none of those it is used for can be. */
    long value(int i) {
      long[] values = set();
      return i < values.length ? values[i] : -1;
    }

    List<Integer> values() {
      List<Integer> list = new ArrayList<>();
      for (long value : set()) {
        list.add((int) value);
      }
      return list;
    }
  }
}
