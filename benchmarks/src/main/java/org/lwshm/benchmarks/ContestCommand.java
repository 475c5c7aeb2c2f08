// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.lwshm.benchmarks.report.Machine;
import org.lwshm.benchmarks.report.Report;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** A make target that is a contest: its options, and the course of a run. */
abstract class ContestCommand implements Callable<Integer> {

  private static final String LIST = "[ ,]+";

  private final String title;
  private final String name;
  private final List<String> modes;

  @Option(names = "--rounds", description = "how often; ${DEFAULT-VALUE} by default")
  int rounds = 7;

  @Option(names = "--milliseconds", description = "of a turn; ${DEFAULT-VALUE} by default")
  int milliseconds = 200;

  @Option(names = "--processes", split = LIST, description = "how many at once")
  List<Integer> processes;

  @Option(names = "--inside", split = LIST, description = "work with the lock held, in ns")
  List<Integer> inside;

  @Option(names = "--between", split = LIST, description = "work without the lock, in ns")
  List<Integer> between;

  @Option(names = "--kinds", split = LIST, description = "of lock")
  List<Contestant> kinds;

  /**
   * A contest in these modes; its files have this name.
   *
   * @param title of the report
   */
  ContestCommand(String title, String name, List<String> modes) {
    this.title = title;
    this.name = name;
    this.modes = modes;
  }

  /** The contestants, unless the caller names some. */
  abstract List<Contestant> usualKinds();

  /** The usual work with the lock held, and without it, in nanoseconds. */
  List<Integer> usualWork() {
    return List.of(0);
  }

  /** Measures what is no contest. */
  void runMore(Report report) {}

  /** Adds the ratios that have a bound. */
  abstract void addRatios(Report report, List<Cell> cells);

  /** Whether the chart shows a cell. */
  boolean isDrawn(Cell cell) {
    return true;
  }

  /** Runs it with options from a command line, and ends the JVM. */
  static void main(ContestCommand command, String[] args) {
    CommandLine line = new CommandLine(command);
    line.registerConverter(Contestant.class, Contestant::parse);
    System.exit(line.execute(args));
  }

  @Override
  public Integer call() {
    List<Contestant> contestants = kinds == null ? usualKinds() : kinds;
    List<Cell> cells =
        Cell.grid(
            modes,
            processes == null ? List.of(1, 2, 4, 8) : processes,
            inside == null ? usualWork() : inside,
            between == null ? usualWork() : between);
    Report report = new Report(title + ", turns of " + milliseconds + " ms");
    try (Arena arena = new Arena(Arena.BACKENDS)) {
      new Contest(arena, contestants, cells, milliseconds, report).run(rounds);
    }
    if (kinds == null) {
      runMore(report);
    }
    addRatios(report, cells);
    ContestResults results = new ContestResults(contestants, cells, report);
    results.print(System.out);
    report.print(System.out, result -> !results.contains(result));
    record(report, results);
    return 0;
  }

  private void record(Report report, ContestResults results) {
    if (Stream.of(processes, inside, between, kinds).anyMatch(given -> given != null)) {
      System.out.println("(a selection: not recorded)");
      return;
    }
    results
        .chart(title + ": throughput", this::isDrawn)
        .write(Machine.results().resolve(name + ".svg"));
    System.out.println("recorded in " + report.record(name + ".json") + " and " + name + ".svg");
  }
}
