// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.time.Instant;

/**
 * A child process, running or ended.
 *
 * @param name of its command
 * @param number which of the children of that name it is, from 0
 * @param slot the backend slot meant for it
 * @param pid its pid
 * @param startedAt when it was started
 * @param launches how often a child was started in this place, this one included
 */
public record ChildInfo(
    String name, int number, int slot, int pid, Instant startedAt, int launches) {

  @Override
  public String toString() {
    return name + "-" + number + " (pid " + pid + ")";
  }
}
