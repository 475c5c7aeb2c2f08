// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.time.Duration;
import org.lwshm.SharedStruct;

/** Who is to be killed, and what came of it for the others: in the area "bank". */
final class Casualties {

  private static final int NOBODY = 0;

  private final SharedStruct bank;

  Casualties(SharedStruct bank) {
    this.bank = bank;
  }

  /** Asks a client to halt half-way in a transaction. */
  void choose(int client) {
    bank.putIntRelease(BankLayout.BANK_VICTIM, client + 1);
  }

  /** Asks nobody any more. */
  void chooseNobody() {
    bank.putIntRelease(BankLayout.BANK_VICTIM, NOBODY);
  }

  boolean isVictim(int client) {
    return bank.getIntAcquire(BankLayout.BANK_VICTIM) == client + 1;
  }

  /** Somebody is killed now. */
  void noteKill() {
    bank.putLongRelease(BankLayout.BANK_KILLED_AT, System.nanoTime());
  }

  /** When somebody was killed last: CLOCK_MONOTONIC, which is the same in all processes. */
  long lastKill() {
    return bank.getLongAcquire(BankLayout.BANK_KILLED_AT);
  }

  /**
   * If somebody was killed while the caller waited for its locks: notes how long it had to, from
   * then on. The history's lock is always among them, and the dead one held it.
   */
  void noteWait(long lastKillBefore) {
    long kill = lastKill();
    if (kill != lastKillBefore) {
      long waited = System.nanoTime() - kill;
      long longest = longestWait().toNanos();
      while (longest < waited
          && !bank.compareAndSetLong(BankLayout.BANK_LONGEST_WAIT, longest, waited)) {
        longest = longestWait().toNanos();
      }
    }
  }

  Duration longestWait() {
    return Duration.ofNanos(bank.getLongAcquire(BankLayout.BANK_LONGEST_WAIT));
  }

  void countRepair() {
    bank.getAndAddInt(BankLayout.BANK_REPAIRS, 1);
  }

  int repairs() {
    return bank.getIntAcquire(BankLayout.BANK_REPAIRS);
  }
}
