// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.lwshm.jni.BackendNative;
import org.lwshm.jni.SegmentNative;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The backends that this process's threads have in one segment: at most one a thread.
 *
 * <p>No other process can tell that a thread has ended in a process that lives, so a thread of our
 * own looks after them, while there are any.
 */
final class Backends {

  private static final Logger LOG = LoggerFactory.getLogger(Backends.class);

  /** How long the process's exit waits for other threads to release what they hold. */
  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(3);

  private static final long LOOK_AGAIN_MS = 1;

  /** How often to look whether a thread has ended without leaving. */
  private static final long LOOK_AFTER_MS = 200;

  private final Segment segment;
  private final Attachment attachment;
  private final List<Seat> seats = new ArrayList<>();
  private final ThreadLocal<Backend> mine = new ThreadLocal<>();
  private Thread keeper;
  private boolean exiting;
  private boolean ended;

  Backends(Segment segment, Attachment attachment) {
    this.segment = segment;
    this.attachment = attachment;
  }

  /** The calling thread's own, or null. */
  Backend mine() {
    return mine.get();
  }

  /** The native that takes a seat: which one, or the one that is meant for us. */
  interface Joining {
    int join(long segment, long[] handle);
  }

  Backend join() {
    return join(BackendNative::join);
  }

  synchronized Backend join(Joining joining) {
    if (mine.get() != null) {
      throw new IllegalStateException(
          "thread \""
              + Thread.currentThread().getName()
              + "\" has joined segment "
              + segment.id()
              + " already: use Segment.backend(), or close that backend first");
    }
    // A callback that cleans up may need a lock, so who runs the callbacks may still join.
    if (ended || exiting && !segment.exitCallbacks().isRunner()) {
      throw new IllegalStateException(
          "segment " + segment.id() + " is being closed: no thread can join it any more");
    }
    endOrphans();
    long[] handle = new long[1];
    attachment.call(segmentHandle -> joining.join(segmentHandle, handle));
    Backend backend = new Backend(segment, this, attachment, handle[0]);
    seats.add(new Seat(backend));
    mine.set(backend);
    startKeeper();
    return backend;
  }

  /** Ends a backend, by its own thread or, if that has ended, by any. */
  synchronized void leave(Backend backend) {
    for (Seat seat : seats) {
      if (seat.refersTo(backend)) {
        if (seat.isOrphan()) {
          end(seat);
        } else {
          leaveOwn(seat, backend);
        }
        return;
      }
    }
  }

  private void leaveOwn(Seat seat, Backend backend) {
    int poisoned = backend.leaveNow();
    seats.remove(seat);
    mine.remove();
    if (poisoned > 0) {
      LOG.warn(
          "{} was closed while it held {} locks exclusively, which is a bug: they are poisoned",
          backend,
          poisoned);
    }
  }

  /**
   * Ends the backends that nobody can use any more: their threads have ended without leaving, or
   * they were dropped and collected.
   *
   * @return how many there were
   */
  synchronized int endOrphans() {
    if (ended) {
      return 0;
    }
    seats.forEach(Seat::mend);
    List<Seat> orphans = orphans();
    orphans.forEach(this::end);
    return orphans.size();
  }

  private List<Seat> orphans() {
    return seats.stream().filter(Seat::isOrphan).toList();
  }

  private void end(Seat orphan) {
    seats.remove(orphan);
    int held = orphan.abandon();
    if (held > 0) {
      LOG.warn(
          "{} was not closed, and held {} locks: they are released, and poisoned if they were held"
              + " exclusively",
          orphan,
          held);
    }
  }

  private void startKeeper() {
    if (keeper == null) {
      keeper = new Thread(null, this::lookAfter, "lwshm-keeper-" + segment.id(), 0, false);
      keeper.setDaemon(true);
      keeper.start();
    }
  }

  /** The keeper's work. It ends when there is nobody to look after, and is started anew then. */
  private synchronized void lookAfter() {
    boolean interrupted = false;
    while (!ended && !seats.isEmpty() && !interrupted) {
      try {
        endOrphans();
        wait(LOOK_AFTER_MS);
      } catch (InterruptedException e) {
        interrupted = true; // nobody of ours does that, and the next join starts another
      } catch (RuntimeException e) {
        LOG.error("a thread's end could not be cleaned up after", e);
      }
    }
    keeper = null;
  }

  /**
   * The beginning of an exit: from here on nobody joins but who runs the callbacks.
   *
   * @param force even if threads other than the calling one are joined
   * @throws SegmentBusyException if there are such, and {@code force} is false
   */
  synchronized void beginExit(boolean force) {
    if (!force && !exiting) {
      List<Integer> slots = new ArrayList<>();
      List<String> threads = new ArrayList<>();
      for (Backend backend : inUseByOthers()) {
        slots.add(backend.slot());
        threads.add("\"" + backend.owner().getName() + "\" (backend " + backend.slot() + ")");
      }
      if (!slots.isEmpty()) {
        throw new SegmentBusyException(
            "segment "
                + segment.id()
                + " cannot be closed: joined to it are the threads "
                + String.join(", ", threads)
                + "; they must close their backends first",
            slots);
      }
    }
    exiting = true;
  }

  private List<Backend> inUseByOthers() {
    List<Backend> others = new ArrayList<>();
    for (Seat seat : seats) {
      Backend backend = seat.get();
      if (backend != null && backend.isInUse()) {
        others.add(backend);
      }
    }
    return others;
  }

  /**
   * The step of an exit that ends the backends: the calling thread's own, and those of threads that
   * have ended. The others may acquire nothing more from here on, those that sleep give up, and
   * those that hold something get some time to release it; what they still hold then, the native
   * side ends when it fences them off, as if they had been killed.
   */
  void leaveAll() {
    List<Backend> others;
    synchronized (this) {
      ended = true;
      notifyAll();
      Backend own = mine.get();
      if (own != null) {
        leave(own);
      }
      orphans().forEach(this::end);
      others = inUseByOthers();
      others.forEach(Backend::refuseAcquires);
    }
    if (!others.isEmpty()) {
      attachment.call(SegmentNative::refuseAcquires);
      awaitNothingHeld(others);
    }
    synchronized (this) {
      orphans().forEach(this::end);
    }
  }

  private static void awaitNothingHeld(List<Backend> backends) {
    long deadline = System.nanoTime() + PATIENCE_NS;
    boolean interrupted = false;
    do {
      // First of all: somebody may have begun to acquire before that was refused.
      try {
        Thread.sleep(LOOK_AGAIN_MS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    } while (backends.stream().anyMatch(Backends::mayYetRelease)
        && System.nanoTime() - deadline < 0);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean mayYetRelease(Backend backend) {
    return backend.holdsAny()
        && backend.owner().isAlive()
        && !ExitCallbacks.isStuckInExit(backend.owner());
  }

  /** Whether a thread of this process may still use a backend's handle. */
  synchronized boolean isEmpty() {
    return seats.isEmpty();
  }
}
