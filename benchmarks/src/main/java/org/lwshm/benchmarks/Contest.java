// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.List;
import org.lwshm.benchmarks.Contestant.Host;
import org.lwshm.benchmarks.report.Report;
import org.lwshm.benchmarks.worker.Outcome;

/**
 * Locks of several kinds in every cell of a grid. In a round all of them have their turn in a cell
 * one after another, so that what disturbs the machine disturbs all of them.
 */
final class Contest {

  static final String EXCLUSIVE = "exclusive";
  static final String SHARED = "shared";

  /** Nanoseconds of processor time for an operation, of one process alone. */
  static final String COST = "ns/op";

  /** Operations of all processes together, in millions a second. */
  static final String THROUGHPUT = "M/s";

  /** The longest wait of any process, in milliseconds, preemptions included. */
  static final String LONGEST = "ms longest";

  /** The operations of the process with the fewest, divided by the mean of all. */
  static final String SHARE = "least share";

  /** How many turns a lock that learns it spins after the turn. */
  static final String SPINS = "spins";

  private static final int WARM_UPS = 3;
  private static final int WARM_UP_MILLISECONDS = 100;

  private final Arena arena;
  private final List<Contestant> contestants;
  private final List<Cell> cells;
  private final int milliseconds;
  private final Report report;
  private final Calibration calibration;

  /** Prepares a contest with turns of so many milliseconds. */
  Contest(
      Arena arena,
      List<Contestant> contestants,
      List<Cell> cells,
      int milliseconds,
      Report report) {
    this.arena = arena;
    this.contestants = contestants;
    this.cells = cells;
    this.milliseconds = milliseconds;
    this.report = report;
    calibration = Calibration.of(arena.workers(Host.C, 1).get(0));
  }

  /** Warms up, then runs all rounds. */
  void run(int rounds) {
    System.out.printf("a turn of work takes %.2f ns%n", calibration.nsPerTurn());
    contestants.forEach(this::warmUp);
    for (int round = 1; round <= rounds; round++) {
      System.out.println("round " + round + " of " + rounds);
      cells.forEach(this::runRound);
    }
  }

  private void runRound(Cell cell) {
    for (Contestant c : contestants) {
      if (c.has(cell.mode())) {
        runTurn(c, cell);
      }
    }
  }

  /**
   * Runs the contestant in every mode, with work and without. On a JVM its workers also run alone,
   * and three times, so that the JIT has seen everything.
   */
  private void warmUp(Contestant c) {
    int most = cells.stream().mapToInt(Cell::processes).max().orElse(1);
    List<Cell> kinds =
        cells.stream()
            .filter(cell -> c.has(cell.mode()))
            .map(cell -> new Cell(cell.mode(), most, smallest(cell.load())))
            .distinct()
            .toList();
    for (Cell cell : kinds) {
      Turn turn = new Turn(c.key(), c.host(), cell, calibration, WARM_UP_MILLISECONDS);
      for (int i = 0; i < (isJvm(c) ? WARM_UPS : 1); i++) {
        turn.run(arena);
        if (isJvm(c)) {
          arena.workers(c.host(), c.host() == Host.JVM ? most : 1).forEach(turn::run);
        }
      }
    }
  }

  /** To the JIT all work inside is alike, and all work between. */
  private static Cell.Load smallest(Cell.Load load) {
    return new Cell.Load(Math.min(load.insideNs(), 50), Math.min(load.betweenNs(), 50));
  }

  private static boolean isJvm(Contestant c) {
    return c.host() == Host.JVM || c.host() == Host.JVM_THREADS;
  }

  private void runTurn(Contestant c, Cell cell) {
    Turn turn = new Turn(c.key(), c.host(), cell, calibration, milliseconds);
    if (c.learns()) {
      arena.learnAnew(c); // The last cell was another one.
      turn.run(arena);
    }
    Outcome outcome = turn.run(arena);
    add(c, cell, THROUGHPUT, outcome.perSecond() / 1e6);
    add(c, cell, LONGEST, outcome.longestNs() / 1e6);
    if (cell.processes() == 1) {
      add(c, cell, COST, outcome.cost());
    } else {
      add(c, cell, SHARE, outcome.leastShare());
    }
    if (c.learns()) {
      add(c, cell, SPINS, arena.spins(c));
    }
  }

  private void add(Contestant c, Cell cell, String metric, double value) {
    report.samples(key(c, cell, metric), metric).add(value);
  }

  /** The name of a result. */
  static String key(Contestant c, Cell cell, String metric) {
    return c.title() + ", " + cell + ", " + metric;
  }

  /** The name of a throughput without work. */
  static String throughput(Contestant c, String mode, int processes) {
    return key(c, new Cell(mode, processes, Cell.Load.NONE), THROUGHPUT);
  }
}
