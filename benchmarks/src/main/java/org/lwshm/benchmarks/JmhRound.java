// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.lwshm.benchmarks.report.Report;
import org.lwshm.benchmarks.report.Samples;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * A round of JMH benchmarks: each once, in a JVM of its own. JMH alone would run all forks of one
 * benchmark, then all of the next, and compare one hour with another.
 *
 * @param options of JMH
 * @param jdk that runs the benchmarks
 * @param report that the results are added to
 */
record JmhRound(Options options, Jdk jdk, Report report) {

  /** Adds what each benchmark took, in processor time, as the median of its iterations. */
  void run() throws RunnerException {
    Options once =
        new OptionsBuilder()
            .parent(options)
            .forks(1)
            .jvm(jdk.java().toString())
            .verbosity(VerboseMode.SILENT)
            .shouldFailOnError(true)
            .addProfiler(CpuTimeProfiler.class)
            .jvmArgsPrepend(quiet(jdk))
            .build();
    for (RunResult result : new Runner(once).run()) {
      String name = name(jdk, benchmark(result.getParams()));
      double value = median(result.getBenchmarkResults());
      report.samples(name, "ns/op").add(value);
      System.out.printf("  %-60s %10.2f ns/op%n", name, value);
    }
  }

  /** Options that keep later JDKs from printing notices on native access and on JMH's Unsafe. */
  private static String[] quiet(Jdk jdk) {
    String nativeAccess = "--enable-native-access=ALL-UNNAMED";
    if (jdk.release() < 22) {
      return new String[0];
    }
    return jdk.release() < 24
        ? new String[] {nativeAccess}
        : new String[] {nativeAccess, "--sun-misc-unsafe-memory-access=allow"};
  }

  /** The name of a result. */
  static String name(Jdk jdk, String benchmark) {
    return jdk + ", " + benchmark;
  }

  /** Class, method and parameters, as in "LWLockAfterSharedBenchmark.exclusive, backends 128". */
  private static String benchmark(BenchmarkParams params) {
    String full = params.getBenchmark();
    StringBuilder name =
        new StringBuilder(full.substring(full.lastIndexOf('.', full.lastIndexOf('.') - 1) + 1));
    for (String key : params.getParamsKeys()) {
      name.append(", ").append(key).append(' ').append(params.getParam(key));
    }
    return name.toString();
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
