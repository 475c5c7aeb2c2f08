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
 * In each wake-up: flag off, counter up, wake - in that order.  A waiter that reads the counter
 * before the word either sees the flag's cause gone or finds the counter changed.
 */

static void wake_all(uint32_t *futex)
{
    __atomic_add_fetch(futex, 1, __ATOMIC_SEQ_CST);
    os_futex_wake(futex, OS_FUTEX_WAKE_ALL);
}

static void wake_all_writers(struct lwlock *lock)
{
    __atomic_and_fetch(&lock->word, ~(LOCK_XWAIT | LOCK_WAKING), __ATOMIC_SEQ_CST);
    wake_all(&lock->xfut);
}

/*
 * One writer only, and no further one until it has looked: WAKING says so.  XWAIT stays, and the
 * next owner keeps it for the rest.  If the lock has an owner again, that one's release wakes.
 *
 * Sources: PostgreSQL's LW_FLAG_RELEASE_OK (src/backend/storage/lmgr/lwlock.c) and the one unpark
 * of java.util.concurrent's AbstractQueuedSynchronizer have the same purpose.
 */
static void wake_one_writer(struct lwlock *lock)
{
    uint64_t word = __atomic_load_n(&lock->word, __ATOMIC_SEQ_CST);
    do
        if ((word & (LOCK_XWAIT | LOCK_WAKING)) != LOCK_XWAIT || (word & LOCK_OWNER_SLOT_MASK) != 0)
            return;
    while (!__atomic_compare_exchange_n(&lock->word, &word, word | LOCK_WAKING, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    if (os_futex_wake(&lock->xfut, 1) == 0)
        wake_all_writers(lock); /* none was parked yet */
}

static void wake_writers(struct lwlock *lock, uint64_t old)
{
    if ((old & LOCK_XWAIT) == 0)
        return;
    /* The one woken need not be the starving waiter, and no other can acquire. */
    if ((old & LOCK_STARVING_MASK) != 0)
        wake_all_writers(lock);
    else if ((old & LOCK_WAKING) == 0)
        wake_one_writer(lock);
}

void lock_wake(struct lwlock *lock, uint64_t old)
{
    if ((old & LOCK_SWAIT) != 0) {
        __atomic_and_fetch(&lock->word, ~LOCK_SWAIT, __ATOMIC_SEQ_CST);
        wake_all(&lock->sfut);
    }
    wake_writers(lock, old);
}

void lock_pass_on(struct lwlock *lock, bool woken)
{
    if (woken)
        __atomic_and_fetch(&lock->word, ~LOCK_WAKING, __ATOMIC_SEQ_CST);
    /* Only then the look: a release in between found WAKING on, and woke nobody. */
    uint64_t word = __atomic_load_n(&lock->word, __ATOMIC_SEQ_CST);
    if ((word & LOCK_OWNER_SLOT_MASK) == 0)
        wake_writers(lock, word);
}

void lock_wake_drain(struct lwlock *lock)
{
    wake_all(&lock->dfut);
}

static void wake_all_of_both(struct lwlock *lock)
{
    wake_all(&lock->sfut);
    wake_all(&lock->xfut);
}

#define WAITERS (LOCK_SWAIT | LOCK_XWAIT | LOCK_WAKING)

void lock_end_starving(struct lwlock *lock, uint32_t slot)
{
    uint64_t word = __atomic_load_n(&lock->word, __ATOMIC_SEQ_CST);
    uint64_t next;
    do {
        next = word & ~WAITERS;
        if (lock_starving_slot(word) == (int32_t)slot)
            next &= ~LOCK_STARVING_MASK;
    } while (!__atomic_compare_exchange_n(&lock->word, &word, next, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    wake_all_of_both(lock);
}

void lock_unname_starving(struct lwlock *lock, uint64_t word)
{
    if (__atomic_compare_exchange_n(&lock->word, &word, word & ~(WAITERS | LOCK_STARVING_MASK),
                                    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        wake_all_of_both(lock);
}

/* What the word becomes when slot `i` at `generation` goes; POISON if it was inside.  WAKING goes
   always: the dead backend may be the one that was woken. */
static uint64_t word_without(uint64_t word, uint32_t i, uint64_t generation, bool inside)
{
    uint64_t owner = (i + 1ull) | generation << LOCK_OWNER_GENERATION_SHIFT;
    word &= ~LOCK_WAKING;
    if ((word & LOCK_OWNER_MASK) == owner) {
        word &= ~(LOCK_OWNER_MASK | LOCK_DPARK);
        if (inside)
            word |= LOCK_POISON;
    }
    if (lock_starving_slot(word) == (int32_t)i)
        word &= ~LOCK_STARVING_MASK;
    return word;
}

void lock_end_record(lwshm_segment *s, uint32_t i, uint64_t generation, uint64_t *record, bool died)
{
    uint64_t seen = __atomic_load_n(record, __ATOMIC_SEQ_CST);
    /* The generation: a recovering process that was held up must not end the next backend's. */
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
            if (died)
                tranche_count_recovery(s, lock->tranche, false);
            seen = n;
        }
        uint64_t word = __atomic_load_n(&lock->word, __ATOMIC_SEQ_CST);
        uint64_t next;
        do
            next = word_without(word, i, generation, record_kind(seen) == RECORD_XIN);
        while (next != word && !__atomic_compare_exchange_n(&lock->word, &word, next, false,
                                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
        if (died && ((word ^ next) & LOCK_OWNER_MASK) != 0)
            tranche_count_recovery(s, lock->tranche, (next & LOCK_POISON) > (word & LOCK_POISON));
        /* Always, whatever the record was: it may have owed any of these. */
        wake_all(&lock->xfut);
        wake_all(&lock->sfut);
        wake_all(&lock->dfut);
        __atomic_compare_exchange_n(record, &seen, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        seen = __atomic_load_n(record, __ATOMIC_SEQ_CST);
    }
}
