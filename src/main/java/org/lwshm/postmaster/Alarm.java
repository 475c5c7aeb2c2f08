// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.time.Duration;

/** A time at which something is to be done, if it is set. For the postmaster's thread. */
final class Alarm {

  private boolean set;
  private long at;

  void set(Duration fromNow) {
    set = true;
    at = System.nanoTime() + fromNow.toNanos();
  }

  void clear() {
    set = false;
  }

  boolean isSet() {
    return set;
  }

  /** Whether the time has come; then it is not set any more. */
  boolean rings() {
    if (!set || System.nanoTime() - at < 0) {
      return false;
    }
    set = false;
    return true;
  }

  /** The nanoseconds until then, as far as {@code most}. */
  long left(long most) {
    return set ? Math.min(most, Math.max(0, at - System.nanoTime())) : most;
  }
}
