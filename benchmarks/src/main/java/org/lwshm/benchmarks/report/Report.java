// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** The results of one run, and the ratios between them. */
public final class Report {

  private final String title;
  private final Map<String, Samples> samples = new LinkedHashMap<>();
  private final List<Ratio> ratios = new ArrayList<>();

  /** Begins a report without results. */
  public Report(String title) {
    this.title = title;
  }

  /** {@return the samples of that name, which the first call makes} */
  public Samples samples(String name, String unit) {
    return samples.computeIfAbsent(name, n -> new Samples(n, unit));
  }

  /** {@return whether all of these were measured} */
  public boolean has(String... names) {
    return samples.keySet().containsAll(List.of(names));
  }

  /**
   * {@return the median of what has that name}
   *
   * @throws IllegalArgumentException if nothing has
   */
  public double median(String name) {
    if (!has(name)) {
      throw new IllegalArgumentException("nothing named " + name + " was measured");
    }
    return samples.get(name).result().median();
  }

  /**
   * {@return the median of the quotients of each round} What slows the machine down for longer than
   * a round does not change it.
   */
  public double medianQuotient(String name, String of) {
    List<Double> values = samples.get(name).values();
    List<Double> others = samples.get(of).values();
    return Samples.median(
        IntStream.range(0, Math.min(values.size(), others.size()))
            .mapToObj(round -> values.get(round) / others.get(round))
            .toList());
  }

  /** Adds median over median, to be {@code bound} at most; nothing if one was not measured. */
  public void ratioAtMost(String ratio, String name, String of, double bound) {
    if (has(name, of)) {
      ratios.add(Ratio.atMost(ratio, median(name) / median(of), bound));
    }
  }

  /**
   * Adds median over the sum of medians, to be {@code bound} at most; nothing if one is missing.
   */
  public void ratioToSumAtMost(String ratio, String name, List<String> of, double bound) {
    if (has(name) && samples.keySet().containsAll(of)) {
      double sum = of.stream().mapToDouble(this::median).sum();
      ratios.add(Ratio.atMost(ratio, median(name) / sum, bound));
    }
  }

  /** Adds median over median, to be {@code bound} at least; nothing if one was not measured. */
  public void ratioAtLeast(String ratio, String name, String of, double bound) {
    if (has(name, of)) {
      ratios.add(Ratio.atLeast(ratio, median(name) / median(of), bound));
    }
  }

  /** Adds the least value among {@code things}, naming the thing; nothing if there are none. */
  public <T> void leastRatio(
      String ratio, List<T> things, ToDoubleFunction<T> value, double bound) {
    things.stream()
        .min(Comparator.comparingDouble(value))
        .ifPresent(
            worst ->
                ratios.add(
                    Ratio.atLeast(ratio, value.applyAsDouble(worst), bound)
                        .of("the worst of " + things.size() + ": " + worst)));
  }

  /** Prints the results that the predicate accepts by name, and the ratios. */
  public void print(PrintStream out, Predicate<String> wanted) {
    List<Result> shown =
        samples.values().stream()
            .map(Samples::result)
            .filter(result -> wanted.test(result.name()))
            .toList();
    if (!shown.isEmpty()) {
      printResults(out, shown);
    }
    if (!ratios.isEmpty()) {
      out.println();
      Ratio.print(ratios, out);
    }
    out.flush();
  }

  private static void printResults(PrintStream out, List<Result> results) {
    int width = results.stream().mapToInt(result -> result.name().length()).max().orElse(1);
    String line = "  %-" + width + "s  %10s  %10s  %10s%n";
    out.printf("%n" + line, "", "median", "least", "most");
    for (Result r : results) {
      out.printf(
          line, r.name(), number(r.median()), number(r.least()), number(r.most()) + " " + r.unit());
    }
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.2f", value);
  }

  /**
   * Writes the results into the folder of this machine's kind of processor.
   *
   * @return the file
   */
  public Path record(String fileName) {
    Path file = Machine.results().resolve(fileName);
    new Recording(
            title,
            Machine.code(),
            Machine.describe(),
            samples.values().stream().map(Samples::result).toList(),
            ratios)
        .write(file);
    return file;
  }
}
