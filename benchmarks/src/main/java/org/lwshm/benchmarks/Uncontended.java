// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.lwshm.benchmarks.report.Report;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/**
 * {@code make bench}: what an operation costs without contention, in C and on each JDK. It takes
 * JMH's own options; {@code -f} is the number of rounds.
 *
 * <p>The environment variable LWSHM_LATER_JDK names the home of a second JDK.
 */
public final class Uncontended {

  private static final int ROUNDS = 5;
  private static final String LWLOCK = "LWLockBenchmark.";

  /** Methods of LWLockBenchmark, and what a ratio calls them. */
  private static final Map<String, String> CALLS =
      new TreeMap<>(
          Map.of(
              "javaExclusive", "exclusive",
              "javaShared", "shared",
              "javaTryExclusive", "try_exclusive",
              "javaTryShared", "try_shared",
              "javaTimedExclusive", "timed_exclusive",
              "javaTimedShared", "timed_shared"));

  /** Methods of LWLockPastBenchmark, likewise. */
  private static final Map<String, String> PAST_CALLS =
      new TreeMap<>(
          Map.of(
              "exclusive", "exclusive",
              "shared", "shared",
              "tryExclusive", "try_exclusive",
              "timedExclusive", "timed_exclusive"));

  private Uncontended() {}

  /**
   * Runs the benchmarks and reports.
   *
   * @param args JMH's options
   */
  public static void main(String[] args)
      throws CommandLineOptionException, IOException, RunnerException {
    CommandLineOptions options = new CommandLineOptions(args);
    if (options.shouldHelp() || options.shouldList() || options.shouldListProfilers()) {
      org.openjdk.jmh.Main.main(args);
      return;
    }
    List<Jdk> jdks = jdks();
    Report report = new Report("Uncontended: processor time");
    run(options, jdks, report);
    addRatios(report, jdks);
    report.print(System.out, name -> true);
    if (options.getIncludes().isEmpty()) {
      System.out.println("recorded in " + report.record("uncontended.json"));
    } else {
      System.out.println("(a selection: not recorded)");
    }
  }

  /** The one that runs this, and the later one, if there is any. */
  private static List<Jdk> jdks() throws IOException {
    List<Jdk> jdks = new ArrayList<>(List.of(Jdk.running()));
    String later = System.getenv("LWSHM_LATER_JDK");
    if (later == null || later.isEmpty()) {
      System.out.println("no JDK of 22 or later found; set JAVA25_HOME");
    } else if (!Path.of(later).toRealPath().equals(jdks.get(0).home().toRealPath())) {
      jdks.add(Jdk.in(Path.of(later)));
    }
    return jdks;
  }

  private static void run(CommandLineOptions options, List<Jdk> jdks, Report report)
      throws RunnerException {
    int rounds = options.getForkCount().orElse(ROUNDS);
    try (AloneInC c = new AloneInC(report)) {
      for (int round = 1; round <= rounds; round++) {
        System.out.println("round " + round + " of " + rounds);
        if (options.getIncludes().isEmpty()) {
          c.run();
        }
        for (Jdk jdk : jdks) {
          new JmhRound(options, jdk, report).run();
        }
      }
    }
  }

  private static void addRatios(Report report, List<Jdk> jdks) {
    AloneInC.addRatios(report);
    jdks.forEach(jdk -> addRatios(report, jdk));
    if (jdks.size() > 1) {
      addJdkRatios(report, jdks.get(1), jdks.get(0));
    }
  }

  /** The ratios within one JDK. */
  private static void addRatios(Report report, Jdk jdk) {
    String on = "_jdk" + jdk.release();
    String exclusive = JmhRound.name(jdk, LWLOCK + "javaExclusive");
    String shared = JmhRound.name(jdk, LWLOCK + "javaShared");
    String reentrant = JmhRound.name(jdk, LWLOCK + "reentrantReadWriteLock");
    String jni = JmhRound.name(jdk, LWLOCK + "jni");
    report.ratioAtMost(
        "java_exclusive_vs_two_locked_instructions" + on,
        exclusive,
        JmhRound.name(jdk, LWLOCK + "twoLockedInstructions"),
        1.3);
    report.ratioAtMost(
        "java_exclusive_vs_reentrantrwlock" + on, exclusive, reentrant + "Exclusive", 1.1);
    report.ratioAtMost("java_shared_vs_reentrantrwlock" + on, shared, reentrant + "Shared", 0.8);
    report.ratioAtMost("java_exclusive_vs_jni" + on, exclusive, jni + "Exclusive", 0.5);
    report.ratioAtMost("java_shared_vs_jni" + on, shared, jni + "Shared", 0.5);
    String after = JmhRound.name(jdk, "LWLockAfterSharedBenchmark.");
    for (int backends : List.of(128, 16_384)) {
      String of = ", backends " + backends;
      addAfterShared(
          report,
          "java_exclusive_after_shared" + on + "_",
          backends,
          after + "sharedThenExclusive" + of,
          List.of(after + "exclusive" + of, after + "shared" + of));
    }
    String past = JmhRound.name(jdk, "LWLockPastBenchmark.");
    PAST_CALLS.forEach(
        (method, call) ->
            report.ratioAtMost(
                "java_" + call + "_fought_over_before" + on,
                past + method + ", past fought over",
                past + method + ", past fresh",
                1.2));
  }

  /** Exclusive after shared, beside the sum of both apart. */
  static void addAfterShared(
      Report report, String ratio, int backends, String together, List<String> apart) {
    report.ratioToSumAtMost(ratio + backends, together, apart, backends == 128 ? 1.2 : 1.3);
  }

  /** Each call on a later JDK beside the same on the usual one. */
  private static void addJdkRatios(Report report, Jdk later, Jdk usual) {
    CALLS.forEach(
        (method, call) ->
            report.ratioAtMost(
                "java_%s_jdk%d_vs_%d".formatted(call, later.release(), usual.release()),
                JmhRound.name(later, LWLOCK + method),
                JmhRound.name(usual, LWLOCK + method),
                1.15));
  }
}
