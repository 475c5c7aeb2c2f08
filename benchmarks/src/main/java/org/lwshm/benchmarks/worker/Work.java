// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.worker;

/** The work of measure.h, which touches no memory: each turn needs the result of the one before. */
final class Work {

  private Work() {}

  /** Does so many turns; the caller hands the result to the next call, and keeps the last one. */
  static long run(long x, int turns) {
    for (int i = 0; i < turns; i++) {
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
    }
    return x;
  }
}
