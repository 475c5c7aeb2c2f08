/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lock.h"

#include "os/futex.h"

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
    /* One writer only, and XWAIT stays: whoever acquires next keeps it for the rest. */
    if ((old & LOCK_XWAIT) != 0 && os_futex_wake(&lock->xfut, 1) == 0) {
        __atomic_and_fetch(&lock->word, ~LOCK_XWAIT, __ATOMIC_SEQ_CST);
        wake_all(&lock->xfut);
    }
}

void lock_wake_drain(struct lwlock *lock)
{
    wake_all(&lock->dfut);
}

void lock_end_record(lwshm_segment *s, uint32_t i, uint64_t generation, uint64_t *record)
{
    uint64_t seen = __atomic_load_n(record, __ATOMIC_SEQ_CST);
    while (seen != 0) {
        if (!is_lock(s, record_lock(seen))) {
            __atomic_compare_exchange_n(record, &seen, 0, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST);
            continue;
        }
        struct lwlock *lock = lock_at(s, record_lock(seen));
        if (record_kind(seen) == RECORD_S) {
            /* A writer that drains must see it gone before it is woken. */
            uint64_t n = (seen & ~RECORD_KIND_MASK) | RECORD_N;
            if (!__atomic_compare_exchange_n(record, &seen, n, false, __ATOMIC_SEQ_CST,
                                             __ATOMIC_SEQ_CST))
                continue;
            seen = n;
        }
        uint64_t owner = (i + 1ull) | generation << LOCK_OWNER_GENERATION_SHIFT;
        uint64_t word = __atomic_load_n(&lock->word, __ATOMIC_SEQ_CST);
        while ((word & LOCK_OWNER_MASK) == owner &&
               !__atomic_compare_exchange_n(&lock->word, &word,
                                            word & ~(LOCK_OWNER_MASK | LOCK_DPARK), false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        }
        wake_all(&lock->xfut);
        wake_all(&lock->sfut);
        wake_all(&lock->dfut);
        __atomic_compare_exchange_n(record, &seen, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        seen = __atomic_load_n(record, __ATOMIC_SEQ_CST);
    }
}
