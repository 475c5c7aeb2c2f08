// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

/**
 * What an audit found.
 *
 * @param accounts the sum of the accounts' balances
 * @param tellers the sum of the tellers' balances
 * @param branches the sum of the branches' balances
 * @param history the sum of the deltas in the history, and of those that fell out of it
 * @param appended how many rows were ever written to the history
 */
record Sums(long accounts, long tellers, long branches, long history, long appended) {

  boolean agree() {
    return accounts == tellers && accounts == branches && accounts == history;
  }

  @Override
  public String toString() {
    return String.format(
        "accounts %,d  tellers %,d  branches %,d  history %,d",
        accounts, tellers, branches, history);
  }
}
