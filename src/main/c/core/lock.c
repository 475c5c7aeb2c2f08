/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lock.h"

#include "core/tranche_statistics.h"

#include "os/futex.h"

int fail_no_lock(uint64_t lock)
{
    return fail(LWSHM_E_INVALID,
                "offset %llu is no lock of this segment; take it from lwshm_tranche_lock()",
                (unsigned long long)lock);
}

int fail_not_held(const lwshm_backend *b, uint64_t lock)
{
    if (__atomic_load_n(&b->segment->ending, __ATOMIC_ACQUIRE))
        return fail_closed(
            b->segment); /* it may be gone with the fence: no mistake of the caller's */
    return fail(LWSHM_E_NOT_HELD, "backend %u does not hold the lock at offset %llu", b->number,
                (unsigned long long)lock);
}

int fail_owner_died(uint64_t lock)
{
    return fail(LWSHM_E_OWNER_DIED,
                "the holder of the lock at offset %llu died inside, so what the lock guards may be "
                "half-changed; acquire it for repair, put that right, and mark it consistent",
                (unsigned long long)lock);
}

/*
 * In each wake-up: flag off, counter up, wake - in that order.  Who reads the counter
 * before the word either sees the flag's cause gone or finds the counter changed.
 */

static void wake_all(uint32_t *futex)
{
    __atomic_add_fetch(futex, 1, __ATOMIC_SEQ_CST);
    os_futex_wake(futex, OS_FUTEX_WAKE_ALL);
}

void lock_wake(struct lwlock *lock, uint64_t old)
{
    if ((old & LOCK_SWAIT) != 0) {
        __atomic_and_fetch(&lock->word, ~LOCK_SWAIT, __ATOMIC_SEQ_CST);
        wake_all(&lock->sfut);
    }
    if ((old & LOCK_XWAIT) == 0)
        return;
    /* One writer only, and XWAIT stays: whoever acquires next keeps it for the rest.  But
       if there is a starver, the one woken need not be it. */
    if ((old & LOCK_STARVER_MASK) == 0 && os_futex_wake(&lock->xfut, 1) > 0)
        return;
    __atomic_and_fetch(&lock->word, ~LOCK_XWAIT, __ATOMIC_SEQ_CST);
    wake_all(&lock->xfut);
}

void lock_wake_drain(struct lwlock *lock)
{
    wake_all(&lock->dfut);
}

void lock_end_starving(struct lwlock *lock, uint32_t slot)
{
    uint64_t word = __atomic_load_n(&lock->word, __ATOMIC_SEQ_CST);
    uint64_t next;
    do {
        next = word & ~(LOCK_SWAIT | LOCK_XWAIT);
        if (lock_starver_slot(word) == (int32_t)slot)
            next &= ~LOCK_STARVER_MASK;
    } while (!__atomic_compare_exchange_n(&lock->word, &word, next, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    wake_all(&lock->sfut);
    wake_all(&lock->xfut);
}

/* What the word becomes when slot `i` at `generation` goes; POISON if it was inside.  Only a
   record that says so stands for a hold that was disowned. */
static uint64_t word_without(uint64_t word, uint32_t i, uint64_t generation, bool inside)
{
    uint64_t owner = (i + 1ull) | generation << LOCK_OWNER_GENERATION_SHIFT;
    if ((word & LOCK_OWNER_MASK & ~(inside ? LOCK_DISOWNED : 0)) == owner) {
        word &= ~(LOCK_OWNER_MASK | LOCK_DPARK);
        if (inside)
            word |= LOCK_POISON;
    }
    if (lock_starver_slot(word) == (int32_t)i)
        word &= ~LOCK_STARVER_MASK;
    return word;
}

void lock_end_record(lwshm_segment *s, uint32_t i, uint64_t generation, uint64_t *record)
{
    uint64_t seen = __atomic_load_n(record, __ATOMIC_SEQ_CST);
    /* The generation: a helper that was held up must not end the next backend's record. */
    while (seen != 0 && record_generation(seen) == generation) {
        if (!is_lock(s, record_lock(seen))) {
            /* Damaged: it says nothing. */
            __atomic_compare_exchange_n(record, &seen, 0, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST);
            continue;
        }
        struct lwlock *lock = lock_at(s, record_lock(seen));
        if (record_kind(seen) == RECORD_S) {
            /* An owner that drains must see it gone before it is woken. */
            uint64_t n = (seen & ~RECORD_KIND_MASK) | RECORD_N;
            if (!__atomic_compare_exchange_n(record, &seen, n, false, __ATOMIC_SEQ_CST,
                                             __ATOMIC_SEQ_CST))
                continue;
            tranche_count_recovery(s, lock->tranche, false);
            seen = n;
        }
        uint64_t word = __atomic_load_n(&lock->word, __ATOMIC_SEQ_CST);
        uint64_t next;
        do
            next = word_without(word, i, generation, record_kind(seen) == RECORD_XIN);
        while (next != word && !__atomic_compare_exchange_n(&lock->word, &word, next, false,
                                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
        if (((word ^ next) & LOCK_OWNER_MASK) != 0)
            tranche_count_recovery(s, lock->tranche, (next & LOCK_POISON) > (word & LOCK_POISON));
        /* Always, whatever the record was: it may have owed any of these. */
        wake_all(&lock->xfut);
        wake_all(&lock->sfut);
        wake_all(&lock->dfut);
        __atomic_compare_exchange_n(record, &seen, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        seen = __atomic_load_n(record, __ATOMIC_SEQ_CST);
    }
}
