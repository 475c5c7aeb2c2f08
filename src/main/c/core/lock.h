/*
 * lock.h - what the lock does on behalf of others: waking them, ending a hold that its
 * backend cannot end itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LOCK_H
#define LWSHM_CORE_LOCK_H

#include "core/handle.h"
#include "core/record.h"

static inline struct lwlock *lock_at(const lwshm_segment *s, uint64_t lock)
{
    return at(s, lock);
}

/* The wake-ups that a release of exclusive owes; `old` is the word before it. */
void lock_wake(struct lwlock *lock, uint64_t old);

/* Wakes the owner that is parked in its drain. */
void lock_wake_drain(struct lwlock *lock);

/* Ends what `record` of slot `i` at `generation` says, as its backend would have: the
   owner off, everybody woken, the record zero.  Every step may be repeated. */
void lock_end_record(lwshm_segment *segment, uint32_t i, uint64_t generation, uint64_t *record);

#endif
