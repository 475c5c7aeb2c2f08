// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import org.lwshm.benchmarks.report.BarChart;
import org.lwshm.benchmarks.report.Report;

/**
 * The tables and the chart of a contest.
 *
 * @param contestants in the order of the tables
 * @param cells of the grid
 * @param report with the results
 */
record ContestResults(List<Contestant> contestants, List<Cell> cells, Report report) {

  private static final List<String> METRICS =
      List.of(Contest.COST, Contest.THROUGHPUT, Contest.LONGEST, Contest.SHARE, Contest.SPINS);
  private static final int NAME_WIDTH = 26;
  private static final int WIDTH = 8;

  /** A column of a table. */
  private record Column(String metric, Cell cell) {

    /** Whether any contestant has a value in it. */
    boolean isIn(ContestResults results) {
      return results.contestants.stream().anyMatch(c -> isOf(c, results));
    }

    /** The metric, in few letters. */
    String heading() {
      return switch (metric) {
        case Contest.LONGEST -> "max ms";
        case Contest.SHARE -> "share";
        default -> metric;
      };
    }

    boolean isOf(Contestant c, ContestResults results) {
      return results.report.has(Contest.key(c, cell, metric));
    }

    String value(Contestant c, ContestResults results) {
      if (!isOf(c, results)) {
        return "";
      }
      double value = results.report.median(Contest.key(c, cell, metric));
      return String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
    }
  }

  /** Whether the tables contain the result of that name. */
  boolean contains(String name) {
    return contestants.stream().anyMatch(c -> name.startsWith(c.title() + ", "));
  }

  /** Prints a table for each mode and load: a line for each contestant. */
  void print(PrintStream out) {
    Map<String, List<Cell>> tables = new LinkedHashMap<>();
    for (Cell cell : cells) {
      String title = cell.mode() + ", " + cell.load();
      tables.computeIfAbsent(title, t -> new ArrayList<>()).add(cell);
    }
    tables.forEach((title, of) -> print(out, title, of));
  }

  private void print(PrintStream out, String title, List<Cell> of) {
    List<Column> columns =
        METRICS.stream()
            .flatMap(metric -> of.stream().map(cell -> new Column(metric, cell)))
            .filter(column -> column.isIn(this))
            .toList();
    out.printf("%n%s: medians%n%n", title);
    line(out, "", headings(columns));
    line(out, "", columns.stream().map(column -> "x" + column.cell().processes()).toList());
    for (Contestant c : contestants) {
      if (columns.stream().anyMatch(column -> column.isOf(c, this))) {
        line(out, c.title(), columns.stream().map(column -> column.value(c, this)).toList());
      }
    }
  }

  /** The metric above the first of its columns. */
  private static List<String> headings(List<Column> columns) {
    List<String> headings = new ArrayList<>();
    String last = "";
    for (Column column : columns) {
      headings.add(column.metric().equals(last) ? "" : column.heading());
      last = column.metric();
    }
    return headings;
  }

  private static void line(PrintStream out, String name, List<String> values) {
    StringBuilder line = new StringBuilder(String.format("  %-" + NAME_WIDTH + "s", name));
    values.forEach(value -> line.append(String.format("%" + WIDTH + "s", value)));
    out.println(line.toString().stripTrailing());
  }

  /** Draws the throughput in the wanted cells, a group of bars for each. */
  BarChart chart(String title, Predicate<Cell> wanted) {
    BarChart chart = new BarChart(title, "million acquisitions a second");
    for (Cell cell : cells) {
      if (wanted.test(cell)) {
        String processes = cell.processes() == 1 ? " process, " : " processes, ";
        chart.group(cell.mode() + ", " + cell.processes() + processes + cell.load());
        for (Contestant c : contestants) {
          String key = Contest.key(c, cell, Contest.THROUGHPUT);
          if (report.has(key)) {
            chart.bar(c.title(), report.median(key));
          }
        }
      }
    }
    return chart;
  }
}
