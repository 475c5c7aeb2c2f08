/*
 * ledger.h - what the workers of the random kills do, and write down in shared memory.
 * ChaosWorker.java does the same with the same layout.
 *
 *     byte 0               control: stop, then what went wrong
 *     byte 64              guarded data, one line a lock: a, b, who is inside
 *     byte 64 + 64 locks   seats, two lines each: rounds, then per lock begun and done
 *
 * Inside, exclusively: begun + 1, a + 1, (a while), b + 1, done + 1.  So with what a killed
 * one left and the repair b = a:   sum of done <= a <= sum of begun, and a = b outside.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <assert.h>
#include <stdint.h>

#define LEDGER_LOCKS 3  /* that all fight for; then each seat has one of its own */
#define LEDGER_SEATS 12 /* locking threads */

struct guarded {
    volatile uint64_t a, b;
    volatile uint64_t inside; /* the last exclusive holder's seat + 1 */
    uint64_t reserved[5];
};

struct seat {
    volatile uint64_t rounds;
    volatile uint64_t begun[LEDGER_LOCKS];
    volatile uint64_t done[LEDGER_LOCKS];
    uint64_t reserved[9];
};

struct ledger {
    volatile uint64_t stop;
    uint64_t lost;             /* atomic: half-changed data, or two inside */
    uint64_t false_recoveries; /* atomic: a hold that was gone */
    uint64_t repairs;          /* atomic */
    uint64_t reserved[4];
    struct guarded guarded[LEDGER_LOCKS];
    struct seat seats[LEDGER_SEATS];
};
static_assert(sizeof(struct guarded) == 64, "one line a lock");
static_assert(sizeof(struct seat) == 128, "two lines a seat");

#endif
