/*
 * lwlock_uncontended.c - acquire and release of a lock that nobody else wants; lwlock.c
 * has the rest.
 *
 * What they cost is two locked instructions, if nothing is added to that.  Such an
 * instruction waits until every store before it has reached the cache, so a register
 * saved on the stack costs more than it looks: these functions save none and call
 * nothing, except as their last step.  And what is loaded after it waits for it: so what
 * they check, they check before, in one line of the handle where they can.
 *
 * The same steps as in org.lwshm.LWLock.  They end in the calls that are there for
 * bindings: lwshm_lwlock_acquire_contended(), lwshm_lwlock_release_contended().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_wait.h"

#define likely(condition) __builtin_expect((condition), 1)

/* Nothing is out of the ordinary that does not show in a record or in the lock. */
static inline bool is_ordinary(const lwshm_backend *b)
{
    return likely(b != NULL) && likely(is_plain(b->segment));
}

static inline uint64_t *place_of(const lwshm_backend *b, uint64_t lock)
{
    return &b->records[record_place(lock, b->place_mask)];
}

/* True if the record's place is free and the lock has no record at another: it is not held. */
static inline bool is_free(const lwshm_backend *b, const uint64_t *record)
{
    return likely((__atomic_load_n(record, __ATOMIC_RELAXED) |
                   __atomic_load_n(&b->slot->spilled, __ATOMIC_RELAXED)) == 0);
}

/* A word that is not 0 does not always keep readers out, but it does not occur uncontended. */
static inline bool is_untouched(const struct lwlock *lock)
{
    return likely(load(&lock->word) == 0);
}

int lwshm_lwlock_acquire(lwshm_backend *b, uint64_t offset, enum lwshm_lwlock_mode mode)
{
    if (!is_ordinary(b) || !likely(is_lock_among(offset, b->lwlocks, b->max_lwlocks)))
        return lwlock_acquire_any(b, offset, mode);
    uint64_t *record = place_of(b, offset);
    if (!is_free(b, record))
        return lwlock_acquire_any(b, offset, mode);
    struct lwlock *lock = (struct lwlock *)(b->base + offset);
    struct tranche_counters *counters = counters_of(b, lock);
    if (mode == LWSHM_LW_SHARED) {
        uint64_t acquired = __atomic_load_n(&counters->shared, __ATOMIC_RELAXED) + 1;
        /* A full fence: we see the owner, or the owner, who writes W and then reads the
           records, sees us. */
        set_record_fenced(b, offset, record, RECORD_S);
        if (!is_untouched(lock))
            return lwshm_lwlock_acquire_contended(b, offset, mode);
        if (!likely((load(&lock->readers) & b->reader_bit) != 0))
            __atomic_or_fetch(&lock->readers, b->reader_bit, __ATOMIC_SEQ_CST);
        /* Always read again: an owner that came since then may have read RB without our bit. */
        if (!is_untouched(lock))
            return lwshm_lwlock_acquire_contended(b, offset, mode);
        __atomic_store_n(&counters->shared, acquired, __ATOMIC_RELAXED);
        return LWSHM_OK;
    }
    if (mode == LWSHM_LW_EXCLUSIVE) {
        uint64_t word = 0;
        uint64_t acquired = __atomic_load_n(&counters->exclusive, __ATOMIC_RELAXED) + 1;
        set_record(b, offset, record, RECORD_N);
        if (!likely(__atomic_compare_exchange_n(&lock->word, &word, b->owner, false,
                                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
                    load(&lock->readers) == 0))
            return lwshm_lwlock_acquire_contended(b, offset, mode);
        set_record(b, offset, record, RECORD_XIN);
        __atomic_store_n(&counters->exclusive, acquired, __ATOMIC_RELAXED);
        return LWSHM_OK;
    }
    return lwlock_acquire_any(b, offset, mode);
}

int lwshm_lwlock_release(lwshm_backend *b, uint64_t offset)
{
    /* What has a record is a lock, if it is not the middle of one; and once the segment is
       closed, nothing has a record. */
    if (!likely(b != NULL) || !likely(b->fork_count == os_fork_count) ||
        !likely(offset % sizeof(struct lwlock) == 0))
        return lwlock_release_any(b, offset);
    uint64_t *record = place_of(b, offset);
    struct lwlock *lock = (struct lwlock *)(b->base + offset);
    uint64_t key = record_of(b, offset, 0);
    uint64_t held = __atomic_load_n(record, __ATOMIC_RELAXED);
    if (held == key + RECORD_XIN) {
        /* One RMW: the owner goes, the flags stay, and what they were is what is owed. */
        uint64_t old = __atomic_fetch_sub(&lock->word, b->owner, __ATOMIC_SEQ_CST);
        if (!likely(old == b->owner))
            return lwshm_lwlock_release_contended(b, offset, old);
    } else if (held == key + RECORD_S) {
        __atomic_store_n(record, key + RECORD_N, __ATOMIC_SEQ_CST);
        /* The store above is before this load in the total order: an owner that parks after
           we looked has seen the N. */
        uint64_t word = load(&lock->word);
        if (!likely((word & LOCK_DPARK) == 0))
            return lwshm_lwlock_release_contended(b, offset, word);
    } else {
        return lwlock_release_any(b, offset);
    }
    /* release: what was done under the record is seen by whoever sees it gone */
    __atomic_store_n(record, 0, __ATOMIC_RELEASE);
    return LWSHM_OK;
}
