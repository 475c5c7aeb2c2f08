// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What one thing measured to, once a round. */
final class Samples {

  private final String name;
  private final String unit;
  private final List<Double> values = new ArrayList<>();

  Samples(String name, String unit) {
    this.name = name;
    this.unit = unit;
  }

  String name() {
    return name;
  }

  String unit() {
    return unit;
  }

  /** In the order of the rounds. */
  List<Double> values() {
    return Collections.unmodifiableList(values);
  }

  void add(double value) {
    values.add(value);
  }

  double median() {
    return median(values);
  }

  double least() {
    return Collections.min(values);
  }

  double most() {
    return Collections.max(values);
  }

  static double median(List<Double> values) {
    if (values.isEmpty()) {
      throw new IllegalArgumentException("no values, so no median");
    }
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(half)
        : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }
}
