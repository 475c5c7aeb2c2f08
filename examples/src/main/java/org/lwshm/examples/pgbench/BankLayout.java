// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

/**
 * The bank as it lies in shared memory: byte offsets and sizes. {@code bank.h} is the same in C,
 * with a picture; change both, and {@link #VERSION} with them.
 */
final class BankLayout {

  static final int VERSION = 3;

  static final int TELLERS_PER_BRANCH = 10;

  /** A transaction moves between -MAX_DELTA and MAX_DELTA. */
  static final int MAX_DELTA = 5000;

  /** Area "bank": what the rest is made of. */
  static final int BANK_VERSION = 0;

  static final int BANK_BRANCHES = 4;
  static final int BANK_TELLERS = 8;
  static final int BANK_ACCOUNTS = 12;
  static final int BANK_ACCOUNTS_PER_LOCK = 16;
  static final int BANK_HISTORY_ROWS = 20;
  static final int BANK_CLIENTS = 24;
  static final int BANK_UNDO = 28;
  static final int BANK_VICTIM = 32;
  static final int BANK_REPAIRS = 36;
  static final int BANK_KILLED_AT = 40;
  static final int BANK_LONGEST_WAIT = 48;
  static final int BANK_SIZE = 64;

  /** Areas "branches", "tellers", "accounts": each row begins with its balance. */
  static final int BRANCH_SIZE = 64;

  static final int TELLER_SIZE = 64;
  static final int ACCOUNT_SIZE = 8;

  /** Area "history": a head, then the ring. */
  static final int HISTORY_APPENDED = 0;

  static final int HISTORY_EVICTED = 8;
  static final int HISTORY_ROWS = 64;

  static final int ROW_ACCOUNT = 0;
  static final int ROW_TELLER = 4;
  static final int ROW_BRANCH = 8;
  static final int ROW_CLIENT = 12;
  static final int ROW_DELTA = 16;
  static final int ROW_TIME = 24;
  static final int ROW_SIZE = 32;

  /** Area "progress": a row a client. */
  static final int PROGRESS_PID = 0;

  static final int PROGRESS_HALTED = 4;
  static final int PROGRESS_TRANSACTIONS = 8;
  static final int PROGRESS_MOVED = 16;
  static final int PROGRESS_SIZE = 64;

  /** Area "intents": a row a client. */
  static final int INTENT_PENDING = 0;

  static final int INTENT_ACCOUNT = 4;
  static final int INTENT_TELLER = 8;
  static final int INTENT_ACCOUNT_BALANCE = 16;
  static final int INTENT_TELLER_BALANCE = 24;
  static final int INTENT_BRANCH_BALANCE = 32;
  static final int INTENT_APPENDED = 40;
  static final int INTENT_EVICTED = 48;
  static final int INTENT_TRANSACTIONS = 56;
  static final int INTENT_MOVED = 64;
  static final int INTENT_SIZE = 128;

  /** Area "audits": what the auditor has found. */
  static final int AUDITS_COUNT = 0;

  static final int AUDITS_FINAL = 4;
  static final int AUDITS_ACCOUNTS = 8;
  static final int AUDITS_TELLERS = 16;
  static final int AUDITS_BRANCHES = 24;
  static final int AUDITS_HISTORY = 32;
  static final int AUDITS_APPENDED = 40;
  static final int AUDITS_SIZE = 64;

  private BankLayout() {}
}
