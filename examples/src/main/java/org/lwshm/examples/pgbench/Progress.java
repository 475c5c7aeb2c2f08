// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import org.lwshm.SharedStruct;

/**
 * What one client has done so far: its row of the area "progress", which it alone writes while it
 * lives.
 */
final class Progress {

  private static final int ABSENT = 0;
  private static final int READY = 1;
  private static final int DONE = 2;
  private static final int HALTED = 3;

  private final SharedStruct row;

  Progress(SharedStruct row) {
    this.row = row;
  }

  void ready() {
    row.putInt(BankLayout.PROGRESS_PID, (int) ProcessHandle.current().pid());
    row.putIntRelease(BankLayout.PROGRESS_STATE, READY);
  }

  /** Its client is dead; what it did counts on. */
  void absent() {
    row.putIntRelease(BankLayout.PROGRESS_STATE, ABSENT);
  }

  /** Half-way in a transaction, and waits to be killed. */
  void halted() {
    row.putIntRelease(BankLayout.PROGRESS_STATE, HALTED);
  }

  /** One transaction more. */
  void count(long delta) {
    set(transactions() + 1, moved() + delta);
  }

  void set(long transactions, long moved) {
    row.putLong(BankLayout.PROGRESS_MOVED, moved);
    row.putLongRelease(BankLayout.PROGRESS_TRANSACTIONS, transactions);
  }

  void done() {
    row.putIntRelease(BankLayout.PROGRESS_STATE, DONE);
  }

  boolean isReady() {
    return row.getIntAcquire(BankLayout.PROGRESS_STATE) != ABSENT;
  }

  boolean isHalted() {
    return row.getIntAcquire(BankLayout.PROGRESS_STATE) == HALTED;
  }

  boolean isDone() {
    return row.getIntAcquire(BankLayout.PROGRESS_STATE) == DONE;
  }

  long transactions() {
    return row.getLongAcquire(BankLayout.PROGRESS_TRANSACTIONS);
  }

  /** The sum of the client's deltas; exact once it is done. */
  long moved() {
    return row.getLongAcquire(BankLayout.PROGRESS_MOVED);
  }
}
