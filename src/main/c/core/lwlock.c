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
#include <errno.h>

#include "core/lock.h"
#include "os/clock.h"
#include "os/futex.h"

/* Turns of looking before parking, where there is another processor to wait for. */
#define SPINS 100
/* Every sleep is bounded, so that who sleeps looks around now and then. */
#define FIRST_SLEEP_NS 1000000
#define LONGEST_SLEEP_NS 100000000

#define BLOCKS_SHARED (LOCK_OWNER_SLOT_MASK | LOCK_STARVER_MASK | LOCK_POISON)

/* One call's view of what it works on. */
struct attempt {
    lwshm_backend *backend;
    lwshm_segment *segment;
    struct lwlock *lock;
    uint64_t offset;
    uint64_t *record;
    int64_t sleep_ns; /* of the next sleep; 0 before the first */
};

static inline uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline uint64_t record_of(const struct attempt *a, enum record_kind kind)
{
    return record_key(a->offset) | a->backend->generation | kind;
}

/* S, and N in place of S: a full fence between this store and the loads that follow. */
static inline void set_record_fenced(struct attempt *a, enum record_kind kind)
{
    __atomic_store_n(a->record, record_of(a, kind), __ATOMIC_SEQ_CST);
}

/* N before the CAS of W, XIN after the drain: nothing that comes later in the program may
   come before this, as seen by who finds us killed.  That is a matter of the compiler
   alone: a thread is killed between two of its instructions, never half-way in both. */
static inline void set_record(struct attempt *a, enum record_kind kind)
{
    __atomic_store_n(a->record, record_of(a, kind), __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline bool is_ending(const struct attempt *a)
{
    return __atomic_load_n(&a->segment->ending, __ATOMIC_ACQUIRE);
}

/* ---- waiting ---- */

/* Sleeps on a futex of the lock, and says so in the slot for those who look. */
static void park(struct attempt *a, uint32_t *futex, uint32_t expected, enum lwshm_lwlock_mode mode)
{
    struct backend_slot *slot = a->backend->slot;
    if (a->sleep_ns == 0) {
        a->sleep_ns = FIRST_SLEEP_NS;
        __atomic_store_n(&slot->wait_mode, mode, __ATOMIC_RELAXED);
        __atomic_store_n(&slot->wait_since, os_monotonic_ns(), __ATOMIC_RELAXED);
        __atomic_store_n(&slot->wait_lock, a->offset, __ATOMIC_RELEASE);
    }
    if (os_futex_wait(futex, expected, a->sleep_ns) == -ETIMEDOUT &&
        a->sleep_ns < LONGEST_SLEEP_NS)
        a->sleep_ns *= 2;
}

static void wait_is_over(struct attempt *a)
{
    if (a->sleep_ns != 0)
        __atomic_store_n(&a->backend->slot->wait_lock, 0, __ATOMIC_RELEASE);
    a->sleep_ns = 0;
}

/* Leaves a queue without the lock: passes on a wake-up that may have been meant for us. */
static int give_up(struct attempt *a)
{
    uint64_t word = load(&a->lock->word);
    if ((word & LOCK_OWNER_SLOT_MASK) == 0)
        lock_wake(a->lock, word & LOCK_XWAIT);
    wait_is_over(a);
    record_clear(a->backend, a->offset, a->record);
    return fail_closed(a->segment);
}

/* ---- shared ---- */

/* The record, S until now, becomes N; an owner that waits for it is woken. */
static void retract_shared(struct attempt *a)
{
    set_record_fenced(a, RECORD_N);
    /* The store above is before this load in the total order: an owner that parks after we
       looked has seen the N. */
    if ((load(&a->lock->word) & LOCK_DPARK) != 0)
        lock_wake_drain(a->lock);
}

/* One attempt without waiting; the record is S before and after. */
static inline bool enter_shared(struct attempt *a)
{
    if ((load(&a->lock->word) & BLOCKS_SHARED) != 0)
        return false;
    if ((load(&a->lock->readers) & a->backend->reader_bit) == 0)
        __atomic_or_fetch(&a->lock->readers, a->backend->reader_bit, __ATOMIC_SEQ_CST);
    /* Always read again: an owner that came since then may have read RB without our bit. */
    return (load(&a->lock->word) & BLOCKS_SHARED) == 0;
}

/* Sleeps until shared is no longer blocked; the record is N. */
static int await_unblocked(struct attempt *a)
{
    for (int i = 0; a->segment->spins && i < SPINS; i++) {
        if ((load(&a->lock->word) & BLOCKS_SHARED) == 0)
            return LWSHM_OK;
        pause_briefly();
    }
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->sfut, __ATOMIC_SEQ_CST);
        uint64_t word = load(&a->lock->word);
        if ((word & BLOCKS_SHARED) == 0)
            return LWSHM_OK;
        if (is_ending(a))
            return give_up(a);
        if ((word & LOCK_SWAIT) == 0 &&
            !__atomic_compare_exchange_n(&a->lock->word, &word, word | LOCK_SWAIT, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        park(a, &a->lock->sfut, events, LWSHM_LW_SHARED);
    }
}

/* The record is S, and the way was found blocked. */
static int wait_shared(struct attempt *a)
{
    do {
        retract_shared(a);
        int r = await_unblocked(a);
        if (r < 0)
            return r;
        set_record_fenced(a, RECORD_S);
    } while (!enter_shared(a));
    wait_is_over(a);
    return LWSHM_OK;
}

/* ---- exclusive ---- */

/* Waits until slot `i` has no shared hold of the lock; false if it shall not wait. */
static bool drain_slot(struct attempt *a, uint32_t i, bool may_wait)
{
    if (!record_says_shared(a->segment, i, a->offset))
        return true;
    if (!may_wait)
        return false;
    for (int spin = 0; a->segment->spins && spin < SPINS; spin++) {
        if (!record_says_shared(a->segment, i, a->offset))
            return true;
        pause_briefly();
    }
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->dfut, __ATOMIC_SEQ_CST);
        __atomic_or_fetch(&a->lock->word, LOCK_DPARK, __ATOMIC_SEQ_CST);
        if (!record_says_shared(a->segment, i, a->offset))
            return true;
        if (is_ending(a))
            return false;
        park(a, &a->lock->dfut, events, LWSHM_LW_EXCLUSIVE);
    }
}

/* We own W: waits for the readers to leave.  The record is N, and XIN afterwards. */
static bool drain(struct attempt *a, bool may_wait)
{
    uint64_t readers = load(&a->lock->readers);
    if (readers != 0) {
        for (uint64_t rest = readers; rest != 0; rest &= rest - 1)
            for (uint32_t i = (uint32_t)__builtin_ctzll(rest); i < a->segment->max_backends;
                 i += 64)
                if (!drain_slot(a, i, may_wait))
                    return false;
        /* Only after draining, and only the bits looked at. */
        __atomic_and_fetch(&a->lock->readers, ~readers, __ATOMIC_SEQ_CST);
        if ((load(&a->lock->word) & LOCK_DPARK) != 0)
            __atomic_and_fetch(&a->lock->word, ~LOCK_DPARK, __ATOMIC_SEQ_CST);
    }
    set_record(a, RECORD_XIN);
    return true;
}

/* Owner and DPARK off; RB untouched, since not all of it was looked at. */
static void abandon_drain(struct attempt *a)
{
    uint64_t old = __atomic_fetch_and(&a->lock->word, ~(LOCK_OWNER_MASK | LOCK_DPARK),
                                      __ATOMIC_SEQ_CST);
    lock_wake(a->lock, old);
    wait_is_over(a);
    record_clear(a->backend, a->offset, a->record);
}

/* Becomes the owner if nobody is, keeping the flags.  *word: what stood in W at last. */
static inline bool own(struct attempt *a, uint64_t *word)
{
    *word = load(&a->lock->word);
    while ((*word & (LOCK_OWNER_SLOT_MASK | LOCK_STARVER_MASK | LOCK_POISON)) == 0)
        if (__atomic_compare_exchange_n(&a->lock->word, word, *word | a->backend->owner, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

/* The record is N.  Sleeps until we are the owner. */
static int await_ownership(struct attempt *a)
{
    uint64_t word;
    for (int i = 0; a->segment->spins && i < SPINS; i++) {
        if (own(a, &word))
            return LWSHM_OK;
        pause_briefly();
    }
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->xfut, __ATOMIC_SEQ_CST);
        if (own(a, &word))
            return LWSHM_OK;
        if (is_ending(a))
            return give_up(a);
        if ((word & LOCK_XWAIT) == 0 &&
            !__atomic_compare_exchange_n(&a->lock->word, &word, word | LOCK_XWAIT, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        park(a, &a->lock->xfut, events, LWSHM_LW_EXCLUSIVE);
    }
}

static int finish_exclusive(struct attempt *a)
{
    if (!drain(a, true)) {
        abandon_drain(a);
        return fail_closed(a->segment);
    }
    wait_is_over(a);
    return LWSHM_OK;
}

/* ---- the public functions ---- */

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

static int begin(struct attempt *a, lwshm_backend *b, uint64_t lock)
{
    int r = check(b, lock);
    if (r < 0)
        return r;
    *a = (struct attempt){
        .backend = b, .segment = b->segment, .lock = lock_at(b->segment, lock), .offset = lock};
    return LWSHM_OK;
}

static int begin_acquire(struct attempt *a, lwshm_backend *b, uint64_t lock,
                         enum lwshm_lwlock_mode mode)
{
    int r = begin(a, b, lock);
    if (r < 0)
        return r;
    if (is_ending(a))
        return fail_closed(a->segment);
    if (mode != LWSHM_LW_SHARED && mode != LWSHM_LW_EXCLUSIVE)
        return fail(LWSHM_E_INVALID, "lock mode %d is neither LWSHM_LW_EXCLUSIVE nor _SHARED", mode);
    if (record_find(b, lock) != NULL)
        return fail(LWSHM_E_ALREADY_HELD,
                    "backend %u holds the lock at offset %llu already, and LWLocks are not "
                    "reentrant; release it first",
                    b->number, (unsigned long long)lock);
    a->record = record_take(b, lock);
    if (a->record == NULL)
        return with_values(fail(LWSHM_E_LIMIT,
                                "backend %u holds %u locks, all it may; release some, or create "
                                "the segment with a larger max_held_locks",
                                b->number, a->segment->max_held_locks),
                           2, (int64_t)1, (int64_t)0);
    return LWSHM_OK;
}

int lwshm_lwlock_acquire(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    struct attempt a;
    int r = begin_acquire(&a, b, lock, mode);
    if (r < 0)
        return r;
    if (mode == LWSHM_LW_SHARED) {
        set_record_fenced(&a, RECORD_S);
        return enter_shared(&a) ? LWSHM_OK : wait_shared(&a);
    }
    uint64_t word;
    set_record(&a, RECORD_N);
    if (!own(&a, &word) && (r = await_ownership(&a)) < 0)
        return r;
    return finish_exclusive(&a);
}

int lwshm_lwlock_try_acquire(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    struct attempt a;
    int r = begin_acquire(&a, b, lock, mode);
    if (r < 0)
        return r;
    if (mode == LWSHM_LW_SHARED) {
        set_record_fenced(&a, RECORD_S);
        if (enter_shared(&a))
            return 1;
        retract_shared(&a);
        record_clear(b, lock, a.record);
        return 0;
    }
    uint64_t word;
    set_record(&a, RECORD_N);
    if (!own(&a, &word)) {
        record_clear(b, lock, a.record);
        return 0;
    }
    if (drain(&a, false))
        return 1;
    abandon_drain(&a);
    return 0;
}

int lwshm_lwlock_acquire_contended(lwshm_backend *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    struct attempt a;
    int r = begin(&a, b, lock);
    if (r < 0)
        return r;
    a.record = record_find(b, lock);
    enum record_kind kind = mode == LWSHM_LW_SHARED ? RECORD_S : RECORD_N;
    if (a.record == NULL || record_kind(*a.record) != kind)
        return fail(LWSHM_E_NOT_HELD,
                    "backend %u has not begun to acquire the lock at offset %llu in that mode",
                    b->number, (unsigned long long)lock);
    if (mode == LWSHM_LW_SHARED)
        return wait_shared(&a);
    bool owner = (load(&a.lock->word) & LOCK_OWNER_MASK) == b->owner;
    if (!owner && (r = await_ownership(&a)) < 0)
        return r;
    return finish_exclusive(&a);
}

static int release_exclusive(struct attempt *a)
{
    /* One RMW: the owner goes, the flags stay, and what they were is what is owed. */
    uint64_t old = __atomic_fetch_sub(&a->lock->word, a->backend->owner, __ATOMIC_SEQ_CST);
    lock_wake(a->lock, old);
    record_clear(a->backend, a->offset, a->record);
    return LWSHM_OK;
}

static int release_shared(struct attempt *a)
{
    retract_shared(a);
    record_clear(a->backend, a->offset, a->record);
    return LWSHM_OK;
}

static int fail_not_held(const lwshm_backend *b, uint64_t lock)
{
    return fail(LWSHM_E_NOT_HELD, "backend %u does not hold the lock at offset %llu", b->number,
                (unsigned long long)lock);
}

int lwshm_lwlock_release(lwshm_backend *b, uint64_t lock)
{
    struct attempt a;
    int r = begin(&a, b, lock);
    if (r < 0)
        return r;
    a.record = record_find(b, lock);
    if (a.record == NULL)
        return fail_not_held(b, lock);
    switch (record_kind(*a.record)) {
    case RECORD_XIN:
        return release_exclusive(&a);
    case RECORD_S:
        return release_shared(&a);
    default:
        return fail_not_held(b, lock);
    }
}

int lwshm_lwlock_release_contended(lwshm_backend *b, uint64_t lock, uint64_t word)
{
    struct attempt a;
    int r = begin(&a, b, lock);
    if (r < 0)
        return r;
    a.record = record_find(b, lock);
    if (a.record == NULL || record_kind(*a.record) == RECORD_S)
        return fail_not_held(b, lock);
    if (record_kind(*a.record) == RECORD_XIN)
        lock_wake(a.lock, word);
    else if ((word & LOCK_DPARK) != 0)
        lock_wake_drain(a.lock);
    record_clear(b, lock, a.record);
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
