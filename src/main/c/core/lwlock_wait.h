/*
 * lwlock_wait.h - the part of an acquire that may sleep.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LWLOCK_WAIT_H
#define LWSHM_CORE_LWLOCK_WAIT_H

#include "core/lwlock_enter.h"
#include "core/patience.h"

/* What a wait returns that ended without the lock, and without anything being wrong. */
#define LWLOCK_TIMED_OUT 1

/* A deadline that has passed: looks once, and does not sleep. */
#define LWLOCK_AT_ONCE 1

/* One call's view of what it works on. */
struct attempt {
    lwshm_backend *backend;
    lwshm_segment *segment;
    struct lwlock *lock;
    uint64_t offset;
    uint64_t *record;    /* NULL: it acquires nothing */
    int64_t deadline_ns; /* os_monotonic_ns() at which to give up; 0: never */
    bool repairs;        /* POISON does not stop it */
    bool steps;          /* at the deadline it stays in line, for a further step */
    bool has_waited;     /* it has spun or parked, so the acquisition counts as slow */
    bool has_looked;     /* it has parked in this step, if only for no time at all */
    bool woken;          /* its sleep on xfut has ended, and it has not looked at W since */
    bool called;         /* a reader's last sleep was ended by a wake-up: a turn, if in vain */
    struct waited waited;
};

struct attempt attempt_of(lwshm_backend *backend, uint64_t lock, uint64_t *record,
                          int64_t deadline_ns, unsigned flags);

/* So often must a waiter be overtaken before it has others queue behind it.  A variable for
   tests that want it at once. */
extern uint32_t lwlock_turns_before_starving;

/*
 * Each of these returns LWSHM_OK, LWLOCK_TIMED_OUT or an error, LWSHM_E_OWNER_DIED if the lock is
 * poisoned and free.  Unless LWSHM_OK, the record is zero and W does not name the backend; but
 * after a step that timed out both stay as they are.
 */

/* The record is N, or S and was found blocked: waits until the lock is held shared. */
int lwlock_wait_shared(struct attempt *attempt);

/* The record is N: waits until this backend owns the lock, if it does not yet, and its readers
   have left; then the record is XIN. */
int lwlock_wait_exclusive(struct attempt *attempt);

/* Waits, acquiring nothing, until W has no owner.  The attempt has no record. */
int lwlock_wait_released(struct attempt *attempt);

/* Ends a wait whose last step timed out, as a time-out does. */
void lwlock_wait_cancel(struct attempt *attempt);

#endif
