// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

/**
 * How long a turn of the workers' work takes. One process finds out, once a run, so that all
 * contestants do the same turns.
 *
 * @param nsPerTurn nanoseconds
 */
record Calibration(double nsPerTurn) {

  /** Has a process of lock_worker.c measure it. */
  static Calibration of(Worker worker) {
    worker.tell("calibrate");
    return parse(worker.await());
  }

  /** Reads the worker's answer: turns, and nanoseconds for all of them. */
  static Calibration parse(String answer) {
    String[] words = answer.split(" ");
    return new Calibration(Double.parseDouble(words[1]) / Double.parseDouble(words[0]));
  }

  /** The turns that take about so long; at least one, unless there is no time at all. */
  int turns(int ns) {
    return ns <= 0 ? 0 : (int) Math.max(1, Math.round(ns / nsPerTurn));
  }
}
