// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.lwshm.postmaster.Postmaster;

/** Waits in the course of a run, as long as that goes well. */
final class Course {

  private static final Duration LOOK_AGAIN = Duration.ofMillis(1);
  private static final long PATIENCE_NS = Duration.ofSeconds(30).toNanos();

  private final Postmaster postmaster;
  private final Trouble trouble;

  Course(Postmaster postmaster, Trouble trouble) {
    this.postmaster = postmaster;
    this.trouble = trouble;
  }

  /** Waits until something is so; returns false if there is trouble, or it takes too long. */
  boolean await(BooleanSupplier condition, String otherwise) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE_NS;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        trouble.report(otherwise);
      }
      if (!goesWell()) {
        return false;
      }
    }
    return true;
  }

  /** Waits until a time, as {@link System#nanoTime} counts; returns false if there is trouble. */
  boolean awaitUntil(long nanoTime) throws InterruptedException {
    while (nanoTime - System.nanoTime() > 0) {
      if (!goesWell()) {
        return false;
      }
    }
    return true;
  }

  /** After a moment: nothing went wrong, and nobody has ended the postmaster by a signal. */
  private boolean goesWell() throws InterruptedException {
    return !postmaster.await(LOOK_AGAIN) && trouble.first().isEmpty();
  }
}
