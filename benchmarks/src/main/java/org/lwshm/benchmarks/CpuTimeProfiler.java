// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * The processor time that an operation took: what it costs even while other programs are given the
 * processor in between. For benchmarks that neither sleep nor wait.
 *
 * <p>The sum over Java threads, so the JIT compiler does not count.
 */
public final class CpuTimeProfiler implements InternalProfiler {

  /** The name of the result; its unit is ns/op. */
  static final String RESULT = "cpu";

  private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
  private long before;

  @Override
  public String getDescription() {
    return "processor time of an operation";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    before = cpuTime();
  }

  @Override
  public Collection<? extends Result<?>> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    double spent = cpuTime() - before;
    long operations = result.getMetadata().getAllOps();
    return List.of(new ScalarResult(RESULT, spent / operations, "ns/op", AggregationPolicy.AVG));
  }

  private long cpuTime() {
    long sum = 0;
    for (long id : threads.getAllThreadIds()) {
      sum += Math.max(0, threads.getThreadCpuTime(id));
    }
    return sum;
  }
}
