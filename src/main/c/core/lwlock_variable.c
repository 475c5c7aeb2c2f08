/*
 * lwlock_variable.c - waiting for a holder without becoming one.
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
