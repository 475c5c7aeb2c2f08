// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs JMH benchmarks in rounds: in each round every benchmark once, in a JVM of its own. JMH alone
 * would run all forks of one benchmark, then all of the next, and compare one hour with another.
 */
final class JmhRounds {

  private JmhRounds() {}

  /**
   * Adds to the report what each benchmark took, in processor time, as the median of a round's
   * iterations; named "Class.method".
   */
  static void run(Options options, int rounds, Report report) throws RunnerException {
    for (int round = 1; round <= rounds; round++) {
      System.out.println("round " + round + " of " + rounds);
      Options once =
          new OptionsBuilder()
              .parent(options)
              .forks(1)
              .verbosity(VerboseMode.SILENT)
              .shouldFailOnError(true)
              .addProfiler(CpuTimeProfiler.class)
              .build();
      for (RunResult result : new Runner(once).run()) {
        double value = median(result.getBenchmarkResults());
        report.samples(name(result), "ns/op").add(value);
        System.out.printf("  %-50s %10.2f ns/op%n", name(result), value);
      }
    }
  }

  private static String name(RunResult result) {
    String full = result.getParams().getBenchmark();
    return full.substring(full.lastIndexOf('.', full.lastIndexOf('.') - 1) + 1);
  }

  private static double median(Collection<BenchmarkResult> results) {
    List<Double> values = new ArrayList<>();
    for (BenchmarkResult result : results) {
      for (IterationResult iteration : result.getIterationResults()) {
        values.add(iteration.getSecondaryResults().get(CpuTimeProfiler.RESULT).getScore());
      }
    }
    return Samples.median(values);
  }
}
