// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayList;
import java.util.List;
import org.lwshm.jni.BackendNative;

/**
 * A backend of any process, as anyone may see it at one moment.
 *
 * @param slot its slot, 0 and up
 * @param generation how often the slot was given back, modulo 2^24
 * @param pid the process that joined
 * @param heldLocks how many locks it holds
 * @param waitLock byte offset of the lock or semaphore it waits for; 0 if it waits for none
 * @param waitMode the mode it waits for; null if it waits for no lock
 * @param waitSinceNanos since when it waits, in nanoseconds of CLOCK_MONOTONIC; 0 if it does not
 */
public record BackendInfo(
    int slot,
    int generation,
    int pid,
    int heldLocks,
    long waitLock,
    LWLockMode waitMode,
    long waitSinceNanos) {

  private static final int FIRST_GUESS = 128;

  static List<BackendInfo> list(Attachment attachment) {
    for (int capacity = FIRST_GUESS; ; ) {
      long[] rows = new long[capacity * BackendNative.INFO_COUNT];
      int count = attachment.call(handle -> BackendNative.list(handle, rows));
      if (count <= capacity) {
        List<BackendInfo> infos = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          infos.add(decode(rows, i * BackendNative.INFO_COUNT));
        }
        return List.copyOf(infos);
      }
      capacity = count;
    }
  }

  private static BackendInfo decode(long[] rows, int row) {
    long lock = rows[row + BackendNative.INFO_WAIT_LOCK];
    int mode = (int) rows[row + BackendNative.INFO_WAIT_MODE];
    return new BackendInfo(
        (int) rows[row + BackendNative.INFO_SLOT],
        (int) rows[row + BackendNative.INFO_GENERATION],
        (int) rows[row + BackendNative.INFO_PID],
        (int) rows[row + BackendNative.INFO_HELD_LOCKS],
        lock,
        lock == 0 ? null : LWLockMode.of(mode),
        lock == 0 ? 0 : rows[row + BackendNative.INFO_WAIT_SINCE]);
  }
}
