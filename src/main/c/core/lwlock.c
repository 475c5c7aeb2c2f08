/*
 * lwlock.c - acquire and release, as far as they meet nobody; lwlock_slow.c has the rest.
 *
 * What they cost is two locked instructions, if nothing is added to that.  Such an instruction
 * waits until every store before it has reached the cache, so a register saved on the stack costs
 * more than it looks: the fast path saves none and calls nothing, except as its last step.  And
 * what is loaded after it waits for it: so what is checked is checked before, in one line of the
 * handle where possible.
 *
 * The same steps as in org.lwshm.LWLock.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_enter.h"
#include "core/lwlock_slow.h"

/* A call would cost the stores that it saves registers with. */
#define inlined static inline __attribute__((always_inline))
#define likely(condition) __builtin_expect((condition), 1)

static inline uint64_t *index_of(const lwshm_backend *b, uint64_t lock)
{
    return &b->records[record_index(lock, b->index_mask)];
}

/* True if the record's index is free and the lock has no record at another: it is not held. */
static inline bool is_free(const lwshm_backend *b, const uint64_t *record)
{
    return likely((__atomic_load_n(record, __ATOMIC_RELAXED) |
                   records_spilled(b->slot, __ATOMIC_RELAXED)) == 0);
}

/* Becomes the owner of a lock that has none, also if others are parked there, whose flags stay. */
static inline bool own_at_once(const lwshm_backend *b, struct lwlock *lock)
{
    const uint64_t flags = LOCK_XWAIT | LOCK_SWAIT | LOCK_WAKING;
    uint64_t word = 0;
    if (likely(__atomic_compare_exchange_n(&lock->word, &word, b->owner, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST)))
        return true;
    return (word & ~flags) == 0 &&
           __atomic_compare_exchange_n(&lock->word, &word, word | b->owner, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* True if the lock is acquired.  If not, the slow path goes on from what the record says. */
inlined bool acquire_at_once(lwshm_backend *b, uint64_t offset, enum lwshm_lwlock_mode mode)
{
    if (!likely(b != NULL) || !likely(is_plain(b->segment)) ||
        !likely(is_lock_among(offset, b->lwlocks, b->max_lwlocks)))
        return false;
    uint64_t *record = index_of(b, offset);
    if (!is_free(b, record))
        return false;
    struct lwlock *lock = (struct lwlock *)(b->base + offset);
    struct tranche_counters *counters = counters_of(b, lock);
    if (mode == LWSHM_LW_SHARED) {
        uint64_t acquired = __atomic_load_n(&counters->shared, __ATOMIC_RELAXED) + 1;
        /* A full fence: we see the owner, or the owner, who writes W and then reads the
           records, sees us. */
        set_record_fenced(b, offset, record, RECORD_S);
        if (!enter_shared(b, lock)) {
            set_record_fenced(b, offset, record, RECORD_N);
            return false;
        }
        __atomic_store_n(&counters->shared, acquired, __ATOMIC_RELAXED);
        return true;
    }
    if (mode != LWSHM_LW_EXCLUSIVE)
        return false;
    uint64_t acquired = __atomic_load_n(&counters->exclusive, __ATOMIC_RELAXED) + 1;
    set_record(b, offset, record, RECORD_N);
    if (!own_at_once(b, lock) || !is_drained(b, lock))
        return false;
    set_record(b, offset, record, RECORD_XIN);
    __atomic_store_n(&counters->exclusive, acquired, __ATOMIC_RELAXED);
    return true;
}

int lwshm_lwlock_acquire(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    if (likely(acquire_at_once(b, lock, mode)))
        return LWSHM_OK;
    return lwlock_acquire_until(b, lock, mode, 0, 0);
}

int lwshm_lwlock_try_acquire(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    if (likely(acquire_at_once(b, lock, mode)))
        return 1;
    return lwshm_lwlock_acquire_slow(b, lock, mode, 0, 0);
}

int lwshm_lwlock_acquire_timed(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                               int64_t timeout_ns)
{
    if (likely(acquire_at_once(b, lock, mode)))
        return 1;
    return lwshm_lwlock_acquire_slow(b, lock, mode, timeout_ns, 0);
}

int lwshm_lwlock_acquire_for_repair(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_acquire_until(b, lock, LWSHM_LW_EXCLUSIVE, 0, LWSHM_LW_REPAIR);
    return r < 0 ? r : lwlock_is_poisoned(b, lock);
}

int lwshm_lwlock_acquire_or_wait(lwshm_backend *b, uint64_t lock)
{
    int r = lwshm_lwlock_try_acquire(b, lock, LWSHM_LW_EXCLUSIVE);
    if (r != 0)
        return r;
    if (lock_owner_slot(load(&lock_at(b->segment, lock)->word)) >= 0) {
        r = lwshm_lwlock_await_release(b, lock, LWSHM_FOREVER, 0);
        if (r != LWSHM_E_OWNER_DIED)
            return r < 0 ? r : 0;
        /* Nothing was done that this caller wanted: it repairs, if its tranche has a callback. */
        r = lwshm_lwlock_acquire(b, lock, LWSHM_LW_EXCLUSIVE);
        return r < 0 ? r : 1;
    }
    /* Readers are in, and their leaving is seen by an owner only. */
    r = lwshm_lwlock_acquire(b, lock, LWSHM_LW_EXCLUSIVE);
    return r < 0 ? r : lwshm_lwlock_release(b, lock);
}

int lwshm_lwlock_release(lwshm_backend *b, uint64_t offset)
{
    /* Once the segment is closed, nothing has a record. */
    if (!likely(b != NULL) || !likely(b->fork_count == os_fork_count) ||
        !likely(is_lock_among(offset, b->lwlocks, b->max_lwlocks)))
        return lwlock_release_any(b, offset);
    uint64_t *record = index_of(b, offset);
    struct lwlock *lock = (struct lwlock *)(b->base + offset);
    uint64_t key = record_of(b, offset, 0);
    uint64_t held = __atomic_load_n(record, __ATOMIC_RELAXED);
    if (held == key + RECORD_XIN) {
        /* One RMW: the owner goes, the flags stay, and what they were is what is owed. */
        uint64_t old = __atomic_fetch_sub(&lock->word, b->owner, __ATOMIC_SEQ_CST);
        if (!lock_needs_no_wake(old - b->owner))
            return lwshm_lwlock_release_slow(b, offset, old);
    } else if (held == key + RECORD_S) {
        __atomic_store_n(record, key + RECORD_N, __ATOMIC_SEQ_CST);
        /* The store above is before this load in the total order: an owner that parks after
           we looked has seen the N. */
        uint64_t word = load(&lock->word);
        if (!likely((word & LOCK_DPARK) == 0))
            return lwshm_lwlock_release_slow(b, offset, word);
    } else {
        return lwlock_release_any(b, offset);
    }
    /* release: what was done under the record is seen by a process that sees it gone */
    __atomic_store_n(record, 0, __ATOMIC_RELEASE);
    return LWSHM_OK;
}
