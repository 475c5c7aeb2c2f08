// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.Collections;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Threads beside the one that measures, before it measures. */
final class Threads {

  private Threads() {}

  /** Runs the task in so many threads at once; throws what a task has thrown. */
  static void run(int count, Callable<Void> task) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(count);
    try {
      for (Future<Void> done : pool.invokeAll(Collections.nCopies(count, task))) {
        done.get();
      }
    } finally {
      pool.shutdown();
    }
  }
}
