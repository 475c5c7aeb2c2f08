// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.lwshm.Segment;
import org.lwshm.StopMode;
import org.lwshm.internal.Preloading;

/**
 * Owns a data directory's segment, starts the processes that work in it, and survives their
 * crashes.
 *
 * <p>It takes the directory's lock file, makes the segment, has the registered subsystems
 * initialise it, starts its children and watches them. When a child goes without having left its
 * slot, it has crashed; see {@link CrashPolicy} for what follows. When the postmaster dies, its
 * children notice at once, run their exit callbacks and leave. It never touches the data, takes no
 * lock, and trusts nothing that it reads in the segment.
 *
 * <p>Its end has an order: first the children, then {@code before_shmem_exit} and {@code
 * on_shmem_exit} of {@linkplain Segment#exitCallbacks() its segment}, whose last two detach it and
 * delete it, then {@code on_proc_exit}, and last the lock file is removed. It is the same on a
 * stop, on {@code System.exit} and on a signal that ends the JVM. A restart of all runs them, too,
 * for the segment that is thrown away.
 *
 * <pre>{@code
 * try (Postmaster postmaster =
 *     Postmaster.builder(dataDir)
 *         .register(new Counters())
 *         .repairWith(Counters.class)
 *         .child(ChildCommand.java("worker", Worker.class).withCount(4))
 *         .handleSignals()
 *         .start()) {
 *   System.exit(postmaster.await());
 * }
 * }</pre>
 *
 * <p>Any thread may use it.
 *
 * <p>Source: PostgreSQL's PostmasterMain, ServerLoop and PostmasterStateMachine,
 * src/backend/postmaster/postmaster.c.
 */
public final class Postmaster implements AutoCloseable {

  /** {@link #await}: it was stopped, or all children have ended with success. */
  public static final int EXIT_OK = 0;

  /** {@link #await}: something failed, or a child that is not replaced. */
  public static final int EXIT_FAILED = 1;

  /**
   * {@link #await}: it gave up after a crash, as {@code restartAfterCrash(false)} asks for, or
   * because it came during a smart stop.
   */
  public static final int EXIT_CRASHED = 3;

  private final PostmasterOptions options;
  private final ServerLoop loop;
  private Runnable unhandleSignals = () -> {};
  private final Thread exitHook = new Thread(this::exitWithProcess, "lwshm-postmaster-exit");

  private Postmaster(PostmasterOptions options) {
    this.options = options;
    loop = new ServerLoop(options, () -> unhandleSignals.run());
  }

  /**
   * Begins to make a postmaster.
   *
   * @param dataDir an existing directory of this user's, with a path of at most 4095 bytes
   * @return a builder with the defaults
   */
  public static PostmasterBuilder builder(Path dataDir) {
    return new PostmasterBuilder(dataDir);
  }

  static Postmaster start(PostmasterOptions options, boolean handlesSignals) {
    Preloading.loadPackage(Segment.class);
    Postmaster postmaster = new Postmaster(options);
    if (handlesSignals) {
      postmaster.unhandleSignals = PostmasterSignals.handle(postmaster::stop, postmaster::reload);
    }
    Runtime.getRuntime().addShutdownHook(postmaster.exitHook);
    boolean started = false;
    try {
      postmaster.loop.start();
      started = true;
    } finally {
      if (!started) {
        postmaster.removeHook();
      }
    }
    return postmaster;
  }

  /** {@return the data directory, absolute} */
  public Path dataDir() {
    return options.dataDir();
  }

  /**
   * The segment as it is now; another one after a restart of all. It is for reading: a thread of
   * this process that joins it hinders a restart, and takes part in what the postmaster stays out
   * of.
   *
   * @return the segment, closed while it is being made anew
   * @throws IllegalStateException if there is none yet
   */
  public Segment segment() {
    return loop.segment();
  }

  /** {@return the children that run now} */
  public List<ChildInfo> children() {
    return loop.children();
  }

  /**
   * Has it stop, and returns at once. Asking again can only make it quicker.
   *
   * @param mode how
   */
  public void stop(StopMode mode) {
    loop.stop(mode);
  }

  /** Has it and its children call their reload callbacks, and returns at once. */
  public void reload() {
    loop.reload();
  }

  /**
   * Waits until it has ended.
   *
   * @return {@link #EXIT_OK}, {@link #EXIT_FAILED} or {@link #EXIT_CRASHED}, to exit with
   * @throws InterruptedException if the calling thread is interrupted; the postmaster runs on
   * @throws IllegalStateException in a listener or callback of the postmaster
   */
  public int await() throws InterruptedException {
    int exitCode = loop.await();
    removeHook();
    return exitCode;
  }

  /**
   * Waits until it has ended, but not for ever.
   *
   * @param limit how long at most
   * @return whether it has; then {@link #await()} returns at once
   * @throws InterruptedException if the calling thread is interrupted; the postmaster runs on
   * @throws IllegalStateException in a listener or callback of the postmaster
   */
  public boolean await(Duration limit) throws InterruptedException {
    return loop.await(limit.toNanos(), TimeUnit.NANOSECONDS);
  }

  /**
   * Stops it {@linkplain StopMode#FAST fast} if it runs, and waits until it has ended.
   *
   * @throws IllegalStateException in a listener or callback of the postmaster; it stops all the
   *     same
   */
  @Override
  public void close() {
    stop(StopMode.FAST);
    boolean interrupted = false;
    while (true) {
      try {
        await();
        break;
      } catch (InterruptedException e) {
        // It must not be left half-way; whoever interrupts finds the mark afterwards.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** The JVM ends: so do the children, the segment and the lock file, in this order. */
  private void exitWithProcess() {
    stop(StopMode.FAST);
    try {
      loop.await(loop.longestStop().toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void removeHook() {
    try {
      Runtime.getRuntime().removeShutdownHook(exitHook);
    } catch (IllegalStateException e) {
      // The JVM is on its way out, and runs it now.
    }
  }

  @Override
  public String toString() {
    return "postmaster of " + dataDir();
  }
}
