// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.List;
import org.lwshm.benchmarks.Contestant.Host;
import org.lwshm.benchmarks.report.Report;

/**
 * What an lwshm lock costs a C process without contention: in a segment with room for few backends,
 * and in one with room for many. In both, four have joined.
 */
final class AloneInC implements AutoCloseable {

  private static final int JOINED = 4;
  private static final int MILLISECONDS = 200;
  private static final String BARE = "bare";
  private static final String ALTERNATING = "alternating";
  private static final List<Integer> BACKENDS = List.of(Arena.BACKENDS, 16_384);

  private final List<Arena> arenas = BACKENDS.stream().map(Arena::new).toList();
  private final Report report;

  AloneInC(Report report) {
    this.report = report;
  }

  /** Measures everything once. */
  void run() {
    for (int i = 0; i < arenas.size(); i++) {
      Worker worker = arenas.get(i).workers(Host.C, JOINED).get(0);
      for (String mode : List.of(Contest.EXCLUSIVE, Contest.SHARED, ALTERNATING)) {
        run(worker, Contestant.LWSHM_C.key(), mode, BACKENDS.get(i));
      }
      run(worker, BARE, Contest.EXCLUSIVE, BACKENDS.get(i));
    }
  }

  private void run(Worker worker, String kind, String mode, int backends) {
    Cell cell = new Cell(mode, 1, Cell.Load.NONE);
    // No work, so that its calibration is of no consequence.
    Turn turn = new Turn(kind, Host.C, cell, new Calibration(1), MILLISECONDS);
    double cost = turn.run(worker).cost();
    report.samples(name(kind, mode, backends), "ns/op").add(cost);
    System.out.printf("  %-60s %10.2f ns/op%n", name(kind, mode, backends), cost);
  }

  private static String name(String kind, String mode, int backends) {
    return "C, " + kind + ", " + mode + ", backends " + backends;
  }

  private static String name(String mode, int backends) {
    return name(Contestant.LWSHM_C.key(), mode, backends);
  }

  /** Adds the ratios of C. */
  static void addRatios(Report report) {
    report.ratioAtMost(
        "c_exclusive_vs_two_locked_instructions",
        name(Contest.EXCLUSIVE, Arena.BACKENDS),
        name(BARE, Contest.EXCLUSIVE, Arena.BACKENDS),
        1.25);
    for (int backends : BACKENDS) {
      Uncontended.addAfterShared(
          report,
          "c_exclusive_after_shared_",
          backends,
          name(ALTERNATING, backends),
          List.of(name(Contest.EXCLUSIVE, backends), name(Contest.SHARED, backends)));
    }
  }

  @Override
  public void close() {
    arenas.forEach(Arena::close);
  }
}
