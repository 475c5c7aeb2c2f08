// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.lwshm.internal.Log;
import org.lwshm.jni.BackendNative;
import org.lwshm.jni.SegmentNative;

/**
 * The backends that this process's threads have in one segment: at most one a thread.
 *
 * <p>No other process can tell that a thread has ended in a process that lives, so a thread of our
 * own looks after them, while there are any.
 *
 * <p>Any step here may throw, for want of stack or memory. So what is noted is noted before the
 * native call that makes it true, and taken back after the one that ends it; what is left of a join
 * that failed is an orphan, which the next look ends.
 */
final class Backends {

  private static final Log LOG = Log.of(Backends.class);

  /** How long the process's exit waits for other threads to release what they hold. */
  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(3);

  private static final long LOOK_AGAIN_MS = 1;

  /** How often to look whether a thread has ended without leaving. */
  private static final long LOOK_AFTER_MS = 200;

  /** The native that joins: any slot, or the one that is meant for this process. */
  interface Joining {
    int join(long segment, long[] handle);
  }

  private static final Joining ANY_SLOT = BackendNative::join;

  /** A thread's own: it keeps its backend from being collected. */
  private static final class Own {
    private Backend backend;
  }

  private final Segment segment;
  private final Attachment attachment;
  private final List<BackendHandle> handles = new ArrayList<>();
  private final ThreadLocal<Own> own = new ThreadLocal<>();
  private Thread keeper;
  private boolean exiting;
  private boolean ended;

  Backends(Segment segment, Attachment attachment) {
    this.segment = segment;
    this.attachment = attachment;
  }

  /** The calling thread's own, or null. */
  Backend mine() {
    Own mine = own.get();
    return mine == null ? null : mine.backend;
  }

  Backend join() {
    return join(ANY_SLOT);
  }

  Backend join(Joining joining) {
    endOrphans();
    Own mine = own.get();
    if (mine == null) {
      mine = new Own();
      own.set(mine);
    }
    if (mine.backend != null) {
      throw new IllegalStateException(
          "thread \""
              + Thread.currentThread().getName()
              + "\" has joined segment "
              + segment.id()
              + " already: use Segment.backend(), or close that backend first");
    }
    return join(joining, mine);
  }

  private synchronized Backend join(Joining joining, Own mine) {
    // A callback that cleans up may need a lock, so the thread that runs the callbacks may join.
    if (ended || exiting && !segment.exitCallbacks().isRunner()) {
      throw new IllegalStateException(
          "segment " + segment.id() + " is being closed: no thread can join it any more");
    }
    BackendHandle handle = new BackendHandle();
    handles.add(handle);
    startKeeper();
    attachment.handOut();
    attachment.call(segmentHandle -> joining.join(segmentHandle, handle.cell()));
    Backend backend = new Backend(segment, this, attachment, handle);
    handle.belongsTo(backend);
    mine.backend = backend;
    return backend;
  }

  /** Ends a backend, by its own thread or, if that has ended, by any. */
  void leave(Backend backend) {
    if (!backend.owner().isAlive()) {
      endOrphans();
      return;
    }
    Own mine = own.get();
    int poisoned;
    synchronized (this) {
      poisoned = backend.leaveNow();
      if (mine != null) { // some pools erase the thread-local variables of their threads
        mine.backend = null;
      }
      handles.remove(backend.nativeHandle());
    }
    own.remove();
    if (poisoned > 0) {
      LOG.warn(
          "{} was closed while it held {} locks exclusively, which is a bug: they are poisoned",
          backend,
          poisoned);
    }
  }

  /**
   * Ends the backends that nobody can use any more: their threads have ended without leaving, or
   * they were dropped and collected, or their join has failed half-way.
   *
   * @return how many there were
   */
  int endOrphans() {
    List<String> complaints = null;
    int count = 0;
    synchronized (this) {
      for (int i = ended ? -1 : handles.size() - 1; i >= 0; i--) {
        BackendHandle handle = handles.get(i);
        handle.mend();
        if (handle.get() != 0 && !handle.isOrphan()) {
          continue;
        }
        count += handle.get() == 0 ? 0 : 1;
        int held = handle.abandon();
        handles.remove(i);
        if (held > 0) {
          complaints = complaints == null ? new ArrayList<>() : complaints;
          complaints.add(handle + " was not closed, and held " + held + " locks");
        }
      }
    }
    if (complaints != null) {
      for (String complaint : complaints) {
        LOG.warn("{}: they are released, and poisoned if they were held exclusively", complaint);
      }
    }
    return count;
  }

  private void startKeeper() {
    if (keeper == null || !keeper.isAlive()) {
      Thread thread = new Thread(null, this::keep, "lwshm-keeper-" + segment.id(), 0, false);
      thread.setDaemon(true);
      keeper = thread;
      thread.start();
    }
  }

  /**
   * The keeper's work, which goes on whatever it throws: no other thread cleans up after ours. It
   * ends when no backend is left; the next join starts it again.
   */
  private void keep() {
    Throwable failure = null;
    while (true) {
      try {
        if (failure != null) {
          awaitNextLook();
          LOG.error("a thread's end could not be cleaned up after; trying again", failure);
          failure = null;
        }
        if (!isNeeded()) {
          return;
        }
        endOrphans();
        awaitNextLook();
      } catch (InterruptedException e) {
        // No code of ours interrupts it. The next look comes sooner.
      } catch (Throwable e) {
        failure = e; // and no call, which could throw, too
      }
    }
  }

  private synchronized boolean isNeeded() {
    if (ended || handles.isEmpty()) {
      keeper = null;
      return false;
    }
    return true;
  }

  private synchronized void awaitNextLook() throws InterruptedException {
    if (!ended) {
      wait(LOOK_AFTER_MS);
    }
  }

  /**
   * The beginning of an exit: from here on only the thread that runs the callbacks joins.
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
    for (BackendHandle handle : handles) {
      Backend backend = handle.backend();
      if (handle.get() != 0 && backend != null && backend.isInUse()) {
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
    Backend mine = mine();
    if (mine != null) {
      leave(mine);
    }
    endOrphans();
    List<Backend> others;
    synchronized (this) {
      exiting = true;
      others = inUseByOthers();
      others.forEach(Backend::refuseAcquires);
    }
    if (!others.isEmpty()) {
      attachment.call(SegmentNative::refuseAcquires);
      awaitNothingHeld(others);
      endOrphans();
    }
    synchronized (this) {
      ended = true;
      notifyAll();
    }
  }

  private static void awaitNothingHeld(List<Backend> backends) {
    long deadline = System.nanoTime() + PATIENCE_NS;
    do {
      // First of all: somebody may have begun to acquire before that was refused.
      Uninterrupted.sleep(LOOK_AGAIN_MS);
    } while (backends.stream().anyMatch(Backends::mayYetRelease)
        && System.nanoTime() - deadline < 0);
  }

  private static boolean mayYetRelease(Backend backend) {
    return backend.holdsAny()
        && backend.owner().isAlive()
        && !ExitCallbacks.isStuckInExit(backend.owner());
  }

  /** Whether no thread of this process may use a backend's handle any more. */
  synchronized boolean isEmpty() {
    return handles.stream().allMatch(handle -> handle.get() == 0);
  }
}
