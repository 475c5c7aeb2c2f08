// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import static org.lwshm.examples.pgbench.BankLayout.AUDITS_ACCOUNTS;
import static org.lwshm.examples.pgbench.BankLayout.AUDITS_APPENDED;
import static org.lwshm.examples.pgbench.BankLayout.AUDITS_BRANCHES;
import static org.lwshm.examples.pgbench.BankLayout.AUDITS_COUNT;
import static org.lwshm.examples.pgbench.BankLayout.AUDITS_FINAL;
import static org.lwshm.examples.pgbench.BankLayout.AUDITS_HISTORY;
import static org.lwshm.examples.pgbench.BankLayout.AUDITS_TELLERS;

import org.lwshm.SharedStruct;

/** What the auditor has found: the area "audits", which it alone writes. */
final class Audits {

  private final SharedStruct area;

  Audits(SharedStruct area) {
    this.area = area;
  }

  /** Writes down what an audit found; returns whether it is as it should be. */
  boolean note(Sums sums) {
    area.putLong(AUDITS_ACCOUNTS, sums.accounts());
    area.putLong(AUDITS_TELLERS, sums.tellers());
    area.putLong(AUDITS_BRANCHES, sums.branches());
    area.putLong(AUDITS_HISTORY, sums.history());
    area.putLong(AUDITS_APPENDED, sums.appended());
    area.putIntRelease(AUDITS_COUNT, count() + 1);
    return sums.agree();
  }

  /** The audit that was noted was the last: nobody works any more. */
  void end() {
    area.putIntRelease(AUDITS_FINAL, 1);
  }

  int count() {
    return area.getIntAcquire(AUDITS_COUNT);
  }

  /** Whether there was a last audit. */
  boolean isFinal() {
    return area.getIntAcquire(AUDITS_FINAL) != 0;
  }

  /** What the last audit so far has found; for when the auditor writes no more. */
  Sums sums() {
    return new Sums(
        area.getLong(AUDITS_ACCOUNTS),
        area.getLong(AUDITS_TELLERS),
        area.getLong(AUDITS_BRANCHES),
        area.getLong(AUDITS_HISTORY),
        area.getLong(AUDITS_APPENDED));
  }
}
