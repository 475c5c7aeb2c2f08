// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import static org.lwshm.benchmarks.Contest.EXCLUSIVE;

import java.util.List;
import org.lwshm.benchmarks.report.Report;
import picocli.CommandLine.Command;

/**
 * {@code make bench-contended}: exclusive locks with work inside and between, lwshm's with spins
 * that it learns and with fixed ones. It needs the environment of with-postgres.sh.
 */
@Command(name = "bench-contended")
public final class Contended extends ContestCommand {

  private Contended() {
    super("Contended locks", "contended", List.of(EXCLUSIVE));
  }

  /** Runs it; see {@link ContestCommand} for the options. */
  public static void main(String[] args) {
    main(new Contended(), args);
  }

  @Override
  List<Contestant> usualKinds() {
    return List.of(
        Contestant.LWSHM_C,
        Contestant.LWSHM_C_0,
        Contestant.LWSHM_C_100,
        Contestant.LWSHM_JAVA,
        Contestant.LWSHM_JAVA_0,
        Contestant.LWSHM_JAVA_100,
        Contestant.POSTGRES,
        Contestant.MUTEX,
        Contestant.REENTRANT);
  }

  @Override
  List<Integer> usualWork() {
    return List.of(0, 50, 500, 5000);
  }

  /** A chart of all would be too long to be read. */
  @Override
  boolean isDrawn(Cell cell) {
    return cell.processes() > 1 && cell.load().insideNs() == cell.load().betweenNs();
  }

  @Override
  void addRatios(Report report, List<Cell> cells) {
    addRatios(
        report,
        cells,
        "contended_c",
        Contestant.LWSHM_C,
        Contestant.LWSHM_C_0,
        Contestant.LWSHM_C_100);
    addRatios(
        report,
        cells,
        "contended_java",
        Contestant.LWSHM_JAVA,
        Contestant.LWSHM_JAVA_0,
        Contestant.LWSHM_JAVA_100);
  }

  private static void addRatios(
      Report report, List<Cell> cells, String name, Contestant learning, Contestant... fixed) {
    List<Cell> comparable =
        cells.stream().filter(cell -> isMeasured(report, cell, learning, fixed)).toList();
    report.leastRatio(
        name + "_vs_own_fixed_best",
        comparable,
        cell -> vsBest(report, cell, learning, fixed),
        0.85);
    for (int processes : List.of(2, 4, 8)) {
      addAtLeast(report, name + "_vs_postgres_", learning, Contestant.POSTGRES, processes, 1.2);
      addAtLeast(report, name + "_vs_mutex_", learning, Contestant.MUTEX, processes, 1.2);
      addAtLeast(
          report, name + "_vs_reentrantlock_", learning, Contestant.REENTRANT, processes, 0.8);
    }
  }

  private static void addAtLeast(
      Report report, String name, Contestant learning, Contestant of, int processes, double bound) {
    report.ratioAtLeast(
        name + processes,
        Contest.throughput(learning, EXCLUSIVE, processes),
        Contest.throughput(of, EXCLUSIVE, processes),
        bound);
  }

  private static boolean isMeasured(
      Report report, Cell cell, Contestant learning, Contestant... fixed) {
    return report.has(Contest.key(learning, cell, Contest.THROUGHPUT))
        && List.of(fixed).stream()
            .allMatch(c -> report.has(Contest.key(c, cell, Contest.THROUGHPUT)));
  }

  /** The throughput with learned spins, divided by that of the best fixed setting in the cell. */
  private static double vsBest(Report report, Cell cell, Contestant learning, Contestant... fixed) {
    String learned = Contest.key(learning, cell, Contest.THROUGHPUT);
    return List.of(fixed).stream()
        .map(c -> Contest.key(c, cell, Contest.THROUGHPUT))
        .mapToDouble(best -> report.medianQuotient(learned, best))
        .min()
        .orElseThrow();
  }
}
