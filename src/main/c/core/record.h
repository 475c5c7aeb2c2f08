/*
 * record.h - a backend's records: its note, in shared memory, of the locks it holds
 * or wants.  The record is the hold; see docs/lock-protocol.md.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_RECORD_H
#define LWSHM_CORE_RECORD_H

#include "core/handle.h"

/* The lock bits of a record for the lock at that offset. */
static inline uint64_t record_key(uint64_t lock)
{
    return lock / CACHE_LINE << RECORD_LOCK_SHIFT;
}

/* The offset of the lock that a record is about. */
static inline uint64_t record_lock(uint64_t record)
{
    return ((record & RECORD_LOCK_MASK) >> RECORD_LOCK_SHIFT) * CACHE_LINE;
}

static inline enum record_kind record_kind(uint64_t record)
{
    return (enum record_kind)(record & RECORD_KIND_MASK);
}

static inline uint64_t record_generation(uint64_t record)
{
    return record >> RECORD_GENERATION_SHIFT;
}

/* Where a lock's record stands in a slot if that place is free. */
static inline uint32_t record_place(uint64_t lock, uint32_t place_mask)
{
    return (uint32_t)(lock / CACHE_LINE) & place_mask;
}

/* Disowned ones are nobody's to find here. */
static inline bool record_is_of(uint64_t record, uint64_t lock)
{
    return record != 0 && (record & (RECORD_LOCK_MASK | RECORD_DISOWNED)) == record_key(lock);
}

/* The backend's record of the lock if it has one that is not at its place. */
uint64_t *record_find_spilled(const lwshm_backend *backend, uint64_t lock);

/* The backend's record of the lock, NULL if it has none.  Its own thread only. */
static inline uint64_t *record_find(const lwshm_backend *b, uint64_t lock)
{
    uint64_t *record = &b->slot->record[record_place(lock, b->place_mask)];
    if (record_is_of(__atomic_load_n(record, __ATOMIC_RELAXED), lock))
        return record;
    return __atomic_load_n(&b->slot->spilled, __ATOMIC_RELAXED) == 0 ? NULL
                                                                     : record_find_spilled(b, lock);
}

/* Says that all are taken. */
int fail_no_record(const lwshm_backend *backend);

/* A free record for the lock; NULL if all are taken.  Its own thread only. */
uint64_t *record_take(lwshm_backend *backend, uint64_t lock);

/* Zeroes a record, which is the last thing an operation on a lock does. */
static inline void record_clear(lwshm_backend *b, uint64_t lock, uint64_t *record)
{
    bool spilled = record != &b->slot->record[record_place(lock, b->place_mask)];
    /* release: what was done under the record is seen by whoever sees it gone */
    __atomic_store_n(record, 0, __ATOMIC_RELEASE);
    if (spilled)
        __atomic_sub_fetch(&b->slot->spilled, 1, __ATOMIC_RELEASE);
}

/* The disowned record of the lock in slot `i`, NULL if it has none.  Any thread. */
uint64_t *record_find_disowned(const lwshm_segment *segment, uint32_t i, uint64_t lock);

/* True if slot `i` has a record of kind S of the lock. Any thread. */
bool record_says_shared(const lwshm_segment *segment, uint32_t i, uint64_t lock);

#endif
