// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Writes the little JSON that a report needs: one value a line, indented. */
final class Json {

  private final StringBuilder text = new StringBuilder();
  private int depth;
  private boolean first = true;

  Json open(String bracket) {
    text.append(bracket);
    depth++;
    first = true;
    return this;
  }

  Json close(String bracket) {
    depth--;
    text.append('\n').append("  ".repeat(depth)).append(bracket);
    first = false;
    return this;
  }

  /** The beginning of an array's next element. */
  Json item() {
    text.append(first ? "\n" : ",\n").append("  ".repeat(depth));
    first = false;
    return this;
  }

  Json key(String key) {
    item().text.append(quoted(key)).append(": ");
    return this;
  }

  Json field(String key, String value) {
    key(key).text.append(quoted(value));
    return this;
  }

  Json field(String key, boolean value) {
    key(key).text.append(value);
    return this;
  }

  Json field(String key, double value) {
    key(key).text.append(number(value));
    return this;
  }

  Json field(String key, List<Double> values) {
    key(key)
        .text
        .append(values.stream().map(Json::number).collect(Collectors.joining(", ", "[", "]")));
    return this;
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4g", value).contains("e")
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.format(Locale.ROOT, "%.3f", value);
  }

  private static String quoted(String value) {
    return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
