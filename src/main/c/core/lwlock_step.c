/*
 * lwlock_step.c - waiting in steps.
 *
 * Between two steps the record says N, so all that holds for a sleeping waiter holds for one
 * that is between two steps: it is seen, and cleaned up after if it dies.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock.h"
#include "core/lwlock_wait.h"

static struct attempt step_of(lwshm_backend *b, uint64_t lock, uint64_t *record,
                              int64_t deadline_ns)
{
    struct attempt a = attempt_of(b, lock, record, deadline_ns);
    a.steps = true;
    resume(&a);
    return a;
}

/* The record of a wait that has begun, NULL if none has. */
static uint64_t *begun(const lwshm_backend *b, uint64_t lock)
{
    uint64_t *record = record_find(b, lock);
    return record != NULL && record_kind(*record) == RECORD_N ? record : NULL;
}

static int go_on(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode, bool repairs,
                 uint64_t *record, int64_t deadline_ns)
{
    struct attempt a = step_of(b, lock, record, deadline_ns);
    a.repairs = repairs;
    a.has_slept = true; /* or whatever the caller did between the steps */
    if (mode == LWSHM_LW_EXCLUSIVE)
        return lwlock_wait_exclusive(&a);
    if (mode == LWSHM_LW_SHARED && (load(&a.lock->word) & LOCK_OWNER_MASK) != b->owner)
        return lwlock_wait_shared(&a);
    return fail(LWSHM_E_INVALID, "the lock at offset %llu is waited for in a mode other than %d",
                (unsigned long long)lock, mode);
}

int lwshm_lwlock_acquire_step(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                              int64_t step_ns)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    int64_t deadline = lwlock_deadline_in(step_ns);
    uint64_t *record = begun(b, lock);
    r = record != NULL ? go_on(b, lock, mode, false, record, deadline)
                       : lwlock_begin_in_steps(b, lock, mode, deadline);
    while (r == LWSHM_E_OWNER_DIED && (r = lwlock_repair(b, lock, deadline)) == LWSHM_OK)
        r = lwlock_begin_in_steps(b, lock, mode, deadline);
    return r < 0 ? r : r == LWSHM_OK;
}

int lwshm_lwlock_acquire_for_repair_step(lwshm_backend *b, uint64_t lock, int64_t step_ns)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    int64_t deadline = lwlock_deadline_in(step_ns);
    uint64_t *record = begun(b, lock);
    r = record != NULL ? go_on(b, lock, LWSHM_LW_EXCLUSIVE, true, record, deadline)
                       : lwlock_acquire_poisoned(b, lock, deadline, true);
    return r < 0 ? r : r == LWSHM_OK;
}

int lwshm_lwlock_cancel(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    struct attempt a = step_of(b, lock, begun(b, lock), 0);
    lwlock_cancel(&a);
    return LWSHM_OK;
}
