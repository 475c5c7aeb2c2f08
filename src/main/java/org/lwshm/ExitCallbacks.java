// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What runs when a segment is left: three lists, one after the other, each last-in first-out.
 *
 * <ol>
 *   <li>{@link #beforeShmemExit}: the segment is attached and its locks work
 *   <li>then this process's backends leave, and their locks are released; when the process exits,
 *       threads that run on acquire nothing more and have a moment to release what they hold
 *   <li>{@link #onShmemExit}: the segment is still attached, without locks; the last two of these
 *       are lwshm's own, which detach, release what such threads hold even then, and, in the last
 *       process out, delete the segment
 *   <li>{@link #onProcExit}: the segment is gone
 * </ol>
 *
 * <p>They run once, whichever way it comes: {@link Segment#close()}, {@code System.exit}, SIGTERM
 * or SIGINT; not on SIGKILL or {@code Runtime.halt}. A callback is removed before it is called. One
 * that throws is logged and passed over. One that calls {@code System.exit} never returns from
 * that; the others are then run by another thread.
 *
 * <p>Any thread may register and cancel, a callback that runs included: what it adds to its own
 * list or a later one runs next there. A callback for a list that is finished is refused with
 * {@link IllegalStateException}, since nothing would run it.
 *
 * <p>Source: PostgreSQL's {@code before_shmem_exit}, {@code on_shmem_exit} and {@code
 * on_proc_exit}, src/backend/storage/ipc/ipc.c.
 */
public final class ExitCallbacks {

  private static final Logger LOG = LoggerFactory.getLogger(ExitCallbacks.class);

  /** How often a second caller looks whether the first one is stuck, in milliseconds. */
  private static final long LOOK_AGAIN_MS = 20;

  /** The steps of an exit, in their order. */
  enum Stage {
    /** A postmaster's, and nobody else's: whatever was registered later, its children go first. */
    CHILDREN_END,
    BEFORE_SHMEM_EXIT,
    BACKENDS_LEAVE,
    ON_SHMEM_EXIT,
    ON_PROC_EXIT,
    DONE
  }

  /** A callback that was registered. */
  public final class Registration {
    private final Stage list;
    private final ExitCallback callback;

    private Registration(Stage list, ExitCallback callback) {
      this.list = list;
      this.callback = callback;
    }

    /**
     * Takes the callback back.
     *
     * @return whether it was still there; false if it has been called or cancelled
     */
    public boolean cancel() {
      synchronized (ExitCallbacks.this) {
        return lists.get(list).remove(this);
      }
    }
  }

  private final Map<Stage, Deque<Registration>> lists = new EnumMap<>(Stage.class);
  private Stage stage = Stage.CHILDREN_END;
  private Thread runner;
  private boolean processExit;

  ExitCallbacks() {
    for (Stage list : Stage.values()) {
      lists.put(list, new ArrayDeque<>());
    }
  }

  /**
   * Registers a callback for the time when everything still works.
   *
   * @param callback what to call
   * @return a handle to cancel it
   */
  public Registration beforeShmemExit(ExitCallback callback) {
    return register(Stage.BEFORE_SHMEM_EXIT, callback);
  }

  /**
   * Registers a callback for the time before the segment is left, when this process can acquire no
   * locks any more.
   *
   * @param callback what to call
   * @return a handle to cancel it
   */
  public Registration onShmemExit(ExitCallback callback) {
    return register(Stage.ON_SHMEM_EXIT, callback);
  }

  /**
   * Registers a callback for the time after the segment was left.
   *
   * @param callback what to call
   * @return a handle to cancel it
   */
  public Registration onProcExit(ExitCallback callback) {
    return register(Stage.ON_PROC_EXIT, callback);
  }

  synchronized Registration register(Stage list, ExitCallback callback) {
    Objects.requireNonNull(callback, "callback");
    if (stage.compareTo(list) > 0) {
      throw new IllegalStateException(
          "the " + list.name().toLowerCase(Locale.ROOT) + " callbacks have run already");
    }
    Registration registration = new Registration(list, callback);
    lists.get(list).addLast(registration);
    return registration;
  }

  /** Where the exit is; {@code CHILDREN_END} also before it has begun. */
  synchronized Stage stage() {
    return stage;
  }

  /** Whether the calling thread runs the callbacks. */
  synchronized boolean isRunner() {
    return runner == Thread.currentThread();
  }

  /** Whether the callbacks run because the process ends. */
  synchronized boolean isProcessExit() {
    return processExit;
  }

  /**
   * Runs what is left to run, or waits until another thread has. Called by a callback, it returns
   * at once.
   *
   * @param forProcessExit whether the process ends, in which case the calling thread takes over
   *     from one that will never come back
   */
  void run(boolean forProcessExit) {
    if (begin(forProcessExit)) {
      for (Registration next = next(); next != null; next = next()) {
        call(next);
      }
    }
  }

  private synchronized boolean begin(boolean forProcessExit) {
    boolean interrupted = false;
    try {
      while (stage != Stage.DONE && runner != Thread.currentThread()) {
        if (runner == null || forProcessExit && isStuckInExit(runner)) {
          runner = Thread.currentThread();
          processExit = forProcessExit;
          return true;
        }
        try {
          wait(LOOK_AGAIN_MS);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      return false;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private synchronized Registration next() {
    while (stage != Stage.DONE) {
      Registration next = lists.get(stage).pollLast();
      if (next != null) {
        return next;
      }
      stage = Stage.values()[stage.ordinal() + 1];
    }
    runner = null;
    notifyAll();
    return null;
  }

  // Whatever a callback throws, the others must run.
  private static void call(Registration registration) {
    try {
      registration.callback.run();
    } catch (Throwable e) {
      LOG.error("a callback of {} failed; the others run all the same", registration.list, e);
    }
  }

  /**
   * Whether a thread is inside {@code System.exit} or {@code Runtime.halt}, which do not return: in
   * a callback of ours, it would be waited for in vain.
   */
  static boolean isStuckInExit(Thread thread) {
    for (StackTraceElement frame : thread.getStackTrace()) {
      if (frame.getClassName().equals("java.lang.Runtime")
          && (frame.getMethodName().equals("exit") || frame.getMethodName().equals("halt"))) {
        return true;
      }
    }
    return false;
  }
}
