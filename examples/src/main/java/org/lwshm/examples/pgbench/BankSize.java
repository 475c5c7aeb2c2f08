// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

/**
 * How large a bank is.
 *
 * @param branches pgbench's scale
 * @param accountsPerBranch 100,000 in pgbench
 * @param clients rows of progress
 */
record BankSize(int branches, int accountsPerBranch, int clients) {

  static final int HISTORY_ROWS = 4096;

  /** Accounts share this many locks at most, so that an auditor can hold all locks at once. */
  private static final int MAX_ACCOUNT_LOCKS = 64;

  int tellers() {
    return Math.multiplyExact(branches, BankLayout.TELLERS_PER_BRANCH);
  }

  int accounts() {
    return Math.multiplyExact(branches, accountsPerBranch);
  }

  int accountsPerLock() {
    return (accounts() + MAX_ACCOUNT_LOCKS - 1) / MAX_ACCOUNT_LOCKS;
  }

  int accountLocks() {
    return (accounts() + accountsPerLock() - 1) / accountsPerLock();
  }

  /** All locks of the bank: as many as an auditor holds. */
  int locks() {
    return accountLocks() + tellers() + branches + 1;
  }
}
