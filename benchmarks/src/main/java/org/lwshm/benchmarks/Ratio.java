// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.Locale;

/**
 * One result as a share of another, beside its goal.
 *
 * @param name what is compared with what
 * @param value the ratio of the medians
 * @param goal {@code "<="} or {@code ">="}
 * @param bound the goal's number
 */
record Ratio(String name, double value, String goal, double bound) {

  /** {@code value} should be at most {@code bound}. */
  static Ratio atMost(String name, double value, double bound) {
    return new Ratio(name, value, "<=", bound);
  }

  /** {@code value} should be at least {@code bound}. */
  static Ratio atLeast(String name, double value, double bound) {
    return new Ratio(name, value, ">=", bound);
  }

  boolean holds() {
    return goal.equals("<=") ? value <= bound : value >= bound;
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "RATIO %s %.2f goal %s %s", name, value, goal, bound);
  }
}
