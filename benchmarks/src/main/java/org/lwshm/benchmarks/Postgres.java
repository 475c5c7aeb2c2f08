// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.nio.file.Path;
import java.util.List;

/**
 * {@code make bench-postgres}: lwshm's locks in C and Java processes beside PostgreSQL's in its
 * backends. Wants the environment of with-postgres.sh.
 *
 * <p>Options: {@code --rounds}, {@code --milliseconds} of a turn, {@code --kills}.
 */
public final class Postgres {

  private static final Path RESULTS = Path.of("benchmarks", "results");
  private static final String C = "lwshm, C";
  private static final String JAVA = "lwshm, Java";
  private static final String POSTGRES = "PostgreSQL";

  private Postgres() {}

  /**
   * Runs the benchmark and reports.
   *
   * @param args {@code --name number} pairs
   */
  public static void main(String[] args) {
    Arguments arguments = new Arguments(args);
    String psql = System.getenv("LWSHM_PSQL");
    if (psql == null) {
      throw new IllegalStateException(
          "LWSHM_PSQL is not set; start with benchmarks/with-postgres.sh");
    }
    Report report = new Report("PostgreSQL's LWLock and lwshm's");
    Contest contest = new Contest(report, arguments.number("milliseconds", 200));
    try (Arena arena = new Arena()) {
      contest.addBackends(POSTGRES, arena.startCrowd(() -> arena.keep(Worker.startPsql(psql))));
      contest.addProcesses(C, "lwshm", true, arena.startCrowd(arena::startC));
      contest.addProcesses(JAVA, "lwshm", true, arena.startCrowd(arena::startJava));
      contest.warmUp();
      contest.run(arguments.number("rounds", 9));
    }
    try (Arena arena = new Arena()) {
      new Recovery(arena, psql, report).run(arguments.number("kills", 5));
    }
    addRatios(report);
    contest.print(System.out);
    report.print(System.out, name -> !contest.tells(name));
    report.write(RESULTS.resolve("postgres.json"));
    contest
        .chart("PostgreSQL's LWLock and lwshm's: throughput")
        .write(RESULTS.resolve("postgres.svg"));
    System.out.println("recorded in " + RESULTS.resolve("postgres.json") + " and postgres.svg");
  }

  private static void addRatios(Report report) {
    addCost(report, "java_exclusive_vs_postgres", JAVA, "exclusive", 0.60);
    addCost(report, "java_shared_vs_postgres", JAVA, "shared", 0.50);
    addCost(report, "c_exclusive_vs_postgres", C, "exclusive", 0.50);
    addCost(report, "c_shared_vs_postgres", C, "shared", 0.55);
    report.ratioAtLeast(
        "shared_2_processes_throughput_vs_postgres",
        throughput(JAVA, "shared", 2),
        throughput(POSTGRES, "shared", 2),
        4);
    report.ratioAtLeast(
        "shared_scaling_1_to_2_processes",
        throughput(JAVA, "shared", 2),
        throughput(JAVA, "shared", 1),
        1.8);
    for (int crowd : List.of(2, 4, 8)) {
      report.ratioAtLeast(
          "exclusive_contended_throughput_vs_postgres_" + crowd,
          throughput(C, "exclusive", crowd),
          throughput(POSTGRES, "exclusive", crowd),
          1.5);
    }
    for (int crowd : List.of(2, 4, 8)) {
      report.ratioAtLeast(
          "exclusive_contended_java_vs_c_" + crowd,
          throughput(JAVA, "exclusive", crowd),
          throughput(C, "exclusive", crowd),
          0.7);
    }
    report.ratioAtMost("recovery_vs_postgres", Recovery.LWSHM, Recovery.POSTGRES, 0.1);
  }

  private static void addCost(Report report, String ratio, String who, String mode, double bound) {
    report.ratioAtMost(
        ratio,
        Contest.key(who, mode, 1, Contest.COST),
        Contest.key(POSTGRES, mode, 1, Contest.COST),
        bound);
  }

  private static String throughput(String who, String mode, int crowd) {
    return Contest.key(who, mode, crowd, Contest.THROUGHPUT);
  }
}
