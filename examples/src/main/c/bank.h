/*
 * bank.h - the bank of the pgbench example, as it lies in shared memory.
 *
 * BankLayout.java is the same in Java; change both, and BANK_LAYOUT with them.
 *
 * Five named areas.  What is changed often by different processes has a cache line
 * (64 bytes) of its own, so that processes do not slow one another down by accident:
 *
 *     area        a row is                                  rows
 *     bank        64 bytes: what the rest is made of,       1
 *                 and the phase that all clients follow
 *     branches    64 bytes: balance                         scale
 *     tellers     64 bytes: balance                         10 a branch
 *     accounts     8 bytes: balance                         10,000 a branch
 *     history     64 bytes of head, then a ring of          4,096
 *                 32-byte rows
 *     progress    64 bytes: what a client has done          1 a client
 *
 * Teller t belongs to branch t / 10.
 *
 *     history   |appended |evicted  |  rest of line |row 0|row 1|row 2|...
 *                 |          '- sum of the deltas that fell out of the ring
 *                 '- rows written ever; the next goes to appended % rows
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
 * The phase and the progress rows have no lock: each word has one writer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BANK_H
#define BANK_H

#include <stddef.h>
#include <stdint.h>

/* The version of all this. */
#define BANK_LAYOUT 1u

#define TELLERS_PER_BRANCH 10u

/* A transaction moves between -MAX_DELTA and MAX_DELTA. */
#define MAX_DELTA 5000

/* What the clients are to do.  Written by the parent. */
enum bank_phase {
    PHASE_GATHER = 0, /* wait: others are still starting */
    PHASE_RUN = 1,
    PHASE_STOP = 2
};

struct bank {
    uint32_t layout; /* BANK_LAYOUT */
    uint32_t branches;
    uint32_t tellers;
    uint32_t accounts;
    uint32_t accounts_per_lock;
    uint32_t history_rows;
    uint32_t clients;
    uint32_t phase; /* enum bank_phase; atomic */
    uint8_t rest[32];
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
enum client_state {
    CLIENT_ABSENT = 0,
    CLIENT_READY = 1, /* attached, waits for PHASE_RUN */
    CLIENT_DONE = 2   /* has written its last transaction */
};

struct progress {
    int32_t pid;
    uint32_t state;        /* enum client_state; atomic */
    uint64_t transactions; /* atomic */
    int64_t moved;         /* the sum of its deltas; atomic */
    uint8_t rest[40];
};

_Static_assert(sizeof(struct bank) == 64 && offsetof(struct bank, phase) == 28, "bank");
_Static_assert(sizeof(struct branch) == 64, "branch");
_Static_assert(sizeof(struct teller) == 64, "teller");
_Static_assert(sizeof(struct account) == 8, "account");
_Static_assert(sizeof(struct history_row) == 32, "history row");
_Static_assert(offsetof(struct history_row, delta) == 16, "history row, delta");
_Static_assert(offsetof(struct history_row, time) == 24, "history row, time");
_Static_assert(offsetof(struct history, rows) == 64, "history, rows");
_Static_assert(sizeof(struct progress) == 64, "progress");
_Static_assert(offsetof(struct progress, state) == 4, "progress, state");
_Static_assert(offsetof(struct progress, transactions) == 8, "progress, transactions");
_Static_assert(offsetof(struct progress, moved) == 16, "progress, moved");

#endif
