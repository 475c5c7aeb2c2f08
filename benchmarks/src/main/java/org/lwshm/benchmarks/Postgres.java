// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import static org.lwshm.benchmarks.Contest.EXCLUSIVE;
import static org.lwshm.benchmarks.Contest.SHARED;
import static org.lwshm.benchmarks.Contestant.LWSHM_C;
import static org.lwshm.benchmarks.Contestant.LWSHM_JAVA;
import static org.lwshm.benchmarks.Contestant.POSTGRES;

import java.util.List;
import org.lwshm.benchmarks.report.Report;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code make bench-postgres}: lwshm's locks in C and Java processes beside PostgreSQL's in its
 * backends, and the recovery from a kill -9. It needs the environment of with-postgres.sh.
 */
@Command(name = "bench-postgres")
public final class Postgres extends ContestCommand {

  @Option(names = "--kills", description = "of each; ${DEFAULT-VALUE} by default")
  int kills = 5;

  private Postgres() {
    super("PostgreSQL's LWLock and lwshm's", "postgres", List.of(EXCLUSIVE, SHARED));
  }

  /** Runs it; see {@link ContestCommand} for the options. */
  public static void main(String[] args) {
    main(new Postgres(), args);
  }

  @Override
  List<Contestant> usualKinds() {
    return List.of(POSTGRES, LWSHM_C, LWSHM_JAVA);
  }

  @Override
  void runMore(Report report) {
    try (Arena arena = new Arena(Arena.BACKENDS)) {
      new Recovery(arena, report).run(kills);
    }
  }

  @Override
  void addRatios(Report report, List<Cell> cells) {
    addCost(report, "java_exclusive_vs_postgres", LWSHM_JAVA, EXCLUSIVE, 0.60);
    addCost(report, "java_shared_vs_postgres", LWSHM_JAVA, SHARED, 0.50);
    addCost(report, "c_exclusive_vs_postgres", LWSHM_C, EXCLUSIVE, 0.50);
    addCost(report, "c_shared_vs_postgres", LWSHM_C, SHARED, 0.55);
    report.ratioAtLeast(
        "shared_2_processes_throughput_vs_postgres",
        Contest.throughput(LWSHM_JAVA, SHARED, 2),
        Contest.throughput(POSTGRES, SHARED, 2),
        4);
    for (int processes : List.of(2, 4, 8)) {
      report.ratioAtLeast(
          "exclusive_contended_throughput_vs_postgres_" + processes,
          Contest.throughput(LWSHM_C, EXCLUSIVE, processes),
          Contest.throughput(POSTGRES, EXCLUSIVE, processes),
          1.2);
    }
    Locks.addJavaRatios(report);
    report.ratioAtMost("recovery_vs_postgres", Recovery.LWSHM, Recovery.POSTGRES, 0.1);
  }

  private static void addCost(
      Report report, String ratio, Contestant ours, String mode, double bound) {
    Cell alone = new Cell(mode, 1, Cell.Load.NONE);
    report.ratioAtMost(
        ratio,
        Contest.key(ours, alone, Contest.COST),
        Contest.key(POSTGRES, alone, Contest.COST),
        bound);
  }
}
