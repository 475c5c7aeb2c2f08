// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

/**
 * A place for one child: a command's, with a slot in the segment that is meant for whoever is in
 * it. For the postmaster's thread.
 */
final class ChildPlace {

  /** {@link #startAt} of a place that is to stay empty. */
  static final long NEVER = Long.MAX_VALUE;

  private final ChildCommand command;
  private final int number;
  private final int slot;
  private ChildProcess process;
  private int launches;
  private int failures;
  private long startAt = NEVER;

  ChildPlace(ChildCommand command, int number, int slot) {
    this.command = command;
    this.number = number;
    this.slot = slot;
  }

  ChildCommand command() {
    return command;
  }

  int number() {
    return number;
  }

  int slot() {
    return slot;
  }

  /** Who is in it; null: nobody. */
  ChildProcess process() {
    return process;
  }

  boolean isEmpty() {
    return process == null;
  }

  void occupy(ChildProcess newcomer) {
    process = newcomer;
    launches++;
    startAt = NEVER;
  }

  void vacate() {
    process = null;
  }

  /** How often a child was started in it. */
  int launches() {
    return launches;
  }

  /** How many in a row have ended too soon. */
  int failures() {
    return failures;
  }

  /** When the next child is to be started, as {@link System#nanoTime} counts; or {@link #NEVER}. */
  long startAt() {
    return startAt;
  }

  void startAt(long nanoTime) {
    startAt = nanoTime;
  }

  /**
   * Counts an end that calls for a successor; returns how long to wait for that, in nanoseconds.
   */
  long countEnd(long age) {
    failures = age >= command.steady().toNanos() ? 1 : failures + 1;
    return command.delay(failures).toNanos();
  }

  @Override
  public String toString() {
    return command.name() + "-" + number;
  }
}
