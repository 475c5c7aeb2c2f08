// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.worker;

/**
 * What a worker is to do. Several workers with the same order measure the same time.
 *
 * @param kind of lock, as the worker calls it
 * @param mode "exclusive" or "shared"; lock_worker.c has "alternating", too
 * @param start when to begin, on the clock of System.nanoTime(), which is CLOCK_MONOTONIC
 * @param end when to end
 * @param inside turns of {@link Work} with the lock held
 * @param between turns of {@link Work} without it
 * @param batch acquisitions between two readings of the clock
 * @param threads of the worker; 1 in all but a JVM's
 */
public record Order(
    String kind,
    String mode,
    long start,
    long end,
    int inside,
    int between,
    int batch,
    int threads) {

  private static final int WORDS = 9;

  /**
   * Reads {@link #line}.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static Order parse(String line) {
    String[] words = line.trim().split(" ");
    if (words.length != WORDS || !words[0].equals("run")) {
      throw new IllegalArgumentException("not understood: " + line);
    }
    return new Order(
        words[1],
        words[2],
        Long.parseLong(words[3]),
        Long.parseLong(words[4]),
        Integer.parseInt(words[5]),
        Integer.parseInt(words[6]),
        Integer.parseInt(words[7]),
        Integer.parseInt(words[8]));
  }

  boolean isShared() {
    return mode.equals("shared");
  }

  /** {@return what lock_worker and {@link LockWorker} read} */
  public String line() {
    return "run %s %s %d %d %d %d %d %d"
        .formatted(kind, mode, start, end, inside, between, batch, threads);
  }

  /** {@return what psql reads} */
  public String query() {
    return "SELECT lwlock_benchmark('%s', %d, %d, %d, %d, %d);"
        .formatted(mode, start, end, inside, between, batch);
  }
}
