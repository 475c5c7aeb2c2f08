// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What one thing measured to, once a round. */
public final class Samples {

  private static final MathContext DIGITS = new MathContext(4);

  private final String name;
  private final String unit;
  private final List<Double> values = new ArrayList<>();

  Samples(String name, String unit) {
    this.name = name;
    this.unit = unit;
  }

  /** Adds the value of the next round, rounded to four digits. */
  public void add(double value) {
    values.add(rounded(value));
  }

  /** Four digits: more would pretend. */
  static double rounded(double value) {
    return new BigDecimal(value).round(DIGITS).doubleValue();
  }

  /** {@return the values, in the order of the rounds} */
  List<Double> values() {
    return Collections.unmodifiableList(values);
  }

  /**
   * Summarises the rounds.
   *
   * @throws IllegalStateException if there were none
   */
  Result result() {
    if (values.isEmpty()) {
      throw new IllegalStateException("no rounds of " + name);
    }
    List<Double> sorted = values.stream().sorted().toList();
    return new Result(
        name,
        unit,
        median(values),
        sorted.get(0),
        sorted.get(sorted.size() - 1),
        List.copyOf(values));
  }

  /** {@return the median of values in any order; of an even number, the mean of the middle two} */
  public static double median(List<Double> values) {
    List<Double> sorted = values.stream().sorted().toList();
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(half)
        : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }
}
