// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.lwshm.Backend;
import org.lwshm.LwshmException;
import org.lwshm.PostmasterLink;
import org.lwshm.Segment;

/**
 * The life of a JVM that a postmaster has started: it takes its place, works as long as it is
 * wanted, and leaves. Told to end by SIGTERM, or because the postmaster has died, it finishes what
 * it has begun.
 */
final class Duty {

  /** What such a JVM is for. */
  interface Work {
    void run(Duty duty) throws InterruptedException;
  }

  private static final long PATIENCE_MS = 2000;

  private final Bank bank;
  private final Backend backend;
  private final CountDownLatch done = new CountDownLatch(1);
  private volatile boolean exiting;

  private Duty(Bank bank, Backend backend) {
    this.bank = bank;
    this.backend = backend;
  }

  static void run(Work work) {
    Bank bank = new Bank();
    try (Backend me = Backend.fromPostmaster(bank)) {
      new Duty(bank, me).run(me.segment(), work);
    } catch (LwshmException | IllegalStateException e) {
      System.out.println(e);
      System.exit(1);
    }
  } // left in order; the segment is detached on the way out of the JVM

  private void run(Segment segment, Work work) {
    segment.exitCallbacks().beforeShmemExit(this::finish);
    try {
      work.run(this);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      done.countDown();
    }
  }

  /** The JVM exits, from another thread: the working one ends its transaction first. */
  private void finish() throws InterruptedException {
    exiting = true;
    done.await(PATIENCE_MS, TimeUnit.MILLISECONDS);
  }

  Bank bank() {
    return bank;
  }

  Backend backend() {
    return backend;
  }

  PostmasterLink postmaster() {
    return backend.segment().postmaster();
  }

  /** Whether to go on; to be asked whenever nothing is half-done. */
  boolean goesOn() {
    return !isExiting() && !postmaster().isStopping();
  }

  /** Whether the JVM ends, so that nothing more is to be begun. */
  boolean isExiting() {
    return exiting;
  }
}
