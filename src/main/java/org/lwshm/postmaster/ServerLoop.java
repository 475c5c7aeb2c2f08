// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.lwshm.CorruptSegmentException;
import org.lwshm.ExitCallback;
import org.lwshm.LwshmException;
import org.lwshm.Segment;
import org.lwshm.SegmentBusyException;
import org.lwshm.StopMode;
import org.lwshm.internal.Log;

/**
 * The postmaster's thread. All that it does happens in it, one event after another; others only
 * send events.
 *
 * <p>It starts the children, so it must live as long as they do: the kernel takes its end for the
 * death of their parent.
 *
 * <p>Source: PostgreSQL's ServerLoop and PostmasterStateMachine,
 * src/backend/postmaster/postmaster.c.
 */
final class ServerLoop {

  private static final Log LOG = Log.of(Postmaster.class);

  /** How often to look whether lock file and segment are still there. */
  private static final Duration RECHECK = Duration.ofSeconds(1);

  /** How long the kernel may take to end what was killed. */
  private static final Duration KILL_PATIENCE = Duration.ofSeconds(5);

  /** How long to wait before looking again whether processes of an earlier life have left. */
  private static final long LOOK_AGAIN_MS = 20;

  private enum State {
    STARTING,
    RUNNING,
    /** Children are being ended, so that the segment can be made anew. */
    RESTARTING,
    STOPPING,
    ENDED
  }

  private final PostmasterOptions options;
  private final ExitCallback onEnd;
  private final Children children;
  private final BlockingQueue<Runnable> events = new LinkedBlockingQueue<>();
  private final CompletableFuture<Void> started = new CompletableFuture<>();
  private final CountDownLatch childrenGone = new CountDownLatch(1);
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "lwshm-postmaster");

  private volatile Ownership owned;
  private volatile int exitCode = Postmaster.EXIT_OK;

  // The postmaster's thread's own.
  private State state = State.STARTING;
  private Throwable failure;
  private StopMode stopMode;
  private final Alarm recheck = new Alarm();
  private final Alarm kill = new Alarm();
  private final Alarm giveUp = new Alarm();
  private final Repair repair;

  /**
   * Makes it.
   *
   * @param onEnd called by its thread when nothing is left of it
   */
  ServerLoop(PostmasterOptions options, ExitCallback onEnd) {
    this.options = options;
    this.onEnd = onEnd;
    children = new Children(options, (process, status) -> send(() -> ended(process, status)));
    repair = new Repair(options, children);
  }

  // ---- for other threads ----

  /** Starts the thread, and returns when the children have been started. */
  void start() {
    thread.start();
    try {
      started.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      PostmasterException failure =
          new PostmasterException("the postmaster cannot start: " + e.getCause());
      failure.initCause(e.getCause());
      throw failure;
    }
  }

  void stop(StopMode mode) {
    send(() -> beginStop(mode));
  }

  void reload() {
    send(this::reloadNow);
  }

  int await() throws InterruptedException {
    requireOtherThread();
    ended.await();
    return exitCode;
  }

  boolean await(long time, TimeUnit unit) throws InterruptedException {
    requireOtherThread();
    return ended.await(time, unit);
  }

  private void requireOtherThread() {
    if (Thread.currentThread() == thread && ended.getCount() > 0) {
      throw new IllegalStateException(
          "the postmaster's own thread, which calls listeners and callbacks, would wait for itself:"
              + " call stop() there, and wait elsewhere");
    }
  }

  /** How long a fast stop takes at most, if the kernel does its part. */
  Duration longestStop() {
    return options.stopTimeout().plus(KILL_PATIENCE).plus(KILL_PATIENCE);
  }

  Segment segment() {
    Segment present = segmentOrNull();
    if (present == null) {
      throw new IllegalStateException("the postmaster of " + options.dataDir() + " has no segment");
    }
    return present;
  }

  private Segment segmentOrNull() {
    Ownership present = owned;
    return present == null ? null : present.segment();
  }

  List<ChildInfo> children() {
    return children.running();
  }

  private void send(Runnable event) {
    events.add(event);
  }

  // ---- the thread ----

  private void run() {
    try {
      owned = Ownership.take(options);
      options.segment().maxChildren(children.count());
      requireNotStopped(Survivors.end(options, this::waitForAnEvent));
      requireNotStopped(makeSegment());
      // An earlier postmaster may have lived until its segment was free.
      requireNotStopped(Survivors.end(options, this::waitForAnEvent));
      children.begin(owned.self());
      repairAdopted();
      recheck.set(RECHECK);
      startDue();
      started.complete(null);
      while (state != State.ENDED) {
        Runnable event = events.poll(nanosToWait(), TimeUnit.NANOSECONDS);
        if (event != null) {
          event.run();
        }
        lookAround();
      }
    } catch (Throwable e) {
      exitCode = Postmaster.EXIT_FAILED;
      failure = e;
      if (started.isDone()) {
        LOG.error("the postmaster of {} cannot go on", options.dataDir(), e);
      }
    } finally {
      end();
    }
  }

  private void requireNotStopped(boolean done) {
    if (!done) {
      throw new PostmasterException(
          "the postmaster of " + options.dataDir() + " was stopped before it was ready");
    }
  }

  /** Until the next thing that is to be done at a time. */
  private long nanosToWait() {
    long wait = recheck.left(RECHECK.toNanos());
    wait = repair.left(giveUp.left(kill.left(wait)));
    if (startsChildren()) {
      for (ChildPlace place : children.places()) {
        wait = place.start().left(wait);
      }
    }
    return wait;
  }

  /** What is to be done at a time, or when something has become so. */
  private void lookAround() throws InterruptedException {
    if (recheck.rings()) {
      recheck.set(RECHECK);
      recheckLockFile();
      recheckSegment();
      children.writeStatus();
    }
    if (kill.rings() && !children.areGone()) {
      LOG.warn("killing children that did not end in time: {}", children.running());
      killChildren();
    }
    if (giveUp.rings() && !children.areGone()) {
      throw new PostmasterException(
          "the kernel does not end what was killed: " + children.running());
    }
    repair.lookAtTime();
    startDue();
    if (children.areGone()) {
      whenGone();
    }
  }

  private void whenGone() throws InterruptedException {
    if (state == State.RESTARTING) {
      kill.clear();
      giveUp.clear();
      owned.closeSegment();
      exitCode = Postmaster.EXIT_OK; // who failed and was not replaced is so now
      if (makeSegment()) {
        startDue();
      } else {
        state = State.ENDED;
      }
    } else if (state == State.STOPPING || nobodyIsDue()) {
      state = State.ENDED;
    }
  }

  private boolean nobodyIsDue() {
    return children.places().stream().noneMatch(place -> place.start().isSet());
  }

  private void recheckLockFile() {
    if (!owned.isValid()) {
      LOG.error(
          "lock file {} is gone, or another's: stopping at once, since somebody may take this for a"
              + " free data directory",
          owned.lockFile().path());
      exitCode = Postmaster.EXIT_FAILED;
      beginStop(StopMode.IMMEDIATE);
    } else {
      FreshFiles.touch(options.dataDir());
    }
  }

  /** A segment that was removed is as bad as a damaged one: who comes now does not find it. */
  private void recheckSegment() {
    boolean works = state == State.RUNNING || state == State.STOPPING && stopMode == StopMode.SMART;
    if (works && owned.isSegmentRemoved()) {
      restartAll(
          "segment "
              + segment().id()
              + " was removed under the postmaster (ipcrm -m, or systemd's RemoveIPC)");
    }
  }

  // ---- the segment ----

  /** Makes the segment, and has all places filled; false if there is none, to end without. */
  private boolean makeSegment() throws InterruptedException {
    if (stopMode != null
        || !owned.makeSegment(
            this::endChildrenFirst, longestStop().plus(KILL_PATIENCE), this::waitForAnEvent)) {
      return false;
    }
    for (ChildPlace place : children.places()) {
      // One that has crashed may have to wait longer.
      if (!place.start().isSet()) {
        place.startAfter(Duration.ZERO);
      }
    }
    state = State.RUNNING;
    repair.forget();
    options.listener().segmentReady(segment());
    return true;
  }

  /** What those held whose segment was adopted is poisoned, and repaired before children start. */
  private void repairAdopted() {
    int poisoned = segment().isAdopter() ? Children.poisoned(segment()) : 0;
    if (poisoned > 0) {
      restartAllIf(repair.begin(segment(), poisoned));
    }
  }

  /** Lets events happen for a moment; whether there is a reason to wait for more. */
  private boolean waitForAnEvent() throws InterruptedException {
    Runnable event = events.poll(LOOK_AGAIN_MS, TimeUnit.MILLISECONDS);
    if (event != null) {
      event.run();
    }
    return stopMode == null;
  }

  /** Who else ends the segment has the children end before. */
  private void endChildrenFirst() throws InterruptedException {
    stop(StopMode.FAST);
    childrenGone.await(longestStop().toNanos(), TimeUnit.NANOSECONDS);
  }

  // ---- children ----

  private boolean startsChildren() {
    return state == State.RUNNING && !repair.isUnderWay();
  }

  private void startDue() {
    for (ChildPlace place : children.places()) {
      if (startsChildren() && place.start().rings()) {
        startChild(place);
      }
    }
  }

  private void startChild(ChildPlace place) {
    try {
      ChildInfo child = children.start(segment(), place);
      LOG.debug("started {}", child);
      options.listener().childStarted(child);
    } catch (CorruptSegmentException e) {
      // By one that was started before it.
      LOG.error("{} cannot be started: {}", place, e.getMessage());
      restartAll("the segment is damaged");
    } catch (IllegalArgumentException | LwshmException e) {
      if (place.launches() == 0) {
        throw e;
      }
      LOG.error("{} cannot be started: {}", place, e.getMessage());
      LOG.debug("from", e);
      schedule(place, Duration.ZERO);
    }
  }

  /** Has a place filled again, later if who was in it did not last. */
  private void schedule(ChildPlace place, Duration age) {
    Duration delay = place.schedule(age);
    if (!delay.isZero()) {
      LOG.warn(
          "{} has ended {} times in a row too soon; the next start is in {} ms",
          place,
          place.failures(),
          delay.toMillis());
    }
  }

  private void ended(ChildProcess process, int status) {
    ChildPlace place = children.placeOf(process);
    if (place == null) {
      return;
    }
    Duration age = process.age();
    ChildEnd end = children.bury(segment(), place, status);
    boolean asked = process.wasToldToStop() || state != State.RUNNING && end.isSuccess();
    if (asked || end.isSuccess()) {
      LOG.debug("{} {}", process.info(), end);
    } else {
      LOG.warn("{} {}", process.info(), end);
    }
    options.listener().childEnded(process.info(), end);
    if (state == State.RUNNING || state == State.STOPPING && stopMode == StopMode.SMART) {
      if (place == children.repairPlace()) {
        restartAllIf(repair.end(segment(), end));
      } else {
        follow(place, end, age);
      }
    }
  }

  /** What follows of a child's end, while others go on. */
  private void follow(ChildPlace place, ChildEnd end, Duration age) {
    Restart rule = place.command().restart();
    boolean replaced = rule == Restart.ALWAYS || rule == Restart.ON_FAILURE && !end.isSuccess();
    if (replaced) {
      if (state == State.RUNNING) {
        schedule(place, age);
      }
    } else if (!end.isSuccess()) {
      exitCode = Postmaster.EXIT_FAILED;
    }
    String damage = end.crashed() ? findDamage() : null;
    int poisoned = Children.poisoned(segment());
    if (damage != null) {
      restartAll(damage);
    } else if (options.policy() == CrashPolicy.RESTART_ALL && (end.crashed() || poisoned > 0)) {
      restartAll(place + " has crashed");
    } else if (poisoned > 0) {
      restartAllIf(repair.begin(segment(), poisoned));
    }
  }

  // ---- crashes ----

  /** What a child has damaged that everybody needs who attaches; null: nothing. */
  private String findDamage() {
    try {
      Children.check(segment());
      return null;
    } catch (CorruptSegmentException e) {
      return e.getMessage();
    }
  }

  /** With the reason; null: there is none. */
  private void restartAllIf(String reason) {
    if (reason != null) {
      restartAll(reason);
    }
  }

  private void restartAll(String reason) {
    if (!options.restartAfterCrash() || state != State.RUNNING) {
      LOG.error("{}; ending", reason);
      exitCode = Postmaster.EXIT_CRASHED;
      beginStop(StopMode.FAST);
      return;
    }
    LOG.error("{}; ending all children, to make the segment anew", reason);
    options.listener().restartingAll(reason);
    state = State.RESTARTING;
    owned.setStatus(LockFileContents.RESTARTING);
    endChildren();
  }

  private void endChildren() {
    Children.want(segment(), StopMode.FAST);
    children.stop(PostmasterSignals.TERMINATE);
    kill.set(options.stopTimeout());
  }

  private void killChildren() {
    children.stop(PostmasterSignals.KILL);
    giveUp.set(KILL_PATIENCE);
  }

  // ---- stop and reload ----

  private void beginStop(StopMode mode) {
    if (stopMode != null && mode.compareTo(stopMode) <= 0) {
      return;
    }
    LOG.info("stopping: {}", mode);
    boolean endingAlready = state == State.RESTARTING;
    // Children that are being ended do not end by themselves: their ends are no news of a crash.
    stopMode = endingAlready && mode == StopMode.SMART ? StopMode.FAST : mode;
    if (state == State.STARTING) {
      return; // makeSegment() sees it
    }
    state = State.STOPPING;
    owned.setStatus(LockFileContents.STOPPING);
    switch (mode) {
      case SMART -> {
        if (!endingAlready) {
          Children.want(segment(), mode);
        }
      }
      case FAST -> {
        if (!endingAlready) {
          endChildren();
        }
      }
      case IMMEDIATE -> {
        Children.want(segment(), mode);
        killChildren();
      }
    }
  }

  private void reloadNow() {
    LOG.info("reloading");
    try {
      options.onReload().run();
    } catch (RuntimeException | Error e) {
      LOG.error("the reload callback failed", e);
    }
    Segment present = segmentOrNull();
    if (present != null && !present.isClosed()) {
      children.reload(present);
    }
  }

  // ---- the end ----

  /** Whatever has happened: no children, no segment, no lock file, in this order. */
  private void end() {
    endStep(this::endLeftChildren);
    childrenGone.countDown();
    if (owned != null) {
      endStep(this::closeSegment);
      endStep(owned::release);
    }
    endStep(onEnd);
    if (started.isDone()) {
      LOG.info("the postmaster of {} has ended", options.dataDir());
    }
    ended.countDown();
    if (failure != null) {
      // Who started it hears of it when nothing is left.
      started.completeExceptionally(failure);
    }
  }

  /**
   * Whatever goes wrong in a step, the next ones are done, and who waits for the end hears of it.
   */
  private void endStep(ExitCallback step) {
    try {
      step.run();
    } catch (Throwable e) {
      exitCode = Postmaster.EXIT_FAILED;
      LOG.error("the postmaster of {} cannot end in order", options.dataDir(), e);
    }
  }

  private void endLeftChildren() throws InterruptedException {
    if (!children.areGone()) {
      children.stop(PostmasterSignals.KILL);
    }
    long deadline = System.nanoTime() + KILL_PATIENCE.toNanos();
    state = State.STOPPING;
    stopMode = StopMode.IMMEDIATE;
    while (!children.areGone() && System.nanoTime() - deadline < 0) {
      waitForAnEvent();
    }
    if (!children.areGone()) {
      LOG.error("the kernel does not end what was killed: {}", children.running());
    }
    children.end();
    children.awaitOutput();
  }

  private void closeSegment() {
    try {
      owned.closeSegment();
    } catch (SegmentBusyException e) {
      exitCode = Postmaster.EXIT_FAILED;
      LOG.error("the segment stays until this process ends: {}", e.getMessage());
    }
  }
}
