// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.lwshm.internal.Log;

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
 * that; the others are then run by another thread. So they are when the process exits and a
 * callback takes longer than the {@linkplain #limit limit}; the log names the callback.
 *
 * <p>If {@code Segment.close()} throws on the way (a {@code StackOverflowError}, or because the
 * segment cannot be detached), closing again goes on where it stopped, and so does the exit of the
 * process.
 *
 * <p>Any thread may register and cancel, a callback that runs included: what it adds to its own
 * list or a later one runs next there. A callback for a list that is finished is refused with
 * {@link IllegalStateException}, since nothing would run it.
 *
 * <p>Source: PostgreSQL's {@code before_shmem_exit}, {@code on_shmem_exit} and {@code
 * on_proc_exit}, src/backend/storage/ipc/ipc.c.
 */
public final class ExitCallbacks {

  private static final Log LOG = Log.of(ExitCallbacks.class);

  /** How often a second caller looks whether the first one is stuck, in milliseconds. */
  private static final long LOOK_AGAIN_MS = 20;

  private static final String FAILED = "a callback of {} failed; the others run all the same";
  private static final Duration LONGEST_LIMIT = Duration.ofDays(365);

  /** The steps of an exit, in their order. */
  enum Stage {
    /** A postmaster's, and nobody else's: whatever was registered later, its children go first. */
    CHILDREN_END,
    BEFORE_SHMEM_EXIT,
    BACKENDS_LEAVE,
    ON_SHMEM_EXIT,
    ON_PROC_EXIT,
    DONE;

    private static final Stage[] ALL = values();

    private Stage next() {
      return ALL[ordinal() + 1];
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** A callback that was registered. */
  public final class Registration {
    private final Stage list;
    private final ExitCallback callback;

    /** A step of lwshm's own stays in its list until it has succeeded. */
    private final boolean isStep;

    private Registration(Stage list, ExitCallback callback, boolean isStep) {
      this.list = list;
      this.callback = callback;
      this.isStep = isStep;
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
  private Duration limit = Duration.ofSeconds(30);
  private Duration childrensLimit = Duration.ZERO;

  // What the runner does now, and since when.
  private Registration current;
  private long since;

  /** A callback that another thread has taken over from; for the log. */
  private String leftBehind;

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

  /**
   * How long a callback may take when the process exits, before another thread runs the others
   * without it; 30 seconds by default. {@link Segment#close()} waits for its callbacks as long as
   * they take, but a second thread that closes waits for each of them only so long.
   *
   * @param longest 0 to 365 days
   */
  public synchronized void limit(Duration longest) {
    if (longest.isNegative() || longest.compareTo(LONGEST_LIMIT) > 0) {
      throw new IllegalArgumentException("limit is " + longest + "; it takes 0 to 365 days");
    }
    limit = longest;
  }

  /** Registers what ends a postmaster's children, which has a limit of its own. */
  synchronized void onChildrenEnd(ExitCallback callback, Duration longest) {
    register(Stage.CHILDREN_END, callback);
    childrensLimit = longest;
  }

  /** Registers a step of lwshm's own. If it throws in {@code Segment.close()}, so does that. */
  synchronized void registerStep(Stage list, Runnable step) {
    lists.get(list).addLast(new Registration(list, step::run, true));
  }

  private synchronized Registration register(Stage list, ExitCallback callback) {
    Objects.requireNonNull(callback, "callback");
    if (stage.compareTo(list) > 0) {
      throw new IllegalStateException("the " + list + " callbacks have run already");
    }
    Registration registration = new Registration(list, callback, false);
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

  /** Whether a thread runs the callbacks and does not come back from one, or not in time. */
  synchronized boolean isStuck(Thread thread) {
    return runner == thread && (isOverdue() || isStuckInExit(thread));
  }

  private boolean isOverdue() {
    if (current == null) {
      return false;
    }
    Duration longest = current.list == Stage.CHILDREN_END ? childrensLimit : limit;
    return System.nanoTime() - since > longest.toNanos();
  }

  /**
   * Runs what is left to run, or waits until another thread has. Called by a callback, it returns
   * at once. If it throws, something is left to run.
   *
   * @param forProcessExit whether the process ends, in which case the calling thread takes over
   *     from one that is stuck
   * @throws SegmentBusyException if another thread runs the callbacks, and one takes too long
   */
  void run(boolean forProcessExit) {
    Thread me = Thread.currentThread();
    if (!begin(me, forProcessExit)) {
      return;
    }
    try {
      if (leftBehind != null) {
        LOG.error("a callback does not come back, of {}; the others run without it", leftBehind);
        leftBehind = null;
      }
      for (Registration next = next(me); next != null; next = next(me)) {
        call(next, forProcessExit);
      }
    } finally {
      // No call here: it could throw, if the stack is full, and then no thread would ever go on.
      synchronized (this) {
        if (runner == me) {
          runner = null;
          current = null;
        }
      }
    }
  }

  /** Becomes the runner; or waits until all has run, and returns false. */
  private boolean begin(Thread me, boolean forProcessExit) {
    while (!mayBegin(me, forProcessExit)) {
      if (isRunner() || stage() == Stage.DONE) {
        return false;
      }
      Uninterrupted.sleep(LOOK_AGAIN_MS);
    }
    return true;
  }

  private synchronized boolean mayBegin(Thread me, boolean forProcessExit) {
    if (stage == Stage.DONE || runner == me) {
      return false;
    }
    if (runner != null && !forProcessExit && isOverdue()) {
      throw new SegmentBusyException(
          "thread \""
              + runner.getName()
              + "\" closes the segment already, and does not come back from a callback of "
              + current.list,
          List.of());
    }
    if (runner != null && !(forProcessExit && isStuck(runner))) {
      return false;
    }
    if (current != null) {
      leaveBehind(current);
    }
    runner = me;
    current = null;
    processExit = forProcessExit;
    return true;
  }

  private void leaveBehind(Registration stuck) {
    lists.get(stuck.list).remove(stuck);
    StackTraceElement[] stack = runner.getStackTrace();
    leftBehind = stuck.list + ", which is at " + (stack.length == 0 ? "its end" : stack[0]);
  }

  /** What the runner has to call next; null if that is all, or another thread has taken over. */
  private synchronized Registration next(Thread me) {
    while (runner == me && stage != Stage.DONE) {
      Deque<Registration> list = lists.get(stage);
      Registration next = list.peekLast();
      if (next != null) {
        if (!next.isStep) {
          list.removeLast();
        }
        current = next;
        since = System.nanoTime();
        return next;
      }
      stage = stage.next();
    }
    return null;
  }

  /** Whatever a callback throws, the others must run. */
  private void call(Registration registration, boolean forProcessExit) {
    try {
      registration.callback.run();
    } catch (RuntimeException | Error e) {
      if (registration.isStep && !forProcessExit) {
        throw e;
      }
      LOG.error(FAILED, registration.list, e);
    } catch (Exception e) {
      LOG.error(FAILED, registration.list, e);
    }
    if (registration.isStep) {
      registration.cancel();
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
