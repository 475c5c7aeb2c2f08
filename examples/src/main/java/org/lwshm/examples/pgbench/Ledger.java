// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import static org.lwshm.examples.pgbench.BankLayout.ACCOUNT_SIZE;
import static org.lwshm.examples.pgbench.BankLayout.BRANCH_SIZE;
import static org.lwshm.examples.pgbench.BankLayout.HISTORY_APPENDED;
import static org.lwshm.examples.pgbench.BankLayout.HISTORY_EVICTED;
import static org.lwshm.examples.pgbench.BankLayout.ROW_SIZE;
import static org.lwshm.examples.pgbench.BankLayout.TELLER_SIZE;

import org.lwshm.Segment;
import org.lwshm.SharedStruct;
import org.lwshm.ShmemRequest;
import org.lwshm.ShmemSize;

/** The bank's books: balances and history. Who reads or writes here holds the locks for it. */
final class Ledger {

  private final BankSize size;
  private final SharedStruct branches;
  private final SharedStruct tellers;
  private final SharedStruct accounts;
  private final SharedStruct history;

  Ledger(Segment segment, BankSize size) {
    this.size = size;
    branches = segment.struct("branches");
    tellers = segment.struct("tellers");
    accounts = segment.struct("accounts");
    history = segment.struct("history");
  }

  static void request(ShmemRequest request, BankSize size) {
    request.struct("branches", ShmemSize.mul(size.branches(), BRANCH_SIZE));
    request.struct("tellers", ShmemSize.mul(size.tellers(), TELLER_SIZE));
    request.struct("accounts", ShmemSize.mul(size.accounts(), ACCOUNT_SIZE));
    request.struct(
        "history",
        ShmemSize.add(BankLayout.HISTORY_ROWS, ShmemSize.mul(BankSize.HISTORY_ROWS, ROW_SIZE)));
  }

  static int branchOf(int teller) {
    return teller / BankLayout.TELLERS_PER_BRANCH;
  }

  long account(int account) {
    return accounts.getLong((long) account * ACCOUNT_SIZE);
  }

  void setAccount(int account, long balance) {
    accounts.putLong((long) account * ACCOUNT_SIZE, balance);
  }

  long teller(int teller) {
    return tellers.getLong((long) teller * TELLER_SIZE);
  }

  void setTeller(int teller, long balance) {
    tellers.putLong((long) teller * TELLER_SIZE, balance);
  }

  long branch(int branch) {
    return branches.getLong((long) branch * BRANCH_SIZE);
  }

  void setBranch(int branch, long balance) {
    branches.putLong((long) branch * BRANCH_SIZE, balance);
  }

  long appended() {
    return history.getLong(HISTORY_APPENDED);
  }

  long evicted() {
    return history.getLong(HISTORY_EVICTED);
  }

  void setHead(long appended, long evicted) {
    history.putLong(HISTORY_APPENDED, appended);
    history.putLong(HISTORY_EVICTED, evicted);
  }

  /** Into the spare row; the oldest is the spare one then, and summed up in the head. */
  void append(int account, int teller, int client, long delta) {
    long appended = appended();
    long row = row(appended);
    history.putInt(row + BankLayout.ROW_ACCOUNT, account);
    history.putInt(row + BankLayout.ROW_TELLER, teller);
    history.putInt(row + BankLayout.ROW_BRANCH, branchOf(teller));
    history.putInt(row + BankLayout.ROW_CLIENT, client);
    history.putLong(row + BankLayout.ROW_DELTA, delta);
    history.putLong(row + BankLayout.ROW_TIME, System.currentTimeMillis());
    setHead(appended + 1, evicted() + delta(appended + 1));
  }

  private static long row(long number) {
    return BankLayout.HISTORY_ROWS + number % BankSize.HISTORY_ROWS * ROW_SIZE;
  }

  private long delta(long number) {
    return history.getLong(row(number) + BankLayout.ROW_DELTA);
  }

  /** Adds everything up. */
  Sums sums() {
    // All rows but the spare one.
    long deltas =
        sum(
                history,
                BankLayout.HISTORY_ROWS + BankLayout.ROW_DELTA,
                ROW_SIZE,
                BankSize.HISTORY_ROWS)
            - delta(appended());
    return new Sums(
        sum(accounts, 0, ACCOUNT_SIZE, size.accounts()),
        sum(tellers, 0, TELLER_SIZE, size.tellers()),
        sum(branches, 0, BRANCH_SIZE, size.branches()),
        evicted() + deltas,
        appended());
  }

  private static long sum(SharedStruct area, long first, int step, int count) {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += area.getLong(first + (long) i * step);
    }
    return sum;
  }
}
