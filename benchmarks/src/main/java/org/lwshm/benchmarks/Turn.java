// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.lwshm.benchmarks.Contestant.Host;
import org.lwshm.benchmarks.worker.Order;
import org.lwshm.benchmarks.worker.Outcome;

/**
 * One lock under load for some time.
 *
 * @param kind of lock, as the workers call it
 * @param host where the workers run
 * @param cell how they fight over it
 * @param calibration of the work
 * @param milliseconds how long
 */
record Turn(String kind, Host host, Cell cell, Calibration calibration, int milliseconds) {

  /** What the workers need to read their orders, before all of them begin at one time. */
  private static final long LEAD_NS = TimeUnit.MILLISECONDS.toNanos(10);

  /** Has the cell's number of processes, or of threads, do it at once. */
  Outcome run(Arena arena) {
    boolean isThreads = host == Host.JVM_THREADS;
    return run(
        arena.workers(host, isThreads ? 1 : cell.processes()), isThreads ? cell.processes() : 1);
  }

  /** Has one worker do it alone. */
  Outcome run(Worker worker) {
    return run(List.of(worker), 1);
  }

  private Outcome run(List<Worker> workers, int threads) {
    String order = order(threads);
    workers.forEach(worker -> worker.tell(order));
    return Outcome.of(workers.stream().map(Worker::await).map(Outcome::parse).toList());
  }

  private String order(int threads) {
    long start = System.nanoTime() + LEAD_NS;
    long end = start + TimeUnit.MILLISECONDS.toNanos(milliseconds);
    Cell.Load load = cell.load();
    int inside = calibration.turns(load.insideNs());
    int between = calibration.turns(load.betweenNs());
    Order order = new Order(kind, cell.mode(), start, end, inside, between, load.batch(), threads);
    return host == Host.POSTGRES ? order.query() : order.line();
  }
}
