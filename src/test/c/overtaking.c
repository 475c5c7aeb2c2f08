/*
 * overtaking.c - see overtaking.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "overtaking.h"

#include "os/futex.h"

bool overtake(struct lwlock *lock, enum lwshm_lwlock_mode mode)
{
    uint32_t *futex = mode == LWSHM_LW_EXCLUSIVE ? &lock->xfut : &lock->sfut;
    if (mode == LWSHM_LW_EXCLUSIVE) {
        __atomic_or_fetch(&lock->word, LOCK_WAKING, __ATOMIC_SEQ_CST);
        if (os_futex_wake(futex, 1) == 1)
            return true;
    }
    uint64_t off = mode == LWSHM_LW_EXCLUSIVE ? LOCK_XWAIT | LOCK_WAKING : LOCK_SWAIT;
    __atomic_and_fetch(&lock->word, ~off, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(futex, 1, __ATOMIC_SEQ_CST);
    return os_futex_wake(futex, OS_FUTEX_WAKE_ALL) > 0 && mode == LWSHM_LW_SHARED;
}

static bool is_starving(const lwshm_segment *segment, uint64_t lock, const struct actor *waiter)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    return info.starving == (int32_t)waiter->slot;
}

void starve(const lwshm_segment *segment, uint64_t lock, const struct actor *waiter,
            enum lwshm_lwlock_mode mode)
{
    struct lwlock *words = lwshm_shmem_pointer(segment, lock, sizeof *words);
    AWAIT(is_starving(segment, lock, waiter) || (overtake(words, mode), false));
}
