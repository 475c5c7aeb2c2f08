// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.worker;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.lwshm.Backend;
import org.lwshm.Segment;

/**
 * A JVM that acquires and releases a lock as fast as it can, and answers how fast that was: the
 * same as lock_worker.c, and with several threads for the locks that are of one JVM only.
 */
public final class LockWorker {

  private final Segment segment;
  private final Backend backend;
  private final Map<String, LockKind> kinds = new HashMap<>();
  private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();

  // Keeps the result of the work, so that the JIT cannot leave the work out.
  private volatile long sink;

  private LockWorker(Segment segment, Backend backend, FileLocks files) {
    this.segment = segment;
    this.backend = backend;
    kinds.put("reentrant", new LockKind.ReentrantLocks());
    kinds.put("reentrantrw", new LockKind.ReentrantReadWriteLocks());
    kinds.put("stamped", new LockKind.StampedLocks());
    kinds.put("filechannel", files);
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
      LockWorker worker = new LockWorker(segment, backend, files);
      BufferedReader orders =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      System.out.println("ready");
      for (String line = orders.readLine(); line != null; line = orders.readLine()) {
        System.out.println(worker.run(Order.parse(line)));
      }
    }
  }

  private Outcome run(Order order) throws Exception {
    // Any other kind is the first lock of the tranche of that name.
    LockKind kind =
        kinds.computeIfAbsent(
            order.kind(), name -> new LockKind.LWLocks(segment.tranche(name).lock(0), backend));
    return order.threads() == 1
        ? new Outcome(List.of(measure(kind, order)))
        : runThreads(kind, order);
  }

  private Outcome runThreads(LockKind kind, Order order) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(order.threads());
    CyclicBarrier barrier = new CyclicBarrier(order.threads());
    try {
      List<Future<Outcome.Part>> parts = new ArrayList<>();
      for (int i = 0; i < order.threads(); i++) {
        parts.add(
            pool.submit(
                () -> {
                  barrier.await();
                  return measure(kind, order);
                }));
      }
      List<Outcome.Part> done = new ArrayList<>();
      for (Future<Outcome.Part> part : parts) {
        done.add(part.get());
      }
      return new Outcome(done);
    } finally {
      pool.shutdown();
    }
  }

  private static void awaitTime(long time) {
    for (long left = time - System.nanoTime(); left > 0; left = time - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  private Outcome.Part measure(LockKind kind, Order order) throws IOException {
    long longest = 0;
    long operations = 0;
    long x = 1;
    awaitTime(order.start());
    long cpu = threads.getCurrentThreadCpuTime();
    long last = System.nanoTime();
    do {
      x = runBatch(kind, order, x);
      operations += order.batch();
      long time = System.nanoTime();
      longest = Math.max(longest, time - last);
      last = time;
    } while (last - order.end() < 0);
    sink = x;
    return new Outcome.Part(
        operations, last - order.start(), threads.getCurrentThreadCpuTime() - cpu, longest);
  }

  private static long runBatch(LockKind kind, Order order, long x) throws IOException {
    return order.isShared()
        ? kind.shared(order.batch(), order.inside(), order.between(), x)
        : kind.exclusive(order.batch(), order.inside(), order.between(), x);
  }
}
