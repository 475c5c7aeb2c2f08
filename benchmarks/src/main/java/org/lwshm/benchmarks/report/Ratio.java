// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/**
 * One result divided by another, beside its bound.
 *
 * @param name what is compared with what
 * @param value the quotient of the medians
 * @param goal {@code "<="} or {@code ">="}
 * @param bound the goal's number
 * @param note of which of several things the value is; null if there is only one
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Ratio(String name, double value, String goal, double bound, String note) {

  /** {@return a ratio that should be {@code bound} at most} */
  static Ratio atMost(String name, double value, double bound) {
    return new Ratio(name, Samples.rounded(value), "<=", bound, null);
  }

  /** {@return a ratio that should be {@code bound} at least} */
  static Ratio atLeast(String name, double value, double bound) {
    return new Ratio(name, Samples.rounded(value), ">=", bound, null);
  }

  /** {@return the same ratio with a note} */
  Ratio of(String what) {
    return new Ratio(name, value, goal, bound, what);
  }

  /** {@return whether the value is within its bound} */
  @JsonProperty
  public boolean holds() {
    return goal.equals("<=") ? value <= bound : value >= bound;
  }

  /** Prints a table: ratio, value, bound, whether it is met. */
  public static void print(List<Ratio> ratios, PrintStream out) {
    int width = ratios.stream().mapToInt(ratio -> ratio.name().length()).max().orElse(0);
    String line = "%-6s%-" + Math.max(width, 1) + "s  %8s  %8s  %-3s %s";
    out.println(line.formatted("", "ratio", "value", "bound", "met", "").stripTrailing());
    for (Ratio ratio : ratios) {
      String value = String.format(Locale.ROOT, "%.3f", ratio.value());
      String bound = ratio.goal() + " " + ratio.bound();
      String met = ratio.holds() ? "yes" : "NO";
      String note = ratio.note() == null ? "" : "(" + ratio.note() + ")";
      out.println(line.formatted("RATIO", ratio.name(), value, bound, met, note).stripTrailing());
    }
  }
}
