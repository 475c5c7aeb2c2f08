// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.lwshm.jni.BackendNative;

/** The backends that this process's threads have in one segment: at most one a thread. */
final class Backends {

  /** How long the process's exit waits for other threads to release what they hold. */
  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(3);

  private static final long LOOK_AGAIN_MS = 1;

  private final Segment segment;
  private final Attachment attachment;
  private final List<Backend> joined = new ArrayList<>();
  private final ThreadLocal<Backend> mine = new ThreadLocal<>();
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

  synchronized Backend join() {
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
    Backend backend = new Backend(segment, this, attachment, joinNative());
    joined.add(backend);
    mine.set(backend);
    return backend;
  }

  private long joinNative() {
    long[] handle = new long[1];
    try {
      attachment.call(segmentHandle -> BackendNative.join(segmentHandle, handle));
    } catch (LimitExceededException e) {
      if (leaveEnded() == 0) {
        throw e;
      }
      attachment.call(segmentHandle -> BackendNative.join(segmentHandle, handle));
    }
    return handle[0];
  }

  /** Ends a backend, by its own thread or, if that has ended, by any. */
  synchronized void leave(Backend backend) {
    if (joined.contains(backend)) {
      backend.leaveNow();
      forget(backend);
    }
  }

  private void forget(Backend backend) {
    joined.remove(backend);
    if (mine.get() == backend) {
      mine.remove();
    }
  }

  /** Leaves on behalf of threads that have ended without; returns how many there were. */
  private int leaveEnded() {
    int count = 0;
    for (Backend backend : List.copyOf(joined)) {
      if (!backend.owner().isAlive()) {
        backend.leaveNow();
        forget(backend);
        count++;
      }
    }
    return count;
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
      for (Backend backend : othersAlive()) {
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

  private List<Backend> othersAlive() {
    List<Backend> others = new ArrayList<>();
    for (Backend backend : joined) {
      if (backend.owner() != Thread.currentThread() && backend.owner().isAlive()) {
        others.add(backend);
      }
    }
    return others;
  }

  /**
   * The step of an exit that ends the backends: the calling thread's own, and those of threads that
   * have ended. The others may acquire nothing more from here on, and get some time to release what
   * they hold; what they still hold then, the native side releases when it fences them off.
   */
  void leaveAll() {
    List<Backend> others;
    synchronized (this) {
      ended = true;
      Backend own = mine.get();
      if (own != null) {
        own.leaveNow();
        forget(own);
      }
      leaveEnded();
      others = othersAlive();
      others.forEach(Backend::refuseAcquires);
    }
    awaitNothingHeld(others);
    synchronized (this) {
      leaveEnded();
    }
  }

  private static void awaitNothingHeld(List<Backend> backends) {
    long deadline = System.nanoTime() + PATIENCE_NS;
    boolean interrupted = false;
    for (Backend backend : backends) {
      while (backend.holdsAny()
          && backend.owner().isAlive()
          && !ExitCallbacks.isStuckInExit(backend.owner())
          && System.nanoTime() - deadline < 0) {
        try {
          Thread.sleep(LOOK_AGAIN_MS);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whether a thread of this process may still use a backend's handle. */
  synchronized boolean isEmpty() {
    return joined.isEmpty();
  }
}
