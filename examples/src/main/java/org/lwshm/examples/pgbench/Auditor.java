// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.lwshm.Segment;
import org.lwshm.StopMode;

/**
 * A JVM that audits the bank while its clients work, and once more when they have left. If the
 * books do not agree it writes that down and ends.
 */
public final class Auditor {

  private static final long PAUSE_MS = 100;
  private static final long LOOK_AGAIN_MS = 1;

  private Auditor() {}

  /**
   * Audits, as a postmaster's child.
   *
   * @param args none
   */
  public static void main(String[] args) {
    Duty.run(Auditor::work);
  }

  private static void work(Duty duty) throws InterruptedException {
    Audits audits = duty.bank().audits();
    System.out.println("at work");
    while (duty.goesOn()) {
      if (!audits.note(duty.bank().audit(duty.backend()))) {
        return;
      }
      TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
    }
    if (awaitOthersLeave(duty)) {
      audits.note(duty.bank().audit(duty.backend()));
      audits.end();
      System.out.println("the final audit is done");
    }
  }

  /** Waits until all others have left; returns false if there is no time for that. */
  private static boolean awaitOthersLeave(Duty duty) throws InterruptedException {
    Segment segment = duty.backend().segment();
    while (!duty.isExiting()
        && duty.postmaster().stopRequested().equals(Optional.of(StopMode.SMART))) {
      if (segment.backends().size() == 1) {
        return true;
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_AGAIN_MS);
    }
    return false;
  }
}
