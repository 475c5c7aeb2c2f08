/*
 * lock.h - what is done to a lock on behalf of others: waking them, and ending what a
 * backend cannot end itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LOCK_H
#define LWSHM_CORE_LOCK_H

#include "core/handle.h"
#include "core/record.h"

/* The slot that a word names as owner or as starving waiter, -1 if it names none. */
static inline int32_t lock_owner_slot(uint64_t word)
{
    return (int32_t)(word & LOCK_OWNER_SLOT_MASK) - 1;
}

static inline int32_t lock_starving_slot(uint64_t word)
{
    return (int32_t)((word & LOCK_STARVING_MASK) >> LOCK_STARVING_SHIFT) - 1;
}

/* What is wrong with a call: no such lock, not held, its holder died inside. */
int fail_no_lock(uint64_t lock);
int fail_not_held(const lwshm_backend *backend, uint64_t lock);
int fail_owner_died(uint64_t lock);

/* True if a release that leaves `word` has nobody to wake: no waiter, or a woken writer that has
   not looked yet, who looks after the rest. */
static inline bool lock_needs_no_wake(uint64_t word)
{
    return __builtin_expect(word == 0, 1) || word == (LOCK_XWAIT | LOCK_WAKING);
}

/* The wake-ups that a release of exclusive owes; `old` is the word before it. */
void lock_wake(struct lwlock *lock, uint64_t old);

/* A woken writer that does not acquire the lock: WAKING off, and if the lock is free, the next one
   is woken in its stead. */
void lock_pass_on(struct lwlock *lock, bool woken);

/* Wakes the owner that is parked in its drain. */
void lock_wake_drain(struct lwlock *lock);

/* The starving waiter in that slot is done: its name off, and every waiter woken, since all queued
   behind it. */
void lock_end_starving(struct lwlock *lock, uint32_t slot);

/* Takes off the name of a starving waiter that has left the free lock alone, and wakes every
   waiter.  Nothing happens unless `word` still stands in W. */
void lock_unname_starving(struct lwlock *lock, uint64_t word);

/*
 * Ends what `record` of slot `i` at `generation` says, as its backend would have: the owner
 * and the starving waiter off, every waiter woken, the record zero.  If the record says XIN and the
 * lock is still owned, its data may be half-changed: POISON.  Every step may be repeated, by
 * any number of helpers at once.  `died`: the tranche counts a hold that was ended as a recovery.
 */
void lock_end_record(lwshm_segment *segment, uint32_t i, uint64_t generation, uint64_t *record,
                     bool died);

#endif
