// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

/**
 * What a worker is told to do.
 *
 * @param kind of lock
 * @param mode "exclusive" or "shared"
 * @param start when to begin, on the clock of System.nanoTime(), which is CLOCK_MONOTONIC
 * @param end when to end
 * @param threads of the worker; 1 in all but a JVM's
 */
record Order(String kind, String mode, long start, long end, int threads) {

  static Order parse(String line) {
    String[] words = line.trim().split(" ");
    if (words.length < 5 || !words[0].equals("run")) {
      throw new IllegalArgumentException("not understood: " + line);
    }
    return new Order(
        words[1],
        words[2],
        Long.parseLong(words[3]),
        Long.parseLong(words[4]),
        words.length > 5 ? Integer.parseInt(words[5]) : 1);
  }

  boolean isShared() {
    return mode.equals("shared");
  }

  /** What lock_worker and LockWorker read. */
  String line() {
    return String.join(" ", "run", kind, mode, "" + start, "" + end, "" + threads);
  }

  /** What psql reads. */
  String query() {
    return "SELECT lwlock_benchmark('%s', %d, %d);".formatted(mode, start, end);
  }
}
