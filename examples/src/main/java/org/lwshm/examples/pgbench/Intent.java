// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import static org.lwshm.examples.pgbench.BankLayout.INTENT_ACCOUNT;
import static org.lwshm.examples.pgbench.BankLayout.INTENT_ACCOUNT_BALANCE;
import static org.lwshm.examples.pgbench.BankLayout.INTENT_APPENDED;
import static org.lwshm.examples.pgbench.BankLayout.INTENT_BRANCH_BALANCE;
import static org.lwshm.examples.pgbench.BankLayout.INTENT_EVICTED;
import static org.lwshm.examples.pgbench.BankLayout.INTENT_MOVED;
import static org.lwshm.examples.pgbench.BankLayout.INTENT_PENDING;
import static org.lwshm.examples.pgbench.BankLayout.INTENT_TELLER;
import static org.lwshm.examples.pgbench.BankLayout.INTENT_TELLER_BALANCE;
import static org.lwshm.examples.pgbench.BankLayout.INTENT_TRANSACTIONS;

import java.lang.invoke.VarHandle;
import org.lwshm.SharedStruct;

/**
 * What one client is about to do, and how everything was before: its row of the area "intents".
 *
 * <p>The client declares it when it holds all its locks and has changed nothing, and withdraws it
 * when all is done and it still holds them. So a part is pending only while its lock is held, or
 * poisoned. If the client dies in between, whoever gets one of the locks undoes the part that it
 * guards, and no other.
 */
final class Intent {

  private static final int ALL_PARTS = (1 << Part.ALL.size()) - 1;

  private final SharedStruct row;
  private final Ledger ledger;
  private final Progress progress;

  Intent(SharedStruct row, Ledger ledger, Progress progress) {
    this.row = row;
    this.ledger = ledger;
    this.progress = progress;
  }

  /** From here on, all parts are pending. */
  void declare(int account, int teller) {
    row.putInt(INTENT_ACCOUNT, account);
    row.putInt(INTENT_TELLER, teller);
    row.putLong(INTENT_ACCOUNT_BALANCE, ledger.account(account));
    row.putLong(INTENT_TELLER_BALANCE, ledger.teller(teller));
    row.putLong(INTENT_BRANCH_BALANCE, ledger.branch(Ledger.branchOf(teller)));
    row.putLong(INTENT_APPENDED, ledger.appended());
    row.putLong(INTENT_EVICTED, ledger.evicted());
    row.putLong(INTENT_TRANSACTIONS, progress.transactions());
    row.putLong(INTENT_MOVED, progress.moved());
    // Release: with all that is above. The fence: before all that is changed.
    row.putIntRelease(INTENT_PENDING, ALL_PARTS);
    VarHandle.storeStoreFence();
  }

  /** All is done. */
  void withdraw() {
    row.putIntRelease(INTENT_PENDING, 0);
  }

  boolean isPending() {
    return row.getIntAcquire(INTENT_PENDING) != 0;
  }

  boolean isPending(Part part) {
    return (row.getIntAcquire(INTENT_PENDING) & part.bit()) != 0;
  }

  int account() {
    return row.getInt(INTENT_ACCOUNT);
  }

  int teller() {
    return row.getInt(INTENT_TELLER);
  }

  /** Whether a pending part is no more as it was. */
  boolean isChanged(Part part) {
    return switch (part) {
      case ACCOUNT -> ledger.account(account()) != row.getLong(INTENT_ACCOUNT_BALANCE);
      case TELLER -> ledger.teller(teller()) != row.getLong(INTENT_TELLER_BALANCE);
      case BRANCH -> ledger.branch(Ledger.branchOf(teller())) != row.getLong(INTENT_BRANCH_BALANCE);
      case HISTORY -> ledger.appended() != row.getLong(INTENT_APPENDED);
    };
  }

  /** Undoes all that is pending. The caller holds the locks. */
  void undoPending() {
    if (isPending()) {
      Part.ALL.stream().filter(this::isPending).forEach(this::undo);
    }
  }

  /**
   * Puts a pending part back to how it was. The caller holds its lock, and may be killed, too: the
   * part is pending until it is as it was, and if it is undone twice, that is the same.
   */
  void undo(Part part) {
    switch (part) {
      case ACCOUNT -> ledger.setAccount(account(), row.getLong(INTENT_ACCOUNT_BALANCE));
      case TELLER -> ledger.setTeller(teller(), row.getLong(INTENT_TELLER_BALANCE));
      case BRANCH ->
          ledger.setBranch(Ledger.branchOf(teller()), row.getLong(INTENT_BRANCH_BALANCE));
      case HISTORY -> {
        ledger.setHead(row.getLong(INTENT_APPENDED), row.getLong(INTENT_EVICTED));
        progress.set(row.getLong(INTENT_TRANSACTIONS), row.getLong(INTENT_MOVED));
      }
    }
    // Atomically: others may be undoing other parts.
    row.getAndAddInt(INTENT_PENDING, -part.bit());
  }
}
