/*
 * lwlock_slow.c - acquire and release from wherever they stand.
 *
 * The fast path, here or in another language, ends here when it is not alone with the lock; so do
 * timed, stepped and repairing acquires.  What has happened so far is in the record.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_slow.h"

#include "core/lock_order.h"
#include "core/lwlock_wait.h"
#include "os/clock.h"

int64_t lwlock_deadline_in(int64_t timeout_ns)
{
    if (timeout_ns == LWSHM_FOREVER)
        return 0;
    if (timeout_ns <= 0)
        return LWLOCK_AT_ONCE;
    int64_t now = os_monotonic_ns();
    return timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

/* ---- acquire ---- */

/* A record for an acquire that begins here: N, and in the slot. */
static int begin(lwshm_backend *b, uint64_t lock, bool may_wait, uint64_t **record)
{
    if (__atomic_load_n(&b->segment->ending, __ATOMIC_ACQUIRE))
        return fail_closed(b->segment);
    if ((*record = record_take(b, lock)) == NULL)
        return fail_no_record(b);
    /* An acquire that does not wait closes no circle of waits. */
    if (b->segment->checks_lock_order && may_wait) {
        int r = lock_order_check(b, lock);
        if (r < 0) {
            record_clear(b, lock, *record);
            return r;
        }
    }
    set_record(b, lock, *record, RECORD_N);
    return LWSHM_OK;
}

/* An acquire that has begun: by the fast path, or in an earlier step. */
static int go_on(const lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                 const uint64_t *record)
{
    if (record_kind(*record) != RECORD_N)
        return fail(LWSHM_E_ALREADY_HELD,
                    "backend %u holds the lock at offset %llu already, and LWLocks are not "
                    "reentrant; release it first",
                    b->number, (unsigned long long)lock);
    if (mode == LWSHM_LW_SHARED &&
        (load(&lock_at(b->segment, lock)->word) & LOCK_OWNER_MASK) == b->owner)
        return fail(LWSHM_E_INVALID,
                    "backend %u waits for the lock at offset %llu exclusively; go on so, or end "
                    "that wait with lwshm_lwlock_cancel()",
                    b->number, (unsigned long long)lock);
    return LWSHM_OK;
}

/* LWSHM_OK, LWLOCK_TIMED_OUT, or an error; LWSHM_E_OWNER_DIED if the lock has to be repaired. */
static int acquire(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                   int64_t deadline_ns, unsigned flags)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    if (mode != LWSHM_LW_SHARED && mode != LWSHM_LW_EXCLUSIVE)
        return fail(LWSHM_E_INVALID, "lock mode %d is neither LWSHM_LW_EXCLUSIVE nor _SHARED",
                    mode);
    uint64_t *record = record_find(b, lock);
    /* A step waits, however short it is. */
    bool may_wait = deadline_ns != LWLOCK_AT_ONCE || (flags & LWSHM_LW_STEP) != 0;
    r = record == NULL ? begin(b, lock, may_wait, &record) : go_on(b, lock, mode, record);
    if (r < 0)
        return r;
    struct attempt a = attempt_of(b, lock, record, deadline_ns, flags);
    return mode == LWSHM_LW_SHARED ? lwlock_wait_shared(&a) : lwlock_wait_exclusive(&a);
}

bool lwlock_is_poisoned(const lwshm_backend *b, uint64_t lock)
{
    return (load(&lock_at(b->segment, lock)->word) & LOCK_POISON) != 0;
}

/* Has the poisoned lock's tranche repair what it guards.  LWSHM_OK if it was, by whomever;
   LWLOCK_TIMED_OUT if another was at it all the time. */
static int repair(lwshm_backend *b, uint64_t lock, int64_t deadline_ns)
{
    const struct repairer *all = __atomic_load_n(&b->segment->repairers, __ATOMIC_ACQUIRE);
    uint16_t tranche = lock_at(b->segment, lock)->tranche;
    lwshm_repair *callback = all == NULL || tranche >= b->segment->max_tranches
                                 ? NULL
                                 : __atomic_load_n(&all[tranche].repair, __ATOMIC_SEQ_CST);
    if (callback == NULL)
        return LWSHM_E_OWNER_DIED; /* as the acquire has said */
    int r = acquire(b, lock, LWSHM_LW_EXCLUSIVE, deadline_ns, LWSHM_LW_REPAIR);
    if (r != LWSHM_OK)
        return r;
    int failed = 0;
    if (lwlock_is_poisoned(b, lock)) {
        failed = callback(b, lock, __atomic_load_n(&all[tranche].argument, __ATOMIC_SEQ_CST));
        if (failed == 0)
            lwshm_lwlock_mark_consistent(b, lock);
    }
    r = lwlock_release_any(b, lock);
    if (failed != 0)
        return fail(LWSHM_E_OWNER_DIED,
                    "the holder of the lock at offset %llu died inside, and the repair callback of "
                    "its tranche returned %d; the lock stays poisoned",
                    (unsigned long long)lock, failed);
    return r;
}

int lwlock_acquire_until(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                         int64_t deadline_ns, unsigned flags)
{
    for (;;) {
        int r = acquire(b, lock, mode, deadline_ns, flags);
        if (r != LWSHM_E_OWNER_DIED || (r = repair(b, lock, deadline_ns)) != LWSHM_OK)
            return r;
    }
}

int lwshm_lwlock_acquire_slow(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                              int64_t timeout_ns, unsigned flags)
{
    if ((flags & ~(LWSHM_LW_STEP | LWSHM_LW_REPAIR)) != 0)
        return fail(LWSHM_E_INVALID,
                    "flags 0x%x of an acquire: only LWSHM_LW_STEP and _REPAIR are "
                    "known",
                    flags);
    if (mode == LWSHM_LW_SHARED && (flags & LWSHM_LW_REPAIR) != 0)
        return fail(LWSHM_E_INVALID, "LWSHM_LW_REPAIR was asked for with a shared acquire; a "
                                     "poisoned lock is repaired under LWSHM_LW_EXCLUSIVE");
    int r = lwlock_acquire_until(b, lock, mode, lwlock_deadline_in(timeout_ns), flags);
    return r < 0 ? r : r == LWSHM_OK;
}

int lwshm_lwlock_await_release(lwshm_backend *b, uint64_t lock, int64_t timeout_ns, unsigned flags)
{
    if ((flags & ~LWSHM_LW_STEP) != 0)
        return fail(LWSHM_E_INVALID,
                    "flags 0x%x of a wait for a release: only LWSHM_LW_STEP is known", flags);
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    if (record_find(b, lock) != NULL)
        return fail(LWSHM_E_ALREADY_HELD,
                    "backend %u holds or wants the lock at offset %llu itself, and might wait for "
                    "ever",
                    b->number, (unsigned long long)lock);
    struct attempt a = attempt_of(b, lock, NULL, lwlock_deadline_in(timeout_ns), flags);
    r = lwlock_wait_released(&a);
    return r < 0 ? r : r == LWSHM_OK;
}

void lwlock_end_cut_off(lwshm_backend *b, uint64_t *record)
{
    uint64_t lock = record_lock(*record);
    lock_end_record(b->segment, b->number, b->generation >> RECORD_GENERATION_SHIFT, record, false);
    if (record != &b->slot->record[record_index(lock, b->index_mask)])
        record_unspill(b);
}

int lwshm_lwlock_cancel(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, lock);
    if (record != NULL && record_kind(*record) != RECORD_N)
        return LWSHM_OK; /* it is held, and waited for by nobody */
    if (record != NULL && b->waited.lock != lock) {
        lwlock_end_cut_off(b, record);
        return LWSHM_OK;
    }
    struct attempt a = attempt_of(b, lock, record, LWLOCK_AT_ONCE, 0);
    lwlock_wait_cancel(&a);
    return LWSHM_OK;
}

int lwshm_lwlock_mark_consistent(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    const uint64_t *record = record_find(b, lock);
    if (record == NULL || record_kind(*record) != RECORD_XIN)
        return fail(LWSHM_E_NOT_HELD,
                    "backend %u does not hold the lock at offset %llu exclusively; acquire it for "
                    "repair first",
                    b->number, (unsigned long long)lock);
    __atomic_and_fetch(&lock_at(b->segment, lock)->word, ~LOCK_POISON, __ATOMIC_SEQ_CST);
    return LWSHM_OK;
}

/* ---- release ---- */

/* The record is XIN.  If W does not name this backend, an earlier release was cut off behind its
   RMW, in a binding whose thread may throw there: all that is left to do is to wake others. */
static void release_exclusive(const lwshm_backend *b, struct lwlock *lock)
{
    uint64_t word = load(&lock->word);
    if ((word & LOCK_OWNER_MASK) == b->owner)
        word = __atomic_fetch_sub(&lock->word, b->owner, __ATOMIC_SEQ_CST);
    lock_wake(lock, word);
}

int lwlock_release_any(lwshm_backend *b, uint64_t offset)
{
    int r = lwlock_check(b, offset);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, offset);
    enum record_kind kind = record == NULL ? RECORD_N : record_kind(*record);
    struct lwlock *lock = lock_at(b->segment, offset);
    if (kind == RECORD_XIN)
        release_exclusive(b, lock);
    else if (kind == RECORD_S)
        retract_shared(b, offset, lock, record);
    else
        return fail_not_held(b, offset);
    record_clear(b, offset, record);
    return LWSHM_OK;
}

int lwshm_lwlock_release_slow(lwshm_backend *b, uint64_t offset, uint64_t word)
{
    int r = lwlock_check(b, offset);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, offset);
    if (record == NULL || record_kind(*record) == RECORD_S)
        return fail_not_held(b, offset);
    /* No backend that held the lock shared was its owner, too. */
    if (record_kind(*record) == RECORD_XIN || (word & LOCK_OWNER_MASK) == b->owner)
        lock_wake(lock_at(b->segment, offset), word);
    else if ((word & LOCK_DPARK) != 0)
        lock_wake_drain(lock_at(b->segment, offset));
    record_clear(b, offset, record);
    return LWSHM_OK;
}
