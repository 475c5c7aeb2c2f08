// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import static org.lwshm.examples.pgbench.BankLayout.ACCOUNT_SIZE;
import static org.lwshm.examples.pgbench.BankLayout.BRANCH_SIZE;
import static org.lwshm.examples.pgbench.BankLayout.PROGRESS_SIZE;
import static org.lwshm.examples.pgbench.BankLayout.ROW_SIZE;
import static org.lwshm.examples.pgbench.BankLayout.TELLERS_PER_BRANCH;
import static org.lwshm.examples.pgbench.BankLayout.TELLER_SIZE;

import java.util.ArrayList;
import java.util.List;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.LWLockTranche;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;
import org.lwshm.ShmemRequest;
import org.lwshm.ShmemSize;
import org.lwshm.ShmemSubsystem;

/**
 * pgbench's bank in shared memory: branches with their tellers and accounts, and a history.
 *
 * <p>Who makes the segment gives the bank's size; who attaches reads it there. Everybody takes
 * locks in the same order, accounts, tellers, branches, history, so nobody waits in a circle.
 */
final class Bank implements ShmemSubsystem {

  private BankSize size;

  private SharedStruct bank;
  private SharedStruct branches;
  private SharedStruct tellers;
  private SharedStruct accounts;
  private SharedStruct history;
  private SharedStruct progress;

  private List<LWLock> branchLocks;
  private List<LWLock> tellerLocks;
  private List<LWLock> accountLocks;
  private LWLock historyLock;

  /** A bank to attach to. */
  Bank() {}

  /** A bank to be made. */
  Bank(BankSize size) {
    this.size = size;
  }

  @Override
  public String name() {
    return "pgbench";
  }

  @Override
  public void request(ShmemRequest request) {
    request.struct("bank", BankLayout.BANK_SIZE);
    request.struct("branches", ShmemSize.mul(size.branches(), BRANCH_SIZE));
    request.struct("tellers", ShmemSize.mul(size.tellers(), TELLER_SIZE));
    request.struct("accounts", ShmemSize.mul(size.accounts(), ACCOUNT_SIZE));
    request.struct("history", historySize());
    request.struct("progress", ShmemSize.mul(size.clients(), PROGRESS_SIZE));
    request.tranche("accounts", size.accountLocks());
    request.tranche("tellers", size.tellers());
    request.tranche("branches", size.branches());
    request.tranche("history", 1);
    // Every client's, and the auditor's.
    request.backends(size.clients() + 1);
    request.heldLocks(size.locks());
  }

  private static long historySize() {
    return ShmemSize.add(BankLayout.HISTORY_ROWS, ShmemSize.mul(BankSize.HISTORY_ROWS, ROW_SIZE));
  }

  /** All balances are zero, as the areas are; only what the bank is made of is written. */
  @Override
  public void init(Segment segment) {
    find(segment);
    bank.putInt(BankLayout.BANK_VERSION, BankLayout.VERSION);
    bank.putInt(BankLayout.BANK_BRANCHES, size.branches());
    bank.putInt(BankLayout.BANK_TELLERS, size.tellers());
    bank.putInt(BankLayout.BANK_ACCOUNTS, size.accounts());
    bank.putInt(BankLayout.BANK_ACCOUNTS_PER_LOCK, size.accountsPerLock());
    bank.putInt(BankLayout.BANK_HISTORY_ROWS, BankSize.HISTORY_ROWS);
    bank.putInt(BankLayout.BANK_CLIENTS, size.clients());
    setPhase(BankLayout.PHASE_GATHER);
  }

  @Override
  public void attach(Segment segment) {
    find(segment);
    int version = bank.getInt(BankLayout.BANK_VERSION);
    if (version != BankLayout.VERSION) {
      throw new IllegalStateException(
          "the bank has layout " + version + "; this program knows " + BankLayout.VERSION);
    }
    int count = bank.getInt(BankLayout.BANK_BRANCHES);
    size =
        new BankSize(
            count,
            bank.getInt(BankLayout.BANK_ACCOUNTS) / count,
            bank.getInt(BankLayout.BANK_CLIENTS));
  }

  private void find(Segment segment) {
    bank = segment.struct("bank");
    branches = segment.struct("branches");
    tellers = segment.struct("tellers");
    accounts = segment.struct("accounts");
    history = segment.struct("history");
    progress = segment.struct("progress");
    branchLocks = locks(segment, "branches");
    tellerLocks = locks(segment, "tellers");
    accountLocks = locks(segment, "accounts");
    historyLock = segment.tranche("history").lock(0);
  }

  private static List<LWLock> locks(Segment segment, String name) {
    LWLockTranche tranche = segment.tranche(name);
    List<LWLock> locks = new ArrayList<>(tranche.size());
    for (int i = 0; i < tranche.size(); i++) {
      locks.add(tranche.lock(i));
    }
    return List.copyOf(locks);
  }

  BankSize size() {
    return size;
  }

  int phase() {
    return bank.getIntAcquire(BankLayout.BANK_PHASE);
  }

  void setPhase(int phase) {
    bank.putIntRelease(BankLayout.BANK_PHASE, phase);
  }

  Progress progress(int client) {
    return new Progress(progress.slice((long) client * PROGRESS_SIZE, PROGRESS_SIZE));
  }

  /**
   * Moves an amount: account, teller and the teller's branch change by it, and the history says so.
   *
   * <p>Nothing is changed before all locks are held, so who fails to get one has changed nothing;
   * what it holds by then is released with its backend.
   */
  void transact(Backend me, int client, int account, int teller, long delta) {
    int branch = teller / TELLERS_PER_BRANCH;
    LWLock accountLock = accountLocks.get(account / size.accountsPerLock());
    LWLock tellerLock = tellerLocks.get(teller);
    LWLock branchLock = branchLocks.get(branch);
    accountLock.acquire(me, LWLockMode.EXCLUSIVE);
    tellerLock.acquire(me, LWLockMode.EXCLUSIVE);
    branchLock.acquire(me, LWLockMode.EXCLUSIVE);
    historyLock.acquire(me, LWLockMode.EXCLUSIVE);
    try {
      add(accounts, (long) account * ACCOUNT_SIZE, delta);
      add(tellers, (long) teller * TELLER_SIZE, delta);
      add(branches, (long) branch * BRANCH_SIZE, delta);
      append(account, teller, branch, client, delta);
    } finally {
      historyLock.release(me);
      branchLock.release(me);
      tellerLock.release(me);
      accountLock.release(me);
    }
  }

  private static void add(SharedStruct area, long index, long delta) {
    area.putLong(index, area.getLong(index) + delta);
  }

  /** Into the ring; what falls out of it is summed up in the head. */
  private void append(int account, int teller, int branch, int client, long delta) {
    long appended = history.getLong(BankLayout.HISTORY_APPENDED);
    long row = BankLayout.HISTORY_ROWS + appended % BankSize.HISTORY_ROWS * ROW_SIZE;
    if (appended >= BankSize.HISTORY_ROWS) {
      add(history, BankLayout.HISTORY_EVICTED, history.getLong(row + BankLayout.ROW_DELTA));
    }
    history.putInt(row + BankLayout.ROW_ACCOUNT, account);
    history.putInt(row + BankLayout.ROW_TELLER, teller);
    history.putInt(row + BankLayout.ROW_BRANCH, branch);
    history.putInt(row + BankLayout.ROW_CLIENT, client);
    history.putLong(row + BankLayout.ROW_DELTA, delta);
    history.putLong(row + BankLayout.ROW_TIME, System.currentTimeMillis());
    history.putLong(BankLayout.HISTORY_APPENDED, appended + 1);
  }

  /** Adds everything up, with every lock held shared: nobody moves anything meanwhile. */
  Sums audit(Backend me) {
    try {
      accountLocks.forEach(lock -> lock.acquire(me, LWLockMode.SHARED));
      tellerLocks.forEach(lock -> lock.acquire(me, LWLockMode.SHARED));
      branchLocks.forEach(lock -> lock.acquire(me, LWLockMode.SHARED));
      historyLock.acquire(me, LWLockMode.SHARED);
      long appended = history.getLong(BankLayout.HISTORY_APPENDED);
      return new Sums(
          sum(accounts, 0, ACCOUNT_SIZE, size.accounts()),
          sum(tellers, 0, TELLER_SIZE, size.tellers()),
          sum(branches, 0, BRANCH_SIZE, size.branches()),
          history.getLong(BankLayout.HISTORY_EVICTED)
              + sum(
                  history,
                  BankLayout.HISTORY_ROWS + BankLayout.ROW_DELTA,
                  ROW_SIZE,
                  (int) Math.min(appended, BankSize.HISTORY_ROWS)),
          appended);
    } finally {
      me.releaseAll();
    }
  }

  private static long sum(SharedStruct area, long first, int step, int count) {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += area.getLong(first + (long) i * step);
    }
    return sum;
  }
}
