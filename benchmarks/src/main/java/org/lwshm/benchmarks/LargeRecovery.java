// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.concurrent.Callable;
import org.lwshm.benchmarks.report.Report;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code make bench-recovery}: the recovery from a kill -9 of a process that has much memory,
 * beside that of one that has none.
 */
@Command(name = "bench-recovery")
public final class LargeRecovery implements Callable<Integer> {

  private static final int USUAL_GIB = 8;

  @Option(names = "--rounds", description = "how often; ${DEFAULT-VALUE} by default")
  int rounds = 25;

  @Option(names = "--gib", description = "of resident memory; ${DEFAULT-VALUE} by default")
  int gib = USUAL_GIB;

  private LargeRecovery() {}

  /** Runs it, and ends the JVM. */
  public static void main(String[] args) {
    System.exit(new CommandLine(new LargeRecovery()).execute(args));
  }

  @Override
  public Integer call() {
    Report report = new Report("Recovery from kill -9 with " + gib + " GiB resident, and none");
    try (Arena arena = new Arena(Arena.BACKENDS)) {
      new Recovery(arena, report).runLarge(rounds, gib);
    }
    report.ratioAtMost("recovery_large_vs_small", Recovery.LARGE, Recovery.LWSHM, 3);
    report.print(System.out, result -> true);
    System.out.println(
        gib == USUAL_GIB
            ? "recorded in " + report.record("recovery.json")
            : "(a selection: not recorded)");
    return 0;
  }
}
