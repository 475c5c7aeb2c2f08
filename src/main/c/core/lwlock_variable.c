/*
 * lwlock_variable.c - waiting for a holder without becoming one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock.h"
#include "core/lwlock_wait.h"

int lwshm_lwlock_acquire_or_wait(lwshm_backend *b, uint64_t lock)
{
    int r = lwshm_lwlock_try_acquire(b, lock, LWSHM_LW_EXCLUSIVE);
    if (r != 0)
        return r;
    struct attempt a = attempt_of(b, lock, NULL, 0);
    if ((load(&a.lock->word) & LOCK_OWNER_SLOT_MASK) != 0)
        return lwlock_wait_released(&a, NULL);
    /* Readers are in, and their leaving is seen by an owner only. */
    r = lwshm_lwlock_acquire(b, lock, LWSHM_LW_EXCLUSIVE);
    return r < 0 ? r : lwshm_lwlock_release(b, lock);
}

static uint64_t *held_exclusively(const lwshm_backend *b, uint64_t lock)
{
    uint64_t *record = record_find(b, lock);
    return record != NULL && record_kind(*record) == RECORD_XIN ? record : NULL;
}

static int wait_for_var(struct attempt *a, uint64_t old, uint64_t *value)
{
    if (held_exclusively(a->backend, a->offset) != NULL)
        return fail(LWSHM_E_ALREADY_HELD,
                    "backend %u holds the lock at offset %llu itself, and would wait for ever",
                    a->backend->number, (unsigned long long)a->offset);
    int r = lwlock_wait_released(a, &old);
    if (r < 0)
        return r;
    *value = load(&a->lock->variable);
    return r == LWSHM_OK;
}

int lwshm_lwlock_wait_for_var(lwshm_backend *b, uint64_t lock, uint64_t old, uint64_t *value)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    struct attempt a = attempt_of(b, lock, NULL, 0);
    return wait_for_var(&a, old, value);
}

int lwshm_lwlock_wait_for_var_step(lwshm_backend *b, uint64_t lock, uint64_t old, int64_t step_ns,
                                   uint64_t *value)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    struct attempt a = attempt_of(b, lock, NULL, 0);
    a.deadline_ns = lwlock_deadline_in(step_ns);
    a.steps = true;
    resume(&a);
    return wait_for_var(&a, old, value);
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
