/*
 * lwlock_variable.c - waiting for a holder without becoming one, and handing a hold over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_wait.h"

static struct attempt attempt_of(lwshm_backend *b, uint64_t lock)
{
    return (struct attempt){
        .backend = b, .segment = b->segment, .lock = lock_at(b->segment, lock), .offset = lock};
}

int lwshm_lwlock_acquire_or_wait(lwshm_backend *b, uint64_t lock)
{
    int r = lwshm_lwlock_try_acquire(b, lock, LWSHM_LW_EXCLUSIVE);
    if (r != 0)
        return r;
    struct attempt a = attempt_of(b, lock);
    if ((load(&a.lock->word) & LOCK_OWNER_SLOT_MASK) != 0)
        return lwlock_wait_released(&a, NULL);
    /* Readers are in, and their leaving is seen by an owner only. */
    r = lwshm_lwlock_acquire(b, lock, LWSHM_LW_EXCLUSIVE);
    return r < 0 ? r : lwshm_lwlock_release(b, lock);
}

int lwshm_lwlock_wait_for_var(lwshm_backend *b, uint64_t lock, uint64_t old, uint64_t *value)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    struct attempt a = attempt_of(b, lock);
    r = lwlock_wait_released(&a, &old);
    if (r < 0)
        return r;
    /* In this order: a holder that goes on after we have seen its new value is no news. */
    *value = load(&a.lock->variable);
    return *value == old;
}

static uint64_t *held_exclusively(const lwshm_backend *b, uint64_t lock)
{
    uint64_t *record = record_find(b, lock);
    return record != NULL && record_kind(*record) == RECORD_XIN ? record : NULL;
}

int lwshm_lwlock_update_var(lwshm_backend *b, uint64_t offset, uint64_t value)
{
    int r = lwlock_check(b, offset);
    if (r < 0)
        return r;
    if (held_exclusively(b, offset) == NULL)
        return fail_not_held(b, offset);
    struct lwlock *lock = lock_at(b->segment, offset);
    __atomic_store_n(&lock->variable, value, __ATOMIC_SEQ_CST);
    lock_wake(lock, load(&lock->word) & LOCK_SWAIT);
    return LWSHM_OK;
}

int lwshm_lwlock_release_clear_var(lwshm_backend *b, uint64_t lock, uint64_t value)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    if (held_exclusively(b, lock) == NULL)
        return fail_not_held(b, lock);
    __atomic_store_n(&lock_at(b->segment, lock)->variable, value, __ATOMIC_SEQ_CST);
    return lwshm_lwlock_release(b, lock);
}

int lwshm_lwlock_disown(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, lock);
    if (record == NULL || record_kind(*record) == RECORD_N)
        return fail_not_held(b, lock);
    __atomic_or_fetch(record, RECORD_DISOWNED, __ATOMIC_SEQ_CST);
    return LWSHM_OK;
}

/*
 * Ends a disowned hold that slot `i` has a record of; false if another backend was faster.
 * Who is killed in here may leave a wake-up owed that no record covers; the sleepers then find
 * out by themselves when their sleep runs out.
 */
static bool end_disowned(lwshm_segment *s, uint32_t i, uint64_t offset, uint64_t *record)
{
    struct lwlock *lock = lock_at(s, offset);
    uint64_t seen = load(record);
    if ((seen & (RECORD_LOCK_MASK | RECORD_DISOWNED)) != (record_key(offset) | RECORD_DISOWNED) ||
        record_kind(seen) == RECORD_N)
        return false;
    /* The claim: from here on this hold is ours to end. */
    uint64_t n = (seen & ~RECORD_KIND_MASK) | RECORD_N;
    if (!__atomic_compare_exchange_n(record, &seen, n, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return false;
    if (record_kind(seen) == RECORD_XIN) {
        uint64_t owner = (i + 1ull) | record_generation(seen) << LOCK_OWNER_GENERATION_SHIFT;
        uint64_t old = __atomic_fetch_sub(&lock->word, owner, __ATOMIC_SEQ_CST);
        lock_wake(lock, old);
    } else if ((load(&lock->word) & LOCK_DPARK) != 0) {
        lock_wake_drain(lock);
    }
    bool spilled = record != &slot_at(s, i)->record[record_place(offset, s->max_held_locks - 1)];
    __atomic_store_n(record, 0, __ATOMIC_SEQ_CST);
    if (spilled)
        __atomic_sub_fetch(&slot_at(s, i)->spilled, 1, __ATOMIC_SEQ_CST);
    return true;
}

int lwshm_lwlock_release_disowned(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < b->segment->max_backends; i++) {
        uint64_t *record = record_find_disowned(b->segment, i, lock);
        if (record != NULL && end_disowned(b->segment, i, lock, record))
            return LWSHM_OK;
    }
    return fail(LWSHM_E_NOT_HELD, "no backend has disowned the lock at offset %llu",
                (unsigned long long)lock);
}
