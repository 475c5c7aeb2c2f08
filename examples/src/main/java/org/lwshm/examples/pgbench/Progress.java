// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import org.lwshm.SharedStruct;

/**
 * What one client has done so far: its row of the area "progress", which it alone writes while it
 * lives. What it did counts on when it is dead and another in its place.
 */
final class Progress {

  private final SharedStruct row;

  Progress(SharedStruct row) {
    this.row = row;
  }

  /** From here on it is this process that works. */
  void begin() {
    setHalted(false);
    row.putIntRelease(BankLayout.PROGRESS_PID, (int) ProcessHandle.current().pid());
  }

  /** Whether it is half-way in a transaction, and waits to be killed. */
  void setHalted(boolean halted) {
    row.putIntRelease(BankLayout.PROGRESS_HALTED, halted ? 1 : 0);
  }

  /** One transaction more. */
  void count(long delta) {
    set(transactions() + 1, moved() + delta);
  }

  void set(long transactions, long moved) {
    row.putLong(BankLayout.PROGRESS_MOVED, moved);
    row.putLongRelease(BankLayout.PROGRESS_TRANSACTIONS, transactions);
  }

  /** The process that works, or has last. */
  int pid() {
    return row.getIntAcquire(BankLayout.PROGRESS_PID);
  }

  /** Whether a process, and none before it, is half-way in a transaction. */
  boolean isHalted(int pid) {
    return pid() == pid && row.getIntAcquire(BankLayout.PROGRESS_HALTED) != 0;
  }

  long transactions() {
    return row.getLongAcquire(BankLayout.PROGRESS_TRANSACTIONS);
  }

  /** The sum of the client's deltas; exact once it has left. */
  long moved() {
    return row.getLongAcquire(BankLayout.PROGRESS_MOVED);
  }
}
