// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import org.lwshm.jni.SemaphoreNative;

/** What a counting semaphore knows of its permits; see {@code org.lwshm.sync.Semaphore}. */
public enum SemaphoreKind {
  /**
   * A number: anybody adds permits to it and takes some from it. Those of a process that was killed
   * are gone.
   */
  PLAIN(SemaphoreNative.PLAIN),

  /**
   * It remembers who has its permits: only who acquired some releases them, and those of a backend
   * that left or died come back.
   */
  OWNED(SemaphoreNative.OWNED);

  private final int code;

  SemaphoreKind(int code) {
    this.code = code;
  }

  /** Its number in C. */
  int code() {
    return code;
  }
}
