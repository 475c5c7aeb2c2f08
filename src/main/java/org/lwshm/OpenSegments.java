// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * The segments that this process has open, so that it leaves them on its way out, the newest first.
 *
 * <p>One shutdown hook serves them all. It runs the exit callbacks in a thread of its own and
 * watches that: a callback may call {@code System.exit}, which blocks its thread for good, and if
 * that were the hook's own thread, the JVM would never end. Another thread goes on then.
 */
final class OpenSegments {

  private static final long LOOK_AGAIN_MS = 20;

  /** How long an exit waits for a segment that is being created or attached. */
  private static final long OPENING_PATIENCE_NS = TimeUnit.SECONDS.toNanos(10);

  private static final Deque<Segment> OPEN = new ArrayDeque<>();
  private static boolean hooked;
  private static boolean exiting;
  private static int openings;
  private static Thread exiter;

  private OpenSegments() {}

  /**
   * Opens a segment: either it is entered here, or {@code opening} throws and there is none.
   * Refused once the process is on its way out, which otherwise waits for openings that have begun.
   */
  static Segment open(Supplier<Segment> opening) {
    beginOpening();
    Segment segment = null;
    try {
      segment = opening.get();
      return segment;
    } finally {
      endOpening(segment);
    }
  }

  private static synchronized void beginOpening() {
    // A callback may look whether a segment is gone; what it leaves open is left after it.
    if (exiting && Thread.currentThread() != exiter) {
      throw new IllegalStateException("the process is exiting: no segment can be opened any more");
    }
    if (!hooked) {
      Runtime.getRuntime().addShutdownHook(new Thread(OpenSegments::exitAll, "lwshm-exit"));
      hooked = true;
    }
    openings++;
  }

  private static synchronized void endOpening(Segment segment) {
    openings--;
    if (segment != null) {
      OPEN.addLast(segment);
    }
    OpenSegments.class.notifyAll();
  }

  static synchronized void remove(Segment segment) {
    OPEN.remove(segment);
  }

  private static synchronized Segment newest() {
    return OPEN.peekLast();
  }

  private static synchronized void setExiter(Thread worker) {
    exiter = worker;
  }

  /** From here on nothing is opened; what is being opened is waited for. */
  private static synchronized void setExiting() {
    exiting = true;
    long deadline = System.nanoTime() + OPENING_PATIENCE_NS;
    while (openings > 0 && System.nanoTime() - deadline < 0) {
      try {
        OpenSegments.class.wait(LOOK_AGAIN_MS);
      } catch (InterruptedException e) {
        // As in await().
        Thread.interrupted();
      }
    }
  }

  private static void exitAll() {
    setExiting();
    for (int number = 1; newest() != null; number++) {
      Thread worker = new Thread(OpenSegments::exitNewestFirst, "lwshm-exit-" + number);
      worker.setDaemon(true);
      setExiter(worker);
      worker.start();
      while (worker.isAlive() && !ExitCallbacks.isStuckInExit(worker)) {
        await(worker);
      }
    }
  }

  private static void await(Thread worker) {
    try {
      worker.join(LOOK_AGAIN_MS);
    } catch (InterruptedException e) {
      // Nobody has a reason to interrupt a shutdown hook, and what it does must be done.
      Thread.interrupted();
    }
  }

  private static void exitNewestFirst() {
    for (Segment segment = newest(); segment != null; segment = newest()) {
      try {
        segment.exitWithProcess();
      } finally {
        remove(segment);
      }
    }
  }
}
