// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.lwshm.internal.Log;
import org.lwshm.jni.PostmasterNative;
import org.lwshm.jni.ProcessNative;
import org.lwshm.jni.Signals;
import org.lwshm.jni.Status;

/**
 * A child's way to the postmaster that has started it: what that wants, and whether it lives. Got
 * from {@link Segment#postmaster()} after {@link Backend#fromPostmaster}. Any thread.
 */
public final class PostmasterLink {

  private static final Log LOG = Log.of(PostmasterLink.class);

  private static final int EXIT_FAILED = 1;

  /** How often to look, where the kernel does not tell. */
  private static final long LOOK_AGAIN_MS = 1000;

  private static boolean taken;

  private final Segment segment;
  private final BackendParameters parameters;
  private final long postmaster;
  private final List<Runnable> reloads = new CopyOnWriteArrayList<>();
  private final CountDownLatch ended = new CountDownLatch(1);

  private PostmasterLink(Segment segment, BackendParameters parameters, long postmaster) {
    this.segment = segment;
    this.parameters = parameters;
    this.postmaster = postmaster;
  }

  // ---- taking the place ----

  static Backend takePlace(ShmemSubsystem... subsystems) {
    claim();
    boolean done = false;
    try {
      BackendParameters.Received received = BackendParameters.receive();
      requirePostmaster(received);
      Backend backend = takePlace(received, subsystems);
      done = true;
      return backend;
    } finally {
      synchronized (PostmasterLink.class) { // and no call, which could throw
        taken = done;
      }
    }
  }

  private static synchronized void claim() {
    if (taken) {
      throw new IllegalStateException(
          "this process has taken its place from the postmaster before, which it does once: use"
              + " the backend of then, and Segment.join() in other threads");
    }
    taken = true;
  }

  private static Backend takePlace(
      BackendParameters.Received received, ShmemSubsystem... subsystems) {
    BackendParameters parameters = received.parameters();
    int mode = (int) received.raw()[PostmasterNative.PARAMETER_MODE];
    Segment segment = Segment.attach(parameters.dataDir(), mode, subsystems);
    boolean done = false;
    try {
      PostmasterLink link =
          new PostmasterLink(
              segment, parameters, received.raw()[PostmasterNative.PARAMETER_POSTMASTER]);
      // Before the postmaster can see that there is somebody to send a SIGHUP to.
      link.handleReload();
      Backend backend = segment.joinPlace(received.raw(), link);
      link.start("lwshm-postmaster-halt", link::halt);
      link.start("lwshm-postmaster-watch", link::watch);
      done = true;
      return backend;
    } finally {
      if (!done) {
        segment.abandon();
      }
    }
  }

  private static void requirePostmaster(BackendParameters.Received received) {
    long[] place = new long[ProcessNative.PLACE_COUNT];
    Status.check(ProcessNative.place(place));
    long here = place[ProcessNative.PLACE_PID_NAMESPACE];
    long there = received.raw()[PostmasterNative.PARAMETER_PID_NAMESPACE];
    if (here != there) {
      throw new NamespaceException(
          "the postmaster is in PID namespace "
              + (there & 0xffffffffL)
              + ", time namespace "
              + (there >>> 32)
              + ", and this process in "
              + (here & 0xffffffffL)
              + " and "
              + (here >>> 32)
              + ", so it could not watch the postmaster; start it in the same ones");
    }
    long postmaster = received.raw()[PostmasterNative.PARAMETER_POSTMASTER];
    if (ProcessNative.isDead(postmaster) == 1) {
      throw new BackendParametersException(
          "the postmaster, process "
              + ProcessNative.pid(postmaster)
              + ", has ended; start another, which starts its children itself");
    }
  }

  // ---- watching ----

  private void start(String name, Runnable work) {
    Thread thread = new Thread(null, work, name, 0, false);
    thread.setDaemon(true);
    thread.start();
  }

  /** The work of a thread that lives as long as the process, whatever it throws. */
  private void watch() {
    while (!hasEnded()) {
      sleep(LOOK_AGAIN_MS);
    }
    ended.countDown();
    LOG.warn(
        "the postmaster, process {}, has ended: this process, its child \"{}\", ends too",
        parameters.postmasterPid(),
        parameters.name());
    System.exit(EXIT_FAILED);
  }

  /** Waits until the postmaster has ended, if the kernel tells; then true. */
  private boolean hasEnded() {
    try {
      return ProcessNative.awaitEnd(postmaster, -1) == 1 || !isAlive();
    } catch (Throwable e) {
      LOG.error("whether the postmaster lives cannot be told; trying again", e);
      return false;
    }
  }

  /**
   * The work of another, which is there from the beginning: when the postmaster has ended, there
   * may be no memory for a thread, and what writes the log, or an exit callback, may hang.
   */
  private void halt() {
    while (ended.getCount() > 0) {
      try {
        ended.await();
      } catch (InterruptedException e) {
        // Nobody has a reason to do that.
      }
    }
    sleep(parameters.grace().toMillis());
    Runtime.getRuntime().halt(EXIT_FAILED);
  }

  private static void sleep(long ms) {
    long end = System.nanoTime() + ms * 1_000_000;
    for (long left = ms; left > 0; left = (end - System.nanoTime()) / 1_000_000) {
      try {
        Thread.sleep(left);
      } catch (InterruptedException e) {
        // Nobody has a reason to do that.
      }
    }
  }

  /** {@return whether the postmaster lives; when it ends, this process does too} */
  public boolean isAlive() {
    return ProcessNative.isDead(postmaster) == 0;
  }

  // ---- what the postmaster wants ----

  /** {@return what the postmaster told this process when it started it} */
  public BackendParameters parameters() {
    return parameters;
  }

  /**
   * How the postmaster is stopping. Costs little: ask whenever there is nothing half-done.
   *
   * @return empty if it is not
   * @throws IllegalStateException if the segment is closed
   */
  public Optional<StopMode> stopRequested() {
    int mode = segment.attachment().call(PostmasterNative::stopMode);
    return mode == 0 ? Optional.empty() : Optional.of(StopMode.values()[mode - 1]);
  }

  /**
   * Whether the postmaster is stopping.
   *
   * @return whether this process should end, soon at least
   * @throws IllegalStateException if the segment is closed
   */
  public boolean isStopping() {
    return stopRequested().isPresent();
  }

  /**
   * Has {@code callback} called, by a thread of its own and one call at a time, each time that this
   * process gets SIGHUP, which the postmaster passes on. What it throws is logged.
   *
   * @param callback called after those that were registered before
   */
  public void onReload(Runnable callback) {
    reloads.add(callback);
  }

  private void handleReload() {
    try {
      Signals.handle("HUP", this::reload);
    } catch (IllegalArgumentException e) {
      LOG.warn("SIGHUP cannot be handled, and will end this process; run java without -Xrs", e);
    }
  }

  private synchronized void reload() {
    for (Runnable callback : reloads) {
      try {
        callback.run();
      } catch (RuntimeException | Error e) {
        LOG.error("a reload callback failed", e);
      }
    }
  }
}
