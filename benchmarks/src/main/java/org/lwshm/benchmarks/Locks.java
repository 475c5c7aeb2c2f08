// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import static org.lwshm.benchmarks.Contest.EXCLUSIVE;
import static org.lwshm.benchmarks.Contest.SHARED;
import static org.lwshm.benchmarks.Contestant.LWSHM_C;
import static org.lwshm.benchmarks.Contestant.LWSHM_JAVA;

import java.util.List;
import org.lwshm.benchmarks.report.Report;
import picocli.CommandLine.Command;

/**
 * {@code make bench-locks}: lwshm's locks beside those that a program in C or Java would take
 * otherwise.
 */
@Command(name = "bench-locks")
public final class Locks extends ContestCommand {

  private Locks() {
    super("Locks", "locks", List.of(EXCLUSIVE, SHARED));
  }

  /** Runs it; see {@link ContestCommand} for the options. */
  public static void main(String[] args) {
    main(new Locks(), args);
  }

  @Override
  List<Contestant> usualKinds() {
    return List.of(
        LWSHM_C,
        LWSHM_JAVA,
        Contestant.MUTEX,
        Contestant.ROBUST,
        Contestant.RWLOCK,
        Contestant.SPIN,
        Contestant.FILECHANNEL,
        Contestant.REENTRANT,
        Contestant.REENTRANTRW,
        Contestant.STAMPED);
  }

  @Override
  void addRatios(Report report, List<Cell> cells) {
    addJavaRatios(report);
  }

  /** Java's throughput beside C's, and what a second process adds to that of readers. */
  static void addJavaRatios(Report report) {
    for (int processes : List.of(2, 4, 8)) {
      report.ratioAtLeast(
          "exclusive_contended_java_vs_c_" + processes,
          Contest.throughput(LWSHM_JAVA, EXCLUSIVE, processes),
          Contest.throughput(LWSHM_C, EXCLUSIVE, processes),
          0.7);
    }
    report.ratioAtLeast(
        "shared_scaling_1_to_2_processes",
        Contest.throughput(LWSHM_JAVA, SHARED, 2),
        Contest.throughput(LWSHM_JAVA, SHARED, 1),
        1.8);
  }
}
