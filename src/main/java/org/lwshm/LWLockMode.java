// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import org.lwshm.jni.LWLockNative;

/**
 * How a lock is held.
 *
 * <p>Source: PostgreSQL's {@code LWLockMode}, src/include/storage/lwlock.h.
 */
public enum LWLockMode {
  /** By one backend alone, to change what the lock guards. */
  EXCLUSIVE(LWLockNative.EXCLUSIVE),
  /** By any number of backends at once, to read what the lock guards. */
  SHARED(LWLockNative.SHARED);

  private final int code;

  LWLockMode(int code) {
    this.code = code;
  }

  /** As the native side counts. */
  int code() {
    return code;
  }

  /** The mode of a native code; null for 0. */
  static LWLockMode of(int code) {
    return code == LWLockNative.EXCLUSIVE ? EXCLUSIVE : code == LWLockNative.SHARED ? SHARED : null;
  }
}
