// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

/**
 * What a worker did.
 *
 * @param operations acquisitions, each with its release
 * @param elapsedNs how long it took; less than was ordered if it came late
 * @param cpuNs processor time that it took, of all threads
 * @param longestNs the longest that one batch of acquisitions in a row took
 */
record Outcome(long operations, long elapsedNs, long cpuNs, long longestNs) {

  static Outcome parse(String line) {
    String[] words = line.trim().split(" ");
    if (words.length != 4) {
      throw new IllegalArgumentException("no outcome: " + line);
    }
    return new Outcome(
        Long.parseLong(words[0]),
        Long.parseLong(words[1]),
        Long.parseLong(words[2]),
        Long.parseLong(words[3]));
  }

  /** Both, done by two at the same time. */
  Outcome and(Outcome other) {
    return new Outcome(
        operations + other.operations,
        Math.max(elapsedNs, other.elapsedNs),
        cpuNs + other.cpuNs,
        Math.max(longestNs, other.longestNs));
  }

  @Override
  public String toString() {
    return operations + " " + elapsedNs + " " + cpuNs + " " + longestNs;
  }
}
