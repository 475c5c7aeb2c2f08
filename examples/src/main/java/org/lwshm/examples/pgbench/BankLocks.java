// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.ArrayList;
import java.util.List;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.LWLockTranche;
import org.lwshm.RepairCallback;
import org.lwshm.Segment;
import org.lwshm.ShmemRequest;

/**
 * The bank's locks. Everybody takes them in the same order, accounts, tellers, branches, history,
 * so nobody waits in a circle.
 */
final class BankLocks {

  private final int accountsPerLock;
  private final List<LWLock> accounts;
  private final List<LWLock> tellers;
  private final List<LWLock> branches;
  private final LWLock history;

  /** Finds them; who gets one whose holder died inside calls {@code repair}. */
  BankLocks(Segment segment, BankSize size, RepairCallback repair) {
    accountsPerLock = size.accountsPerLock();
    accounts = find(segment, "accounts", repair);
    tellers = find(segment, "tellers", repair);
    branches = find(segment, "branches", repair);
    history = find(segment, "history", repair).get(0);
  }

  static void request(ShmemRequest request, BankSize size) {
    request.tranche("accounts", size.accountLocks());
    request.tranche("tellers", size.tellers());
    request.tranche("branches", size.branches());
    request.tranche("history", 1);
    // An auditor holds all locks at once.
    request.heldLocks(size.locks());
  }

  private static List<LWLock> find(Segment segment, String name, RepairCallback repair) {
    LWLockTranche tranche = segment.tranche(name);
    tranche.onRepair(repair);
    List<LWLock> locks = new ArrayList<>(tranche.size());
    for (int i = 0; i < tranche.size(); i++) {
      locks.add(tranche.lock(i));
    }
    return List.copyOf(locks);
  }

  /** The lock of a part of a transaction. */
  LWLock of(Part part, int account, int teller) {
    return switch (part) {
      case ACCOUNT -> accounts.get(account / accountsPerLock);
      case TELLER -> tellers.get(teller);
      case BRANCH -> branches.get(Ledger.branchOf(teller));
      case HISTORY -> history;
    };
  }

  /** Takes a transaction's. Who fails to get one keeps the others until its backend is closed. */
  void acquire(Backend me, int account, int teller) {
    of(Part.ACCOUNT, account, teller).acquire(me, LWLockMode.EXCLUSIVE);
    of(Part.TELLER, account, teller).acquire(me, LWLockMode.EXCLUSIVE);
    of(Part.BRANCH, account, teller).acquire(me, LWLockMode.EXCLUSIVE);
    of(Part.HISTORY, account, teller).acquire(me, LWLockMode.EXCLUSIVE);
  }

  void release(Backend me, int account, int teller) {
    of(Part.HISTORY, account, teller).release(me);
    of(Part.BRANCH, account, teller).release(me);
    of(Part.TELLER, account, teller).release(me);
    of(Part.ACCOUNT, account, teller).release(me);
  }

  /** Takes all there are, shared. */
  void acquireAll(Backend me) {
    accounts.forEach(lock -> lock.acquire(me, LWLockMode.SHARED));
    tellers.forEach(lock -> lock.acquire(me, LWLockMode.SHARED));
    branches.forEach(lock -> lock.acquire(me, LWLockMode.SHARED));
    history.acquire(me, LWLockMode.SHARED);
  }
}
