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
#include "core/lwlock.h"

#include "core/lock_order.h"
#include "core/lwlock_disown.h"
#include "core/lwlock_wait.h"
#include "os/clock.h"

static inline bool is_ending(const lwshm_backend *b)
{
    return __atomic_load_n(&b->segment->ending, __ATOMIC_ACQUIRE);
}

int64_t lwlock_deadline_in(int64_t timeout_ns)
{
    int64_t now = os_monotonic_ns();
    return timeout_ns <= 0 ? now : timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
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
    int r = lwlock_check(b, lock);
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
    lwlock_forget_disowned(b, lock);
    if ((*record = record_take(b, lock)) != NULL)
        return LWSHM_OK;
    return fail_no_record(b);
}

static int acquire_shared(lwshm_backend *b, uint64_t lock, uint64_t *record, int64_t deadline_ns,
                          bool steps)
{
    set_record_fenced(b, lock, record, RECORD_S);
    if (__builtin_expect(enter_shared(b, lock_at(b->segment, lock)), 1)) {
        count(&counters_of(b, lock_at(b->segment, lock))->shared);
        return LWSHM_OK;
    }
    struct attempt a = attempt_of(b, lock, record, deadline_ns);
    a.steps = steps;
    return lwlock_wait_shared(&a);
}

static int acquire_exclusive(lwshm_backend *b, uint64_t offset, uint64_t *record,
                             int64_t deadline_ns, bool steps)
{
    struct lwlock *lock = lock_at(b->segment, offset);
    uint64_t word = 0;
    set_record(b, offset, record, RECORD_N);
    if (__builtin_expect(__atomic_compare_exchange_n(&lock->word, &word, b->owner, false,
                                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
                             load(&lock->readers) == 0,
                         1)) {
        set_record(b, offset, record, RECORD_XIN);
        count(&counters_of(b, lock)->exclusive);
        return LWSHM_OK;
    }
    struct attempt a = attempt_of(b, offset, record, deadline_ns);
    a.steps = steps;
    return lwlock_wait_exclusive(&a);
}

/* Of an acquire that may sleep; the record has been taken, and is given back if it fails. */
static int check_order(lwshm_backend *b, uint64_t lock, uint64_t *record)
{
    int r = lock_order_check(b, lock);
    if (r < 0)
        record_clear(b, lock, record);
    return r;
}

/* Once: LWSHM_OK, LWLOCK_TIMED_OUT, or an error. */
static inline int acquire_once(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                               int64_t deadline_ns, bool steps)
{
    uint64_t *record;
    int r = begin_acquire(b, lock, mode, &record);
    if (r == LWSHM_OK && __builtin_expect(b->segment->checks_lock_order, 0))
        r = check_order(b, lock, record);
    if (r < 0)
        return r;
    return mode == LWSHM_LW_SHARED ? acquire_shared(b, lock, record, deadline_ns, steps)
                                   : acquire_exclusive(b, lock, record, deadline_ns, steps);
}

int lwlock_begin_in_steps(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                          int64_t deadline_ns)
{
    return acquire_once(b, lock, mode, deadline_ns, true);
}

int lwlock_acquire_poisoned(lwshm_backend *b, uint64_t lock, int64_t deadline_ns, bool steps)
{
    uint64_t *record;
    int r = begin_acquire(b, lock, LWSHM_LW_EXCLUSIVE, &record);
    if (r == LWSHM_OK && b->segment->checks_lock_order)
        r = check_order(b, lock, record);
    if (r < 0)
        return r;
    set_record(b, lock, record, RECORD_N);
    struct attempt a = attempt_of(b, lock, record, deadline_ns);
    a.repairs = true;
    a.steps = steps;
    return lwlock_wait_exclusive(&a);
}

static inline int is_poisoned(const lwshm_backend *b, uint64_t lock)
{
    return (load(&lock_at(b->segment, lock)->word) & LOCK_POISON) != 0;
}

int lwlock_repair(lwshm_backend *b, uint64_t lock, int64_t deadline_ns)
{
    const struct repairer *all = __atomic_load_n(&b->segment->repairers, __ATOMIC_ACQUIRE);
    uint16_t tranche = lock_at(b->segment, lock)->tranche;
    lwshm_repair *callback = all == NULL || tranche >= b->segment->max_tranches
                                 ? NULL
                                 : __atomic_load_n(&all[tranche].repair, __ATOMIC_SEQ_CST);
    if (callback == NULL)
        return LWSHM_E_OWNER_DIED; /* as the acquire has said */
    int r = lwlock_acquire_poisoned(b, lock, deadline_ns, false);
    if (r != LWSHM_OK)
        return r;
    int failed = 0;
    if (is_poisoned(b, lock)) {
        failed = callback(b, lock, __atomic_load_n(&all[tranche].argument, __ATOMIC_SEQ_CST));
        if (failed == 0)
            lwshm_lwlock_mark_consistent(b, lock);
    }
    r = lwshm_lwlock_release(b, lock);
    if (failed != 0)
        return fail(LWSHM_E_OWNER_DIED,
                    "the holder of the lock at offset %llu died inside, and the repair callback of "
                    "its tranche returned %d; the lock stays poisoned",
                    (unsigned long long)lock, failed);
    return r;
}

int lwlock_acquire_until(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                         int64_t deadline_ns)
{
    for (;;) {
        int r = acquire_once(b, lock, mode, deadline_ns, false);
        if (__builtin_expect(r != LWSHM_E_OWNER_DIED, 1) ||
            (r = lwlock_repair(b, lock, deadline_ns)) != LWSHM_OK)
            return r;
    }
}

int lwlock_acquire_any(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    return lwlock_acquire_until(b, lock, mode, 0);
}

int lwshm_lwlock_acquire_timed(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode,
                               int64_t timeout_ns)
{
    int r = lwlock_acquire_until(b, lock, mode, lwlock_deadline_in(timeout_ns));
    return r < 0 ? r : r == LWSHM_OK;
}

/* Without waiting: 1, 0, or an error. */
static int try_once(lwshm_backend *b, uint64_t offset, enum lwshm_lwlock_mode mode)
{
    uint64_t *record;
    uint64_t word;
    int r = begin_acquire(b, offset, mode, &record);
    if (r < 0)
        return r;
    struct lwlock *lock = lock_at(b->segment, offset);
    if (mode == LWSHM_LW_SHARED) {
        set_record_fenced(b, offset, record, RECORD_S);
        if (enter_shared(b, lock)) {
            count(&counters_of(b, lock)->shared);
            return 1;
        }
        retract_shared(b, offset, lock, record);
    } else {
        set_record(b, offset, record, RECORD_N);
        if (own(b, lock, &word, false)) {
            struct attempt a = attempt_of(b, offset, record, 0);
            return lwlock_enter_or_give_up(&a);
        }
    }
    record_clear(b, offset, record);
    word = load(&lock->word);
    return (word & (LOCK_OWNER_SLOT_MASK | LOCK_POISON)) == LOCK_POISON ? fail_owner_died(offset)
                                                                        : 0;
}

int lwshm_lwlock_try_acquire(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    for (;;) {
        int r = try_once(b, lock, mode);
        if (r != LWSHM_E_OWNER_DIED)
            return r;
        if ((r = lwlock_repair(b, lock, lwlock_deadline_in(0))) != LWSHM_OK)
            return r < 0 ? r : 0;
    }
}

int lwshm_lwlock_acquire_contended(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, lock);
    if (record == NULL || record_kind(*record) != (mode == LWSHM_LW_SHARED ? RECORD_S : RECORD_N)) {
        if (is_ending(b)) /* the record may be gone with the fence */
            return fail_closed(b->segment);
        return fail(LWSHM_E_NOT_HELD,
                    "backend %u has not begun to acquire the lock at offset %llu in that mode",
                    b->number, (unsigned long long)lock);
    }
    struct attempt a = attempt_of(b, lock, record, 0);
    r = mode == LWSHM_LW_SHARED ? lwlock_wait_shared(&a) : lwlock_wait_exclusive(&a);
    if (r != LWSHM_E_OWNER_DIED || (r = lwlock_repair(b, lock, 0)) < 0)
        return r;
    return lwlock_acquire_until(b, lock, mode, 0);
}

int lwshm_lwlock_acquire_for_repair(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_acquire_poisoned(b, lock, 0, false);
    return r < 0 ? r : is_poisoned(b, lock);
}

int lwshm_lwlock_mark_consistent(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    const uint64_t *record = record_find(b, lock);
    if (record == NULL || record_kind(*record) != RECORD_XIN)
        return fail(LWSHM_E_NOT_HELD,
                    "backend %u does not hold the lock at offset %llu exclusively; acquire it for "
                    "repair first",
                    b->number, (unsigned long long)lock);
    __atomic_and_fetch(&lock_at(b->segment, lock)->word, ~LOCK_POISON, __ATOMIC_SEQ_CST);
    return LWSHM_OK;
}

int lwlock_release_any(lwshm_backend *b, uint64_t offset)
{
    int r = lwlock_check(b, offset);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, offset);
    enum record_kind kind = record == NULL ? RECORD_N : record_kind(*record);
    struct lwlock *lock = lock_at(b->segment, offset);
    if (kind == RECORD_XIN) {
        leave_exclusive(b, offset, lock, record);
    } else if (kind == RECORD_S) {
        retract_shared(b, offset, lock, record);
        record_clear(b, offset, record);
    } else {
        return fail_not_held(b, offset);
    }
    return LWSHM_OK;
}

int lwshm_lwlock_release_contended(lwshm_backend *b, uint64_t offset, uint64_t word)
{
    int r = lwlock_check(b, offset);
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
    uint32_t shared = 0;
    for (uint64_t rest = load(&lock->readers); rest != 0; rest &= rest - 1)
        for (uint32_t i = (uint32_t)__builtin_ctzll(rest); i < s->max_backends; i += 64)
            shared += record_says_shared(s, i, offset);
    *info = (struct lwshm_lwlock_info){
        .owner = lock_owner_slot(word),
        .shared = shared,
        .has_waiters = (word & (LOCK_XWAIT | LOCK_SWAIT | LOCK_DPARK)) != 0,
        .tranche = lock->tranche,
        .starver = lock_starver_slot(word),
        .is_poisoned = (word & LOCK_POISON) != 0,
    };
    return LWSHM_OK;
}
