// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.time.Instant;

/**
 * How one of a postmaster's children stands, as another process sees it.
 *
 * @param name of its command
 * @param number which of the children of that name it is, from 0
 * @param pid its pid in the postmaster's PID namespace; 0 if it does not run
 * @param failures how many children in a row have ended too soon there; 0 once one runs steadily
 * @param nextStart when the next one is started; null if one runs, or none is wanted any more
 */
public record ChildStatus(String name, int number, int pid, int failures, Instant nextStart) {

  /** {@return whether it runs} */
  public boolean isRunning() {
    return pid != 0;
  }

  /** {@return whether it should run: it does, or it is going to be started} */
  public boolean isWanted() {
    return isRunning() || nextStart != null;
  }

  /** {@return whether it crash-loops: it has ended too soon more than once in a row} */
  public boolean isCrashLooping() {
    return failures > 1 && isWanted();
  }

  @Override
  public String toString() {
    return name + "-" + number;
  }
}
