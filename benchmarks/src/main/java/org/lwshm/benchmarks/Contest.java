// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Locks of several kinds, each fought over by 1, 2, 4 and 8 workers in both modes. In a round all
 * kinds have their turn one after another, so what disturbs the machine disturbs all of them.
 */
final class Contest {

  /** How many at once. */
  static final List<Integer> CROWDS = List.of(1, 2, 4, 8);

  /** The largest of them. */
  static final int MOST = 8;

  static final List<String> MODES = List.of("exclusive", "shared");

  /** Nanoseconds of processor time for an operation of one worker alone. */
  static final String COST = "ns/op";

  /** Operations of all workers together, in millions a second. */
  static final String THROUGHPUT = "M/s";

  /** The longest that any worker's batch of 256 took: waits, and what the scheduler did. */
  static final String LONGEST = "ms longest";

  /**
   * Who takes part.
   *
   * @param name as it is told
   * @param kind what the workers call it
   * @param workers processes that do it, {@link #MOST} of them; or one JVM with so many threads
   * @param isThreads whether it is one JVM with threads
   * @param hasShared whether it has a shared mode
   * @param language how an order is told to a worker
   */
  private record Contender(
      String name,
      String kind,
      List<Worker> workers,
      boolean isThreads,
      boolean hasShared,
      Function<Order, String> language) {

    Outcome run(String mode, int crowd, int milliseconds) {
      List<Worker> called = isThreads ? workers.subList(0, 1) : workers.subList(0, crowd);
      return run(mode, called, isThreads ? crowd : 1, milliseconds);
    }

    Outcome run(String mode, List<Worker> called, int threads, int milliseconds) {
      // All in the same stretch of time, or the first would run alone and the last, too.
      long start = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(10);
      long end = start + TimeUnit.MILLISECONDS.toNanos(milliseconds);
      String order = language.apply(new Order(kind, mode, start, end, threads));
      called.forEach(worker -> worker.tell(order));
      return called.stream()
          .map(worker -> Outcome.parse(worker.await()))
          .reduce(Outcome::and)
          .orElseThrow();
    }
  }

  private final List<Contender> contenders = new ArrayList<>();
  private final Report report;
  private final int milliseconds;

  Contest(Report report, int milliseconds) {
    this.report = report;
    this.milliseconds = milliseconds;
  }

  void addProcesses(String name, String kind, boolean hasShared, List<Worker> workers) {
    contenders.add(new Contender(name, kind, workers, false, hasShared, Order::line));
  }

  void addThreads(String name, String kind, boolean hasShared, Worker jvm) {
    contenders.add(new Contender(name, kind, List.of(jvm), true, hasShared, Order::line));
  }

  void addBackends(String name, List<Worker> psqls) {
    contenders.add(new Contender(name, "", psqls, false, true, Order::query));
  }

  /** Lets everybody, JITs above all, get warm. */
  void warmUp() {
    for (String mode : MODES) {
      for (Contender c : contenders) {
        if (c.hasShared() || mode.equals("exclusive")) {
          for (int i = 0; i < 3; i++) {
            // Alone and together: the JIT must have seen both.
            for (Worker worker : c.workers()) {
              c.run(mode, List.of(worker), 1, 100);
            }
            c.run(mode, MOST, 100);
          }
        }
      }
    }
  }

  void run(int rounds) {
    for (int round = 1; round <= rounds; round++) {
      System.out.println("round " + round + " of " + rounds);
      for (int crowd : CROWDS) {
        for (String mode : MODES) {
          for (Contender c : contenders) {
            if (c.hasShared() || mode.equals("exclusive")) {
              runOnce(c, mode, crowd);
            }
          }
        }
      }
    }
  }

  private void runOnce(Contender c, String mode, int crowd) {
    Outcome whole = c.run(mode, crowd, milliseconds);
    report.samples(key(c.name(), mode, crowd, THROUGHPUT), THROUGHPUT).add(whole.perSecond() / 1e6);
    report.samples(key(c.name(), mode, crowd, LONGEST), LONGEST).add(whole.longestNs() / 1e6);
    if (crowd == 1) {
      double cost = (double) whole.cpuNs() / whole.operations();
      report.samples(key(c.name(), mode, 1, COST), COST).add(cost);
    }
  }

  /** The name of a result. */
  static String key(String contender, String mode, int crowd, String what) {
    return contender + ", " + mode + ", " + crowd + ", " + what;
  }

  /** Whether that is the name of one of the contest's results, which {@link #print} tells. */
  boolean tells(String name) {
    return contenders.stream().anyMatch(c -> name.startsWith(c.name() + ", "));
  }

  /** For each mode and what was measured a table, one line a contender. */
  void print(PrintStream out) {
    for (String mode : MODES) {
      printTable(out, mode, COST, List.of(1));
      printTable(out, mode, THROUGHPUT, CROWDS);
      printTable(out, mode, LONGEST, CROWDS);
    }
    out.println();
  }

  private void printTable(PrintStream out, String mode, String what, List<Integer> crowds) {
    out.printf("%n%s, %s: median (least..most)%n%n  %-24s", mode, what, "");
    crowds.forEach(crowd -> out.printf(" %26s", "x" + crowd));
    out.println();
    for (Contender c : contenders) {
      if (c.hasShared() || mode.equals("exclusive")) {
        out.printf("  %-24s", c.name());
        crowds.forEach(
            crowd -> out.printf(" %26s", report.range(key(c.name(), mode, crowd, what))));
        out.println();
      }
    }
  }

  /** Throughput, a group of bars for each mode and crowd. */
  BarChart chart(String title) {
    BarChart chart = new BarChart(title, "million acquisitions a second");
    for (String mode : MODES) {
      for (int crowd : CROWDS) {
        chart.group(mode + ", " + crowd + (crowd == 1 ? " process" : " processes"));
        for (Contender c : contenders) {
          String key = key(c.name(), mode, crowd, THROUGHPUT);
          if (report.has(key)) {
            chart.bar(c.name(), report.median(key));
          }
        }
      }
    }
    return chart;
  }
}
