// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.lwshm.Backend;
import org.lwshm.Segment;

/** A thread with a backend of its own that audits the bank while its clients work. */
final class Auditor {

  private static final long PAUSE_MS = 100;
  private static final long PATIENCE_MS = 2000;

  private final Segment segment;
  private final Bank bank;
  private final Trouble trouble;
  private final Thread thread = new Thread(this::run, "auditor");
  private final CountDownLatch stop = new CountDownLatch(1);
  private volatile int audits;

  Auditor(Segment segment, Bank bank, Trouble trouble) {
    this.segment = segment;
    this.bank = bank;
    this.trouble = trouble;
    // It cannot be called back from a lock that is never released; it must not keep us either.
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** How many audits there were so far; each found the sums equal, or there is trouble. */
  int audits() {
    return audits;
  }

  /** Stops it; returns whether it has ended. */
  boolean stop() throws InterruptedException {
    stop.countDown();
    thread.join(PATIENCE_MS);
    return !thread.isAlive();
  }

  private void run() {
    try (Backend me = segment.join()) {
      while (!stop.await(PAUSE_MS, TimeUnit.MILLISECONDS)) {
        Sums sums = bank.audit(me);
        if (!sums.agree()) {
          trouble.report("audit " + (audits + 1) + " found different sums: " + sums);
          return;
        }
        audits++;
      }
    } catch (InterruptedException | RuntimeException e) {
      trouble.report("the auditor failed: " + e);
    }
  }
}
