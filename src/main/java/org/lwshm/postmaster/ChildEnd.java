// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

/**
 * How a child ended.
 *
 * @param exitCode what it exited with; -1 if a signal ended it
 * @param signal number of the signal that ended it; 0 if it exited
 * @param crashed whether it has crashed: it went without having left its slot; or it had never
 *     joined, and a signal or an exit code other than 0 ended it, unasked; or it had left, and a
 *     signal ended it, unasked
 */
public record ChildEnd(int exitCode, int signal, boolean crashed) {

  /** {@return whether it exited with 0 and has not crashed} */
  public boolean isSuccess() {
    return exitCode == 0 && !crashed;
  }

  @Override
  public String toString() {
    String how = signal != 0 ? "was ended by signal " + signal : "exited with " + exitCode;
    return crashed ? how + ", and has crashed" : how;
  }
}
