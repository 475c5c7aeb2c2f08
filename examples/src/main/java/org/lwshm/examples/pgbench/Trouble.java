// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** The first thing that went wrong, whoever met it. */
final class Trouble {

  private final AtomicReference<String> first = new AtomicReference<>();
  private final CountDownLatch met = new CountDownLatch(1);

  void report(String what) {
    first.compareAndSet(null, what);
    met.countDown();
  }

  Optional<String> first() {
    return Optional.ofNullable(first.get());
  }

  /** Waits until a time, as {@link System#nanoTime} counts, or until something goes wrong. */
  boolean awaitUntil(long nanoTime) throws InterruptedException {
    return met.await(nanoTime - System.nanoTime(), TimeUnit.NANOSECONDS);
  }
}
