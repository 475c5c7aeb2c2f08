/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lwlock_enter.h"

int lwshm_lwlock_is_held_by(const lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    const uint64_t *record = record_find(b, lock);
    if (record == NULL)
        return 0;
    switch (record_kind(*record)) {
    case RECORD_XIN:
        return LWSHM_LW_EXCLUSIVE;
    case RECORD_S:
        return LWSHM_LW_SHARED;
    default:
        return 0;
    }
}

int lwshm_lwlock_info(const lwshm_segment *s, uint64_t offset, struct lwshm_lwlock_info *info)
{
    if (!is_open(s))
        return fail_closed(s);
    if (!is_lock(s, offset))
        return fail_no_lock(offset);
    const struct lwlock *lock = lock_at(s, offset);
    uint64_t word = load(&lock->word);
    uint32_t shared = 0, joined = segment_joined_slots(s);
    for (uint64_t rest = load(&lock->readers); rest != 0; rest &= rest - 1)
        for (uint32_t i = (uint32_t)__builtin_ctzll(rest); i < joined; i += 64)
            shared += record_says_shared(s, i, offset);
    *info = (struct lwshm_lwlock_info){
        .owner = lock_owner_slot(word),
        .shared = shared,
        .has_waiters = (word & (LOCK_XWAIT | LOCK_SWAIT | LOCK_DPARK)) != 0,
        .tranche = lock->tranche,
        .starving = lock_starving_slot(word),
        .is_poisoned = (word & LOCK_POISON) != 0,
    };
    return LWSHM_OK;
}
