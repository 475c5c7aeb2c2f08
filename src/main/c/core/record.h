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

/* The index at which a lock's record stands in a slot, unless it spilled. */
static inline uint32_t record_index(uint64_t lock, uint32_t index_mask)
{
    return (uint32_t)(lock / CACHE_LINE) & index_mask;
}

static inline bool record_is_of(uint64_t record, uint64_t lock)
{
    return record != 0 && (record & RECORD_LOCK_MASK) == record_key(lock);
}

/* How many records of a slot spilled: they do not stand at their preferred index. */
static inline uint32_t records_spilled(const struct backend_slot *slot, int order)
{
    return (uint32_t)(__atomic_load_n(&slot->spilled, order) & SPILLED_COUNT_MASK);
}

/* The backend's record of the lock if it has one that spilled. */
uint64_t *record_find_spilled(const lwshm_backend *backend, uint64_t lock);

/* The backend's record of the lock, NULL if it has none.  Its own thread only. */
static inline uint64_t *record_find(const lwshm_backend *b, uint64_t lock)
{
    uint64_t *record = &b->slot->record[record_index(lock, b->index_mask)];
    if (record_is_of(__atomic_load_n(record, __ATOMIC_RELAXED), lock))
        return record;
    return records_spilled(b->slot, __ATOMIC_RELAXED) == 0 ? NULL : record_find_spilled(b, lock);
}

/* Says that all are taken. */
int fail_no_record(const lwshm_backend *backend);

/* A free record for the lock; NULL if all are taken.  Its own thread only. */
uint64_t *record_take(lwshm_backend *backend, uint64_t lock);

/* Counts one spilled record less, after it was zeroed.  Its own thread only. */
void record_unspill(lwshm_backend *backend);

/* Zeroes a record, which is the last thing an operation on a lock does. */
static inline void record_clear(lwshm_backend *b, uint64_t lock, uint64_t *record)
{
    bool spilled = record != &b->slot->record[record_index(lock, b->index_mask)];
    /* release: what was done under the record is seen by a process that sees it gone */
    __atomic_store_n(record, 0, __ATOMIC_RELEASE);
    if (__builtin_expect(spilled, 0))
        record_unspill(b);
}

/* True if slot `i` has a record of kind S of the lock. Any thread. */
bool record_says_shared(const lwshm_segment *segment, uint32_t i, uint64_t lock);

#endif
