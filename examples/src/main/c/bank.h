/*
 * bank.h - the bank of the pgbench example, as it lies in shared memory.
 *
 * BankLayout.java is the same in Java; change both, and BANK_LAYOUT with them.
 *
 * Named areas.  What is changed often by different processes has a cache line
 * (64 bytes) of its own, so that processes do not slow one another down by accident:
 *
 *     area        a row is                                  rows
 *     bank        64 bytes: what the rest is made of,       1
 *                 and what there is to tell of those killed
 *     branches    64 bytes: balance                         scale
 *     tellers     64 bytes: balance                         10 a branch
 *     accounts     8 bytes: balance                         10,000 a branch
 *     history     64 bytes of head, then a ring of          4,096
 *                 32-byte rows
 *     progress    64 bytes: what a client has done          1 a client
 *     intents    128 bytes: what a client is about to do    1 a client
 *     audits      64 bytes: what the auditor has found      1
 *
 * Teller t belongs to branch t / 10.
 *
 *     history   |appended |evicted  |  rest of line |row 0|row 1|row 2|...
 *                 |          '- sum of the deltas that fell out of the ring
 *                 '- rows written ever
 *
 * Row appended % rows is the spare one: the next is written there, and what it holds by
 * then does not count.
 *
 * Four tranches of locks guard them.  Whoever needs several takes them in this order,
 * which is why nobody ever waits in a circle:
 *
 *     accounts    lock i guards the accounts from i * accounts_per_lock on, as many
 *     tellers     lock i guards teller i
 *     branches    lock i guards branch i
 *     history     the one lock guards head and ring
 *
 * So with all locks held, in either mode,
 *
 *     sum(accounts) == sum(tellers) == sum(branches) == sum(history) + evicted
 *
 * The progress rows and the audits have no lock: each word has one writer.  Nor has what the
 * demo writes, who is to be killed and when somebody was: a postmaster takes none.
 *
 * A client may be killed at any instruction.  With all its locks held, and before it
 * changes anything, it writes into its row of "intents" how everything was, and then which
 * parts of its transaction are pending: all.  When all is done, and before it releases a
 * lock, none is pending any more.  So
 *
 *     a part is pending only while its lock is held, or poisoned
 *
 * and who gets a poisoned lock finds by that, in all clients' intents, what to undo: it
 * puts back how the part was, makes it pending no more, and declares the lock consistent,
 * in this order, so that it may be killed, too, and the next one does it again.  Nobody
 * undoes what another lock guards: who gets that lock does.
 *
 *     part        is undone under the lock of       and is
 *     ACCOUNT     the account                       its balance
 *     TELLER      the teller                        its balance
 *     BRANCH      the branch                        its balance
 *     HISTORY     the history                       its head, and the client's progress
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BANK_H
#define BANK_H

#include <stddef.h>
#include <stdint.h>

/* The version of all this. */
#define BANK_LAYOUT 3u

#define TELLERS_PER_BRANCH 10u

/* A transaction moves between -MAX_DELTA and MAX_DELTA. */
#define MAX_DELTA 5000

struct bank {
    uint32_t layout; /* BANK_LAYOUT */
    uint32_t branches;
    uint32_t tellers;
    uint32_t accounts;
    uint32_t accounts_per_lock;
    uint32_t history_rows;
    uint32_t clients;
    uint32_t undo;         /* 0: repair nothing, to see what comes of it */
    uint32_t victim;       /* a client's number + 1: it is to halt half-way; atomic */
    uint32_t repairs;      /* how many locks were repaired; atomic */
    int64_t killed_at;     /* the last kill, in ns of CLOCK_MONOTONIC; 0: none; atomic */
    uint64_t longest_wait; /* of those who waited for a dead one's locks, in ns; atomic */
    uint8_t rest[8];
};

struct branch {
    int64_t balance;
    uint8_t rest[56];
};

struct teller {
    int64_t balance;
    uint8_t rest[56];
};

struct account {
    int64_t balance;
};

struct history_row {
    uint32_t account;
    uint32_t teller;
    uint32_t branch;
    uint32_t client;
    int64_t delta;
    int64_t time; /* milliseconds since 1970 */
};

struct history {
    uint64_t appended;
    int64_t evicted;
    uint8_t rest[48];
    struct history_row rows[];
};

/* How far a client is.  Each writes its own row alone. */
struct progress {
    int32_t pid;           /* atomic */
    uint32_t halted;       /* half-way in a transaction, waits to be killed; atomic */
    uint64_t transactions; /* atomic */
    int64_t moved;         /* the sum of its deltas; atomic */
    uint8_t rest[40];
};

/* The parts of a transaction: bits. */
enum part {
    PART_ACCOUNT = 1,
    PART_TELLER = 2,
    PART_BRANCH = 4,
    PART_HISTORY = 8,
    PART_ALL = 15
};

/* Written by its client, which holds the locks; if that dies, undone part by part. */
struct intent {
    uint32_t pending; /* enum part; atomic */
    uint32_t account;
    uint32_t teller;
    uint32_t unused;
    int64_t account_balance; /* from here on: how it was before */
    int64_t teller_balance;
    int64_t branch_balance;
    uint64_t appended;
    int64_t evicted;
    uint64_t transactions;
    int64_t moved;
    uint8_t rest[56];
};

/* What the auditor has found last; it alone writes.  No C program reads it. */
struct audits {
    uint32_t count; /* atomic */
    uint32_t final; /* nobody works any more; atomic */
    int64_t accounts;
    int64_t tellers;
    int64_t branches;
    int64_t history;
    uint64_t appended;
    uint8_t rest[16];
};

_Static_assert(sizeof(struct bank) == 64 && offsetof(struct bank, undo) == 28, "bank");
_Static_assert(offsetof(struct bank, victim) == 32, "bank, victim");
_Static_assert(offsetof(struct bank, repairs) == 36, "bank, repairs");
_Static_assert(offsetof(struct bank, killed_at) == 40, "bank, killed_at");
_Static_assert(offsetof(struct bank, longest_wait) == 48, "bank, longest_wait");
_Static_assert(sizeof(struct branch) == 64, "branch");
_Static_assert(sizeof(struct teller) == 64, "teller");
_Static_assert(sizeof(struct account) == 8, "account");
_Static_assert(sizeof(struct history_row) == 32, "history row");
_Static_assert(offsetof(struct history_row, delta) == 16, "history row, delta");
_Static_assert(offsetof(struct history_row, time) == 24, "history row, time");
_Static_assert(offsetof(struct history, rows) == 64, "history, rows");
_Static_assert(sizeof(struct progress) == 64, "progress");
_Static_assert(offsetof(struct progress, halted) == 4, "progress, halted");
_Static_assert(offsetof(struct progress, transactions) == 8, "progress, transactions");
_Static_assert(offsetof(struct progress, moved) == 16, "progress, moved");
_Static_assert(sizeof(struct intent) == 128, "intent");
_Static_assert(offsetof(struct intent, account) == 4, "intent, account");
_Static_assert(offsetof(struct intent, teller) == 8, "intent, teller");
_Static_assert(offsetof(struct intent, account_balance) == 16, "intent, account_balance");
_Static_assert(offsetof(struct intent, teller_balance) == 24, "intent, teller_balance");
_Static_assert(offsetof(struct intent, branch_balance) == 32, "intent, branch_balance");
_Static_assert(offsetof(struct intent, appended) == 40, "intent, appended");
_Static_assert(offsetof(struct intent, evicted) == 48, "intent, evicted");
_Static_assert(offsetof(struct intent, transactions) == 56, "intent, transactions");
_Static_assert(offsetof(struct intent, moved) == 64, "intent, moved");
_Static_assert(sizeof(struct audits) == 64, "audits");
_Static_assert(offsetof(struct audits, accounts) == 8, "audits, accounts");
_Static_assert(offsetof(struct audits, appended) == 40, "audits, appended");

#endif
