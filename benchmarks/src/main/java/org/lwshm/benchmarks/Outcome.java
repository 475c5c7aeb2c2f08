// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

/**
 * What one worker did, or several.
 *
 * @param operations acquisitions, each with its release
 * @param perSecond how many of them a second, the sum of what each worker came to between the
 *     ordered start and its own end: one that came late or overran is no faster for that
 * @param cpuNs processor time that it took, of all threads
 * @param longestNs the longest that one batch of acquisitions in a row took
 */
record Outcome(long operations, double perSecond, long cpuNs, long longestNs) {

  private static final int WORDS = 4;

  /** What a worker answers. */
  static String line(long operations, long elapsedNs, long cpuNs, long longestNs) {
    return operations + " " + elapsedNs + " " + cpuNs + " " + longestNs;
  }

  /** Reads that, of one worker or of several one after another. */
  static Outcome parse(String line) {
    String[] words = line.trim().split(" ");
    if (words.length % WORDS != 0) {
      throw new IllegalArgumentException("no outcome: " + line);
    }
    Outcome whole = parse(words, 0);
    for (int at = WORDS; at < words.length; at += WORDS) {
      whole = whole.and(parse(words, at));
    }
    return whole;
  }

  private static Outcome parse(String[] words, int at) {
    long operations = Long.parseLong(words[at]);
    long elapsedNs = Long.parseLong(words[at + 1]);
    return new Outcome(
        operations,
        operations * 1e9 / elapsedNs,
        Long.parseLong(words[at + 2]),
        Long.parseLong(words[at + 3]));
  }

  /** Both, done by two at the same time. */
  Outcome and(Outcome other) {
    return new Outcome(
        operations + other.operations,
        perSecond + other.perSecond,
        cpuNs + other.cpuNs,
        Math.max(longestNs, other.longestNs));
  }
}
