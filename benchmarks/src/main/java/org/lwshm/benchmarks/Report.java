// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;

/** The results of one run: told as a table, as JSON, and as ratios with their goals. */
final class Report {

  private final String title;
  private final Map<String, Samples> samples = new LinkedHashMap<>();
  private final List<Ratio> ratios = new ArrayList<>();

  Report(String title) {
    this.title = title;
  }

  String title() {
    return title;
  }

  /** The samples of that name, made at the first call. */
  Samples samples(String name, String unit) {
    return samples.computeIfAbsent(name, n -> new Samples(n, unit));
  }

  boolean has(String... names) {
    return samples.keySet().containsAll(List.of(names));
  }

  double median(String name) {
    return found(name).median();
  }

  /** The median, and in parentheses the least and the most. */
  String range(String name) {
    Samples s = found(name);
    return String.format(Locale.ROOT, "%.2f (%.2f..%.2f)", s.median(), s.least(), s.most());
  }

  private Samples found(String name) {
    Samples found = samples.get(name);
    if (found == null) {
      throw new IllegalArgumentException("nothing named " + name + " was measured");
    }
    return found;
  }

  /** Median over median; nothing if one of the two was not measured. */
  void ratioAtMost(String ratio, String name, String of, double bound) {
    if (has(name, of)) {
      ratios.add(Ratio.atMost(ratio, median(name) / median(of), bound));
    }
  }

  /** Median over median; nothing if one of the two was not measured. */
  void ratioAtLeast(String ratio, String name, String of, double bound) {
    if (has(name, of)) {
      ratios.add(Ratio.atLeast(ratio, median(name) / median(of), bound));
    }
  }

  void print(PrintStream out) {
    print(out, name -> true);
  }

  /** The ratios, and of the samples those whose names are wanted. */
  void print(PrintStream out, Predicate<String> wanted) {
    List<Samples> shown = samples.values().stream().filter(s -> wanted.test(s.name())).toList();
    int width = shown.stream().mapToInt(s -> s.name().length()).max().orElse(0);
    out.printf(Locale.ROOT, "%n%s%n%n", title);
    out.printf(
        "  %-" + Math.max(width, 1) + "s  %10s  %10s  %10s%n", "", "median", "least", "most");
    for (Samples s : shown) {
      out.printf(
          Locale.ROOT,
          "  %-" + width + "s  %10.2f  %10.2f  %10.2f  %s%n",
          s.name(),
          s.median(),
          s.least(),
          s.most(),
          s.unit());
    }
    out.println();
    ratios.forEach(out::println);
    out.flush();
  }

  /** Writes the results where the next run of the same title will overwrite them. */
  void write(Path file) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, json());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String json() {
    Json json = new Json();
    json.open("{").field("title", title).key("machine").open("{");
    new TreeMap<>(Machine.describe()).forEach(json::field);
    json.close("}").key("results").open("[");
    for (Samples s : samples.values()) {
      json.item().open("{").field("name", s.name()).field("unit", s.unit());
      json.field("median", s.median()).field("least", s.least()).field("most", s.most());
      json.field("rounds", s.values()).close("}");
    }
    json.close("]").key("ratios").open("[");
    for (Ratio r : ratios) {
      json.item().open("{").field("name", r.name()).field("value", r.value());
      json.field("goal", r.goal()).field("bound", r.bound()).field("holds", r.holds()).close("}");
    }
    return json.close("]").close("}") + "\n";
  }
}
