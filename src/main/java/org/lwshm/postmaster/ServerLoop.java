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
import java.util.function.Consumer;
import org.lwshm.LwshmException;
import org.lwshm.Segment;
import org.lwshm.SegmentBusyException;
import org.lwshm.SegmentInUseException;
import org.lwshm.StopMode;
import org.lwshm.internal.SegmentAccess;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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

  private static final Logger LOG = LoggerFactory.getLogger(Postmaster.class);

  /** How often to look whether the lock file is still ours. */
  private static final long RECHECK_NS = TimeUnit.SECONDS.toNanos(1);

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
  private final Children children;
  private final BlockingQueue<Runnable> events = new LinkedBlockingQueue<>();
  private final CompletableFuture<Void> started = new CompletableFuture<>();
  private final CountDownLatch childrenGone = new CountDownLatch(1);
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "lwshm-postmaster");

  private volatile Segment segment;
  private volatile int exitCode = Postmaster.EXIT_OK;

  // The postmaster's thread's own.
  private State state = State.STARTING;
  private Throwable failure;
  private StopMode stopMode;
  private LockFile lockFile;
  private long recheckAt;
  private long killAt = ChildPlace.NEVER;
  private long giveUpAt = ChildPlace.NEVER;
  private long repairUntil = ChildPlace.NEVER;
  private int poisonedBefore;
  private boolean crashedMeanwhile;

  ServerLoop(PostmasterOptions options) {
    this.options = options;
    children = new Children(options, (process, status) -> send(() -> ended(process, status)));
  }

  // ---- for other threads ----

  /** Starts the thread, and returns when the children have been started. */
  void start() {
    thread.start();
    try {
      started.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new PostmasterException("the postmaster cannot start: " + e.getCause());
    }
  }

  void stop(StopMode mode) {
    send(() -> beginStop(mode));
  }

  void reload() {
    send(this::reloadNow);
  }

  int await() throws InterruptedException {
    ended.await();
    return exitCode;
  }

  boolean await(long time, TimeUnit unit) throws InterruptedException {
    return ended.await(time, unit);
  }

  /** How long a fast stop takes at most, if the kernel does its part. */
  Duration longestStop() {
    return options.stopTimeout().plus(KILL_PATIENCE).plus(KILL_PATIENCE);
  }

  Segment segment() {
    Segment present = segment;
    if (present == null) {
      throw new IllegalStateException("the postmaster of " + options.dataDir() + " has no segment");
    }
    return present;
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
      lockFile = LockFile.take(options.dataDir());
      children.removeLeftovers();
      options.segment().maxChildren(children.count());
      if (!makeSegment(0)) {
        throw new PostmasterException(
            "the postmaster of " + options.dataDir() + " was stopped before it was ready");
      }
      recheckAt = System.nanoTime() + RECHECK_NS;
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

  /** Until the next thing that is to be done at a time. */
  private long nanosToWait() {
    long now = System.nanoTime();
    long wait = Math.min(recheckAt - now, until(now, killAt));
    wait = Math.min(wait, until(now, giveUpAt));
    wait = Math.min(wait, until(now, repairUntil));
    if (state == State.RUNNING && !isRepairing()) {
      for (ChildPlace place : children.places()) {
        wait = Math.min(wait, until(now, place.startAt()));
      }
    }
    return Math.max(wait, 0);
  }

  private static long until(long now, long time) {
    return time == ChildPlace.NEVER ? Long.MAX_VALUE : time - now;
  }

  private static boolean isDue(long time) {
    return time != ChildPlace.NEVER && System.nanoTime() - time >= 0;
  }

  /** What is to be done at a time, or when something has become so. */
  private void lookAround() throws InterruptedException {
    if (System.nanoTime() - recheckAt >= 0) {
      recheckAt = System.nanoTime() + RECHECK_NS;
      recheckLockFile();
    }
    if (isDue(killAt)) {
      killAt = ChildPlace.NEVER;
      if (!children.areGone()) {
        LOG.warn("killing children that did not end in time: {}", children.running());
        killChildren();
      }
    }
    if (isDue(giveUpAt)) {
      giveUpAt = ChildPlace.NEVER;
      throw new PostmasterException(
          "the kernel does not end what was killed: " + children.running());
    }
    if (isDue(repairUntil)) {
      repairUntil = ChildPlace.NEVER;
      LOG.warn("the repair takes longer than {}; killing it", options.repairTimeout());
      children.repairPlace().process().stop(PostmasterSignals.KILL);
    }
    if (state == State.RUNNING) {
      startDue();
    }
    if (children.areGone()) {
      whenGone();
    }
  }

  private void whenGone() throws InterruptedException {
    if (state == State.RESTARTING) {
      killAt = ChildPlace.NEVER;
      giveUpAt = ChildPlace.NEVER;
      int generation = segment.generation();
      segment.close();
      if (makeSegment(generation)) {
        startDue();
      } else {
        state = State.ENDED;
      }
    } else if (state == State.STOPPING || nobodyIsDue()) {
      state = State.ENDED;
    }
  }

  private boolean nobodyIsDue() {
    return children.places().stream().allMatch(place -> place.startAt() == ChildPlace.NEVER);
  }

  private void recheckLockFile() {
    if (!lockFile.isValid()) {
      LOG.error(
          "lock file {} is gone, or another: stopping at once, since somebody may take this for a"
              + " free data directory",
          lockFile.path());
      exitCode = Postmaster.EXIT_FAILED;
      beginStop(StopMode.IMMEDIATE);
    }
  }

  // ---- the segment ----

  /**
   * Makes the segment, and waits a while for processes of an earlier life to leave the old one.
   *
   * @return false if there is none, because the postmaster was stopped meanwhile
   */
  private boolean makeSegment(int after) throws InterruptedException {
    long deadline = System.nanoTime() + options.startTimeout().toNanos();
    options.segment().after(after);
    for (boolean told = false; segment == null || segment.isClosed(); told = true) {
      if (stopMode != null) {
        return false;
      }
      try {
        segment = options.segment().create();
      } catch (SegmentInUseException e) {
        if (System.nanoTime() - deadline > 0) {
          throw e;
        }
        if (!told) {
          LOG.info("waiting for processes of an earlier life to leave: {}", e.getMessage());
        }
        Runnable event = events.poll(LOOK_AGAIN_MS, TimeUnit.MILLISECONDS);
        if (event != null) {
          event.run();
        }
      }
    }
    SegmentAccess.get().onChildrenEnd(segment, this::endChildrenFirst);
    segment.exitCallbacks().onProcExit(this::releaseLockFileWithProcess);
    for (ChildPlace place : children.places()) {
      // One that has crashed may have to wait longer.
      if (place.startAt() == ChildPlace.NEVER) {
        place.startAt(System.nanoTime());
      }
    }
    state = State.RUNNING;
    lockFile.update(
        lockFile.contents().withSegment(segment.key(), segment.id()).with(LockFileContents.READY));
    LOG.info("ready: {}, generation {}", segment, segment.generation());
    tell(listener -> listener.segmentReady(segment));
    return true;
  }

  /** Whoever ends the segment, the children end before. */
  private void endChildrenFirst() throws InterruptedException {
    if (Thread.currentThread() == thread) {
      return;
    }
    stop(StopMode.FAST);
    childrenGone.await(longestStop().toNanos(), TimeUnit.NANOSECONDS);
  }

  /** The process may be over before our thread comes to it. */
  private void releaseLockFileWithProcess() {
    if (Thread.currentThread() != thread) {
      lockFile.release();
    }
  }

  // ---- children ----

  private void startDue() {
    for (ChildPlace place : children.places()) {
      if (state == State.RUNNING && !isRepairing() && isDue(place.startAt())) {
        startChild(place);
      }
    }
  }

  /** Whether nobody is started, since he might find what is not repaired yet. */
  private boolean isRepairing() {
    return children.repairPlace() != null && !children.repairPlace().isEmpty();
  }

  private void startChild(ChildPlace place) {
    try {
      ChildInfo child = children.start(segment, place);
      LOG.debug("started {}", child);
      tell(listener -> listener.childStarted(child));
    } catch (IllegalArgumentException | LwshmException e) {
      if (place.launches() == 0) {
        throw e;
      }
      LOG.error("{} cannot be started", place, e);
      schedule(place, 0);
    }
  }

  /** Has a place filled again, later if who was in it did not last. */
  private void schedule(ChildPlace place, long age) {
    long delay = place.countEnd(age);
    place.startAt(System.nanoTime() + delay);
    if (delay > 0) {
      LOG.warn(
          "{} has ended {} times in a row too soon; the next start is in {} ms",
          place,
          place.failures(),
          TimeUnit.NANOSECONDS.toMillis(delay));
    }
  }

  private void ended(ChildProcess process, int status) {
    ChildPlace place = children.placeOf(process);
    if (place == null) {
      return;
    }
    long age = process.age();
    ChildEnd end = children.bury(segment, place, status);
    boolean asked = process.wasToldToStop() || state != State.RUNNING && end.isSuccess();
    if (asked || end.isSuccess()) {
      LOG.debug("{} {}", process.info(), end);
    } else {
      LOG.warn("{} {}", process.info(), end);
    }
    tell(listener -> listener.childEnded(process.info(), end));
    if (place == children.repairPlace()) {
      repairEnded(end);
    } else if (state == State.RUNNING || isEndingSmartly() && !process.wasToldToStop()) {
      follow(place, end, age);
    }
  }

  /** Whether children end by themselves; but for those that a restart has told to before. */
  private boolean isEndingSmartly() {
    return state == State.STOPPING && stopMode == StopMode.SMART;
  }

  /** What follows of a child's end, while others go on. */
  private void follow(ChildPlace place, ChildEnd end, long age) {
    Restart rule = place.command().restart();
    boolean replaced = rule == Restart.ALWAYS || rule == Restart.ON_FAILURE && !end.isSuccess();
    if (replaced) {
      schedule(place, age);
    } else if (!end.isSuccess()) {
      exitCode = Postmaster.EXIT_FAILED;
    }
    int poisoned = Children.poisoned(segment);
    if (options.policy() == CrashPolicy.RESTART_ALL && (end.crashed() || poisoned > 0)) {
      restartAll(place + " has crashed");
    } else if (poisoned > 0) {
      repair(poisoned);
    }
  }

  // ---- crashes ----

  /** Has somebody repair what is poisoned; nobody is started meanwhile. */
  private void repair(int poisoned) {
    ChildPlace repairPlace = children.repairPlace();
    if (repairPlace == null) {
      restartAll(poisoned + " locks are poisoned, and there is no repairer");
      return;
    }
    if (!repairPlace.isEmpty()) {
      crashedMeanwhile = true;
      return;
    }
    crashedMeanwhile = false;
    poisonedBefore = poisoned;
    try {
      ChildInfo child = children.start(segment, repairPlace);
      LOG.info("{} repairs what {} locks guard", child, poisoned);
      repairUntil = System.nanoTime() + options.repairTimeout().toNanos();
      tell(listener -> listener.childStarted(child));
    } catch (IllegalArgumentException | LwshmException e) {
      LOG.error("the repairer cannot be started", e);
      restartAll("the repairer cannot be started");
    }
  }

  private void repairEnded(ChildEnd end) {
    repairUntil = ChildPlace.NEVER;
    if (state != State.RUNNING && stopMode != StopMode.SMART) {
      return;
    }
    int poisoned = Children.poisoned(segment);
    if (!end.isSuccess()) {
      restartAll("the repair has failed: it " + end);
    } else if (poisoned == 0) {
      tell(listener -> listener.repaired(poisonedBefore));
    } else if (crashedMeanwhile) {
      repair(poisoned);
    } else {
      restartAll("the repair has left " + poisoned + " locks poisoned");
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
    tell(listener -> listener.restartingAll(reason));
    state = State.RESTARTING;
    lockFile.update(lockFile.contents().with(LockFileContents.RESTARTING));
    endChildren();
  }

  private void endChildren() {
    Children.want(segment, StopMode.FAST);
    children.stop(PostmasterSignals.TERMINATE);
    killAt = System.nanoTime() + options.stopTimeout().toNanos();
  }

  private void killChildren() {
    children.stop(PostmasterSignals.KILL);
    giveUpAt = System.nanoTime() + KILL_PATIENCE.toNanos();
  }

  // ---- stop and reload ----

  private void beginStop(StopMode mode) {
    if (stopMode != null && mode.compareTo(stopMode) <= 0) {
      return;
    }
    LOG.info("stopping: {}", mode);
    stopMode = mode;
    boolean endingAlready = state == State.RESTARTING;
    if (segment == null || state == State.STARTING) {
      return; // makeSegment() sees it
    }
    state = State.STOPPING;
    lockFile.update(lockFile.contents().with(LockFileContents.STOPPING));
    switch (mode) {
      case SMART -> {
        if (!endingAlready) {
          Children.want(segment, mode);
        }
      }
      case FAST -> {
        if (!endingAlready) {
          endChildren();
        }
      }
      case IMMEDIATE -> {
        Children.want(segment, mode);
        killChildren();
      }
    }
  }

  private void reloadNow() {
    LOG.info("reloading");
    try {
      options.onReload().run();
    } catch (RuntimeException e) {
      LOG.error("the reload callback failed", e);
    }
    if (segment != null && !segment.isClosed()) {
      children.reload(segment);
    }
  }

  private void tell(Consumer<PostmasterListener> what) {
    for (PostmasterListener listener : options.listeners()) {
      try {
        what.accept(listener);
      } catch (RuntimeException e) {
        LOG.error("a listener of the postmaster failed", e);
      }
    }
  }

  // ---- the end ----

  /** Whatever has happened: no children, no segment, no lock file, in this order. */
  private void end() {
    try {
      endLeftChildren();
      childrenGone.countDown();
      closeSegment();
    } catch (InterruptedException e) {
      LOG.error("the postmaster's thread was interrupted while it ended");
    } finally {
      if (lockFile != null) {
        lockFile.release();
      }
      if (started.isDone()) {
        LOG.info("the postmaster of {} has ended", options.dataDir());
      }
      ended.countDown();
      if (failure != null) {
        // Who started it hears of it when nothing is left.
        started.completeExceptionally(failure);
      }
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
      Runnable event = events.poll(LOOK_AGAIN_MS, TimeUnit.MILLISECONDS);
      if (event != null) {
        event.run();
      }
    }
    if (!children.areGone()) {
      LOG.error("the kernel does not end what was killed: {}", children.running());
    }
    children.awaitOutput();
  }

  private void closeSegment() {
    if (segment == null) {
      return;
    }
    try {
      segment.close();
    } catch (SegmentBusyException e) {
      exitCode = Postmaster.EXIT_FAILED;
      LOG.error("the segment stays until this process ends: {}", e.getMessage());
    }
  }
}
