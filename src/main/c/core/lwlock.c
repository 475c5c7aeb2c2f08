/*
 * lwlock.c - acquire and release.
 *
 * docs/lock-protocol.md explains the protocol; the invariants that the code below
 * leans on, in short:
 *
 *   - A record is written before the atomic that it announces, and zeroed after the
 *     last wake-up that it owes.  So a killed backend's records say all it may hold.
 *   - For shared mode the record is the hold.  RB only says whose records are worth
 *     looking at, so it may have a bit too many, never one too few.
 *   - For exclusive mode W names the owner.  An owner first drains: it waits until no
 *     record says S.  A reader writes S, then reads W; an owner writes W, then reads the
 *     records.  In one total order (seq_cst) at least one of them sees the other.
 *   - Who is about to park reads its futex counter before it looks at the state.
 *
 * Everything on `word` and `readers`, and the records S and S-to-N, is seq_cst; what that
 * costs on x86_64 is one locked instruction a store.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_wait.h"

static int check(const lwshm_backend *b, uint64_t lock)
{
    if (b == NULL || !is_open(b->segment))
        return fail_closed(b == NULL ? NULL : b->segment);
    if (!is_lock(b->segment, lock))
        return fail(LWSHM_E_INVALID,
                    "offset %llu is no lock of this segment; take it from lwshm_tranche_lock()",
                    (unsigned long long)lock);
    return LWSHM_OK;
}

static inline bool is_ending(const lwshm_backend *b)
{
    return __atomic_load_n(&b->segment->ending, __ATOMIC_ACQUIRE);
}

static struct attempt attempt_of(lwshm_backend *b, uint64_t lock, uint64_t *record)
{
    return (struct attempt){.backend = b,
                            .segment = b->segment,
                            .lock = lock_at(b->segment, lock),
                            .offset = lock,
                            .record = record};
}

/* The place for the lock's record, where acquire looks first: if it is free and nothing has
   spilled, the lock is not held, and this is the record to use.  NULL otherwise. */
static inline uint64_t *free_place(const lwshm_backend *b, uint64_t lock)
{
    uint64_t *record = &b->slot->record[record_place(lock, b->place_mask)];
    return __atomic_load_n(record, __ATOMIC_RELAXED) == 0 &&
                   __atomic_load_n(&b->slot->spilled, __ATOMIC_RELAXED) == 0
               ? record
               : NULL;
}

/* All that can be wrong with an acquire, and a record for it. */
static int begin_acquire(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                         uint64_t **record)
{
    int r = check(b, lock);
    if (r < 0)
        return r;
    if (is_ending(b))
        return fail_closed(b->segment);
    if (mode != LWSHM_LW_SHARED && mode != LWSHM_LW_EXCLUSIVE)
        return fail(LWSHM_E_INVALID, "lock mode %d is neither LWSHM_LW_EXCLUSIVE nor _SHARED",
                    mode);
    if ((*record = free_place(b, lock)) != NULL)
        return LWSHM_OK;
    if (record_find(b, lock) != NULL)
        return fail(LWSHM_E_ALREADY_HELD,
                    "backend %u holds the lock at offset %llu already, and LWLocks are not "
                    "reentrant; release it first",
                    b->number, (unsigned long long)lock);
    if ((*record = record_take(b, lock)) != NULL)
        return LWSHM_OK;
    return with_values(fail(LWSHM_E_LIMIT,
                            "backend %u holds %u locks, all it may; release some, or create the "
                            "segment with a larger max_held_locks",
                            b->number, b->segment->max_held_locks),
                       2, (int64_t)1, (int64_t)0);
}

static int acquire_shared(lwshm_backend *b, uint64_t lock, uint64_t *record)
{
    set_record_fenced(b, lock, record, RECORD_S);
    if (__builtin_expect(enter_shared(b, lock_at(b->segment, lock)), 1))
        return LWSHM_OK;
    struct attempt a = attempt_of(b, lock, record);
    return lwlock_wait_shared(&a);
}

static int acquire_exclusive(lwshm_backend *b, uint64_t offset, uint64_t *record)
{
    struct lwlock *lock = lock_at(b->segment, offset);
    uint64_t word = 0;
    set_record(b, offset, record, RECORD_N);
    if (__builtin_expect(__atomic_compare_exchange_n(&lock->word, &word, b->owner, false,
                                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
                             load(&lock->readers) == 0,
                         1)) {
        set_record(b, offset, record, RECORD_XIN);
        return LWSHM_OK;
    }
    struct attempt a = attempt_of(b, offset, record);
    return lwlock_wait_exclusive(&a);
}

int lwshm_lwlock_acquire(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    uint64_t *record;
    int r = begin_acquire(b, lock, mode, &record);
    if (r < 0)
        return r;
    return mode == LWSHM_LW_SHARED ? acquire_shared(b, lock, record)
                                   : acquire_exclusive(b, lock, record);
}

int lwshm_lwlock_try_acquire(lwshm_backend *b, uint64_t offset, enum lwshm_lwlock_mode mode)
{
    uint64_t *record;
    uint64_t word;
    int r = begin_acquire(b, offset, mode, &record);
    if (r < 0)
        return r;
    struct lwlock *lock = lock_at(b->segment, offset);
    if (mode == LWSHM_LW_SHARED) {
        set_record_fenced(b, offset, record, RECORD_S);
        if (enter_shared(b, lock))
            return 1;
        retract_shared(b, offset, lock, record);
    } else {
        set_record(b, offset, record, RECORD_N);
        if (own(b, lock, &word)) {
            struct attempt a = attempt_of(b, offset, record);
            return lwlock_enter_or_give_up(&a);
        }
    }
    record_clear(b, offset, record);
    return 0;
}

int lwshm_lwlock_acquire_contended(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    int r = check(b, lock);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, lock);
    if (record == NULL || record_kind(*record) != (mode == LWSHM_LW_SHARED ? RECORD_S : RECORD_N))
        return fail(LWSHM_E_NOT_HELD,
                    "backend %u has not begun to acquire the lock at offset %llu in that mode",
                    b->number, (unsigned long long)lock);
    struct attempt a = attempt_of(b, lock, record);
    return mode == LWSHM_LW_SHARED ? lwlock_wait_shared(&a) : lwlock_wait_exclusive(&a);
}

static int fail_not_held(const lwshm_backend *b, uint64_t lock)
{
    if (is_ending(b)) /* what it held may be gone with the fence: no mistake of the caller's */
        return fail_closed(b->segment);
    return fail(LWSHM_E_NOT_HELD, "backend %u does not hold the lock at offset %llu", b->number,
                (unsigned long long)lock);
}

int lwshm_lwlock_release(lwshm_backend *b, uint64_t offset)
{
    int r = check(b, offset);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, offset);
    enum record_kind kind = record == NULL ? RECORD_N : record_kind(*record);
    struct lwlock *lock = lock_at(b->segment, offset);
    if (kind == RECORD_XIN) {
        /* One RMW: the owner goes, the flags stay, and what they were is what is owed. */
        uint64_t old = __atomic_fetch_sub(&lock->word, b->owner, __ATOMIC_SEQ_CST);
        if (__builtin_expect(old != b->owner, 0))
            lock_wake(lock, old);
    } else if (kind == RECORD_S) {
        retract_shared(b, offset, lock, record);
    } else {
        return fail_not_held(b, offset);
    }
    record_clear(b, offset, record);
    return LWSHM_OK;
}

int lwshm_lwlock_release_contended(lwshm_backend *b, uint64_t offset, uint64_t word)
{
    int r = check(b, offset);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, offset);
    if (record == NULL || record_kind(*record) == RECORD_S)
        return fail_not_held(b, offset);
    if (record_kind(*record) == RECORD_XIN)
        lock_wake(lock_at(b->segment, offset), word);
    else if ((word & LOCK_DPARK) != 0)
        lock_wake_drain(lock_at(b->segment, offset));
    record_clear(b, offset, record);
    return LWSHM_OK;
}

int lwshm_lwlock_is_held_by(const lwshm_backend *b, uint64_t lock)
{
    int r = check(b, lock);
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
        return fail(LWSHM_E_INVALID, "offset %llu is no lock of this segment",
                    (unsigned long long)offset);
    const struct lwlock *lock = lock_at(s, offset);
    uint64_t word = load(&lock->word);
    uint32_t shared = 0;
    for (uint64_t rest = load(&lock->readers); rest != 0; rest &= rest - 1)
        for (uint32_t i = (uint32_t)__builtin_ctzll(rest); i < s->max_backends; i += 64)
            shared += record_says_shared(s, i, offset);
    *info = (struct lwshm_lwlock_info){
        .owner = (int32_t)(word & LOCK_OWNER_SLOT_MASK) - 1,
        .shared = shared,
        .has_waiters = (word & (LOCK_XWAIT | LOCK_SWAIT | LOCK_DPARK)) != 0,
        .tranche = lock->tranche,
    };
    return LWSHM_OK;
}
