// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.time.Duration;
import java.time.Instant;

/**
 * A place for one child: a command's, with a slot in the segment that is meant for whoever is in
 * it. For the postmaster's thread.
 */
final class ChildPlace {

  private final ChildCommand command;
  private final int number;
  private final int slot;
  private ChildProcess process;
  private int launches;
  private int failures;
  private final Alarm start = new Alarm();
  private Instant nextStart;

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
    start.clear();
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

  /** How many in a row have ended too soon; 0 once a child has run long enough. */
  int recentFailures() {
    return isEmpty() || process.age().compareTo(command.steady()) < 0 ? failures : 0;
  }

  /** Has the next child started after a time. */
  void startAfter(Duration delay) {
    start.set(delay);
    nextStart = Instant.now().plus(delay);
  }

  /** When the next child is to be started, by the clock; null if none is. */
  Instant nextStart() {
    return start.isSet() ? nextStart : null;
  }

  /** When the next child is to be started. */
  Alarm start() {
    return start;
  }

  /** Counts an end that calls for a successor, and sets the time of that; how long that is off. */
  Duration schedule(Duration age) {
    failures = age.compareTo(command.steady()) >= 0 ? 1 : failures + 1;
    Duration delay = command.delay(failures);
    startAfter(delay);
    return delay;
  }

  @Override
  public String toString() {
    return command.name() + "-" + number;
  }
}
