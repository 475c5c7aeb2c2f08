// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/**
 * {@code make bench}: what an operation costs that nobody hinders. Takes JMH's own options; {@code
 * -f} is the number of rounds.
 */
public final class Uncontended {

  private static final int ROUNDS = 5;
  private static final String LWLOCK = "LWLockBenchmark.";

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
    int java = Runtime.version().feature();
    Report report = new Report("Uncontended, processor time, JDK " + java);
    JmhRounds.run(options, options.getForkCount().orElse(ROUNDS), report);
    addRatios(report);
    report.print(System.out);
    if (!options.getIncludes().isEmpty()) {
      System.out.println("(a selection: not recorded)");
      return;
    }
    Path file = Path.of("benchmarks", "results", "uncontended-jdk" + java + ".json");
    report.write(file);
    System.out.println("recorded in " + file);
  }

  static void addRatios(Report report) {
    String of = LWLOCK + "reentrantReadWriteLock";
    report.ratioAtMost(
        "java_exclusive_vs_reentrantrwlock", LWLOCK + "javaExclusive", of + "Exclusive", 1.1);
    report.ratioAtMost("java_shared_vs_reentrantrwlock", LWLOCK + "javaShared", of + "Shared", 0.8);
    report.ratioAtMost(
        "java_exclusive_vs_jni", LWLOCK + "javaExclusive", LWLOCK + "jniExclusive", 0.5);
    report.ratioAtMost("java_shared_vs_jni", LWLOCK + "javaShared", LWLOCK + "jniShared", 0.5);
  }
}
