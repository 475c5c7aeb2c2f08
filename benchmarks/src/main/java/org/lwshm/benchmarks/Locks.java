// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.nio.file.Path;
import java.util.List;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * {@code make bench-locks}: lwshm's locks beside those that a program in C or Java would take
 * otherwise, uncontended (in Java with JMH) and contended.
 *
 * <p>Options: {@code --rounds}, {@code --milliseconds} of a turn, {@code --jmh-rounds}.
 */
public final class Locks {

  private static final Path RESULTS = Path.of("benchmarks", "results");

  private Locks() {}

  /**
   * Runs the benchmarks and reports.
   *
   * @param args {@code --name number} pairs
   */
  public static void main(String[] args) throws RunnerException {
    Arguments arguments = new Arguments(args);
    Report report = new Report("Locks");
    Contest contest = new Contest(report, arguments.number("milliseconds", 200));
    try (Arena arena = new Arena()) {
      List<Worker> natives = arena.startCrowd(arena::startC);
      List<Worker> jvms = arena.startCrowd(arena::startJava);
      contest.addProcesses("lwshm, C", "lwshm", true, natives);
      contest.addProcesses("lwshm, Java", "lwshm", true, jvms);
      contest.addProcesses("pthread mutex", "mutex", false, natives);
      contest.addProcesses("pthread robust mutex", "robust", false, natives);
      contest.addProcesses("pthread rwlock", "rwlock", true, natives);
      contest.addProcesses("pthread spinlock", "spin", false, natives);
      contest.addProcesses("FileChannel.lock", "filechannel", true, jvms);
      contest.addThreads("ReentrantLock, threads", "reentrant", false, jvms.get(0));
      contest.addThreads("Reentrant…RW…, threads", "reentrantrw", true, jvms.get(0));
      contest.addThreads("StampedLock, threads", "stamped", true, jvms.get(0));
      contest.warmUp();
      contest.run(arguments.number("rounds", 7));
    }
    JmhRounds.run(
        new OptionsBuilder().include("LWLockBenchmark").build(),
        arguments.number("jmh-rounds", 3),
        report);
    addRatios(report);
    contest.print(System.out);
    report.print(System.out, name -> !contest.tells(name));
    report.write(RESULTS.resolve("locks.json"));
    contest.chart("Locks: throughput").write(RESULTS.resolve("locks.svg"));
    System.out.println("recorded in " + RESULTS.resolve("locks.json") + " and locks.svg");
  }

  private static void addRatios(Report report) {
    Uncontended.addRatios(report);
    for (int crowd : List.of(2, 4, 8)) {
      report.ratioAtLeast(
          "exclusive_contended_java_vs_c_" + crowd,
          Contest.key("lwshm, Java", "exclusive", crowd, Contest.THROUGHPUT),
          Contest.key("lwshm, C", "exclusive", crowd, Contest.THROUGHPUT),
          0.7);
    }
    report.ratioAtLeast(
        "shared_scaling_1_to_2_processes",
        Contest.key("lwshm, Java", "shared", 2, Contest.THROUGHPUT),
        Contest.key("lwshm, Java", "shared", 1, Contest.THROUGHPUT),
        1.8);
  }
}
