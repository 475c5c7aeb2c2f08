// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.lwshm.internal.Log;
import org.lwshm.internal.Preloading;

/**
 * The segments that this process has open, so that it leaves them on its way out, the newest first.
 *
 * <p>One shutdown hook serves them all. It runs the exit callbacks in a thread of its own and
 * watches that: a callback may call {@code System.exit}, which blocks its thread for good, or not
 * come back for another reason, and if that were the hook's own thread, the JVM would never end.
 * Another thread goes on then.
 *
 * <p>An opening is noted before anything is opened. One that has failed half-way, for want of stack
 * or memory, is undone at once if that is possible, and otherwise by the next opening, or at exit.
 */
final class OpenSegments {

  private static final Log LOG = Log.of(OpenSegments.class);

  private static final long LOOK_AGAIN_MS = 20;

  /** How long an exit waits for a segment that is being created or attached. */
  private static final long OPENING_PATIENCE_NS = TimeUnit.SECONDS.toNanos(10);

  /** How often leaving a segment is tried, if an Error ends it. */
  private static final int ATTEMPTS = 3;

  /** A segment that is open, is being opened, or could not be opened and is to be undone. */
  private static final class Opening {
    private final long[] handle = new long[1];
    private volatile Thread opener = Thread.currentThread();
    private volatile Segment segment;
    private volatile boolean opened;

    private boolean isUnderWay() {
      return opener != null && opener.isAlive();
    }

    private boolean hasFailed() {
      return !opened && !isUnderWay();
    }

    /** Does nothing the second time. */
    private synchronized void undo() {
      if (segment != null) {
        segment.abandon();
      } else if (handle[0] != 0) {
        Attachment.discard(handle[0]);
        handle[0] = 0;
      }
    }
  }

  private static final List<Opening> OPENINGS = new ArrayList<>();
  private static boolean hooked;
  private static boolean exiting;
  private static volatile boolean loaded;
  private static volatile Thread exiter;
  private static volatile Segment leaving;

  private OpenSegments() {}

  /**
   * Opens a segment: either it is entered here, or this throws and there is none. Refused once the
   * process is on its way out, which otherwise waits for native openings that have begun.
   *
   * @param nativeOpen writes the handle into the array that it is given, and checks the status
   * @param wrap makes the segment of the handle
   * @param setUp what else belongs to opening it; if it throws, the opening is undone
   */
  static Segment open(
      Consumer<long[]> nativeOpen, LongFunction<Segment> wrap, Consumer<Segment> setUp) {
    loadExit();
    undoFailed();
    Opening opening = new Opening();
    add(opening);
    try {
      nativeOpen.accept(opening.handle);
      opening.segment = wrap.apply(opening.handle[0]);
      setUp.accept(opening.segment);
      opening.opened = true;
      opening.opener = null;
      return opening.segment;
    } catch (Throwable e) {
      opening.opener = null; // first, and without a call, which could throw
      undo(opening);
      throw e;
    }
  }

  /** Loads what the way out needs: by then, its jar may have been overwritten. */
  private static void loadExit() {
    if (!loaded) {
      Preloading.loadPackage(Segment.class);
      loaded = true;
    }
  }

  private static synchronized void add(Opening opening) {
    // A callback may look whether a segment is gone; what it leaves open is left after it.
    if (exiting && Thread.currentThread() != exiter) {
      throw new IllegalStateException("the process is exiting: no segment can be opened any more");
    }
    if (!hooked) {
      Runtime.getRuntime().addShutdownHook(new Thread(OpenSegments::exitAll, "lwshm-exit"));
      hooked = true;
    }
    OPENINGS.add(opening);
  }

  private static void undoFailed() {
    for (Opening opening : snapshot()) {
      if (opening.hasFailed()) {
        undoOrTryLater(opening);
      }
    }
  }

  /** What cannot be undone now does not keep others from opening. */
  private static void undoOrTryLater(Opening opening) {
    try {
      undo(opening);
    } catch (RuntimeException e) {
      LOG.warn("a segment whose opening has failed cannot be left; trying again later", e);
    }
  }

  private static void undo(Opening opening) {
    opening.undo();
    remove(opening);
  }

  private static synchronized List<Opening> snapshot() {
    return List.copyOf(OPENINGS);
  }

  private static synchronized void remove(Opening opening) {
    OPENINGS.remove(opening);
  }

  /** The segment has been left. */
  static synchronized void remove(Segment segment) {
    OPENINGS.removeIf(opening -> opening.segment == segment);
  }

  private static synchronized Opening newest() {
    return OPENINGS.isEmpty() ? null : OPENINGS.get(OPENINGS.size() - 1);
  }

  // ---- the way out ----

  private static void exitAll() {
    setExiting();
    awaitOpenings();
    for (int number = 1; newest() != null; number++) {
      Thread worker = startWorker("lwshm-exit-" + number);
      if (worker == null) {
        exitNewestFirst();
      }
      while (worker != null && worker.isAlive() && !isStuck(worker)) {
        await(worker);
      }
    }
  }

  /** Starts a thread that leaves what is open; null if there is none to be had. */
  private static Thread startWorker(String name) {
    try {
      Thread worker = new Thread(OpenSegments::exitNewestFirst, name);
      worker.setDaemon(true);
      worker.start();
      return worker;
    } catch (OutOfMemoryError e) {
      LOG.warn("no thread can be started to run the exit callbacks; running them unwatched", e);
      return null;
    }
  }

  private static synchronized void setExiting() {
    exiting = true;
  }

  /** From here on nothing is opened; what is being opened is waited for. */
  private static void awaitOpenings() {
    long deadline = System.nanoTime() + OPENING_PATIENCE_NS;
    while (snapshot().stream().anyMatch(o -> o.segment == null && o.isUnderWay())
        && System.nanoTime() - deadline < 0) {
      Uninterrupted.sleep(LOOK_AGAIN_MS);
    }
  }

  private static boolean isStuck(Thread worker) {
    Segment segment = leaving;
    return segment != null && segment.exitCallbacks().isStuck(worker);
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
    exiter = Thread.currentThread();
    for (Opening opening = newest(); opening != null; opening = newest()) {
      try {
        for (int i = 1; i <= ATTEMPTS && !leave(opening, i); i++) {}
      } finally {
        remove(opening); // whatever it throws: nobody tries for ever
      }
    }
  }

  private static boolean leave(Opening opening, int attempt) {
    try {
      leaving = opening.segment;
      if (opening.segment != null) {
        opening.segment.exitWithProcess();
      } else if (!opening.isUnderWay()) {
        opening.undo();
      }
      return true;
    } catch (Throwable e) {
      LOG.error("a segment could not be left, in attempt {} of {}", attempt, ATTEMPTS, e);
      return false;
    }
  }
}
