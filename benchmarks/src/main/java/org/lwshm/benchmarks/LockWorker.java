// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.lwshm.Backend;
import org.lwshm.Segment;

/**
 * A JVM that acquires and releases a lock as fast as it can, and says how fast that was: the same
 * as lock_worker.c, which explains the answer, and with several threads for the locks that are of
 * one JVM only. The answers of several threads stand on one line, one after another.
 */
public final class LockWorker {

  private static final int BATCH = 256;

  private final Map<String, LockKind> kinds;
  private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();

  private LockWorker(Map<String, LockKind> kinds) {
    this.kinds = kinds;
  }

  /**
   * Obeys one order after another, until standard input ends.
   *
   * @param args the data directory of the segment
   */
  public static void main(String[] args) throws Exception {
    Path dataDir = Path.of(args[0]);
    try (Segment segment = Segment.attach(dataDir);
        Backend backend = segment.join();
        FileLocks files = new FileLocks(dataDir.resolve("locked"))) {
      LockWorker worker = new LockWorker(LockKind.all(segment, backend, files));
      BufferedReader orders =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      System.out.println("ready");
      for (String line = orders.readLine(); line != null; line = orders.readLine()) {
        System.out.println(worker.run(Order.parse(line)));
      }
    }
  }

  private String run(Order order) throws Exception {
    LockKind kind = kinds.get(order.kind());
    if (kind == null) {
      throw new IllegalArgumentException("no such kind of lock: " + order.kind());
    }
    return order.threads() == 1 ? measure(kind, order) : runThreads(kind, order);
  }

  private String runThreads(LockKind kind, Order order) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(order.threads());
    CyclicBarrier barrier = new CyclicBarrier(order.threads());
    try {
      List<Future<String>> parts = new ArrayList<>();
      for (int i = 0; i < order.threads(); i++) {
        parts.add(
            pool.submit(
                () -> {
                  barrier.await();
                  return measure(kind, order);
                }));
      }
      StringJoiner whole = new StringJoiner(" ");
      for (Future<String> part : parts) {
        whole.add(part.get());
      }
      return whole.toString();
    } finally {
      pool.shutdown();
    }
  }

  private static void awaitTime(long time) {
    for (long left = time - System.nanoTime(); left > 0; left = time - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  private String measure(LockKind kind, Order order) throws IOException {
    long longest = 0;
    long operations = 0;
    awaitTime(order.start());
    long cpu = threads.getCurrentThreadCpuTime();
    long last = System.nanoTime();
    do {
      if (order.isShared()) {
        kind.shared(BATCH);
      } else {
        kind.exclusive(BATCH);
      }
      operations += BATCH;
      long time = System.nanoTime();
      longest = Math.max(longest, time - last);
      last = time;
    } while (last - order.end() < 0);
    return Outcome.line(
        operations, last - order.start(), threads.getCurrentThreadCpuTime() - cpu, longest);
  }
}
