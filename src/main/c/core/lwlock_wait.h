/*
 * lwlock_wait.h - the steps of the protocol that lwlock.c and lwlock_wait.c share, and
 * the part of it that may sleep.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LWLOCK_WAIT_H
#define LWSHM_CORE_LWLOCK_WAIT_H

#include "core/lock.h"

/* What every call on a lock is checked for. */
static inline int lwlock_check(const lwshm_backend *b, uint64_t lock)
{
    if (b == NULL || !is_open(b->segment))
        return fail_closed(b == NULL ? NULL : b->segment);
    return is_lock(b->segment, lock) ? LWSHM_OK : fail_no_lock(lock);
}

/* Blocked for whoever is not the owner or the starver. */
#define LOCK_BLOCKS (LOCK_OWNER_SLOT_MASK | LOCK_STARVER_MASK | LOCK_POISON)

/* One call's view of what it works on. */
struct attempt {
    lwshm_backend *backend;
    lwshm_segment *segment;
    struct lwlock *lock;
    uint64_t offset;
    uint64_t *record;
    int64_t deadline_ns; /* os_monotonic_ns() at which to give up; 0: never */
    int64_t sleep_ns;    /* of the next sleep; 0 before the first */
    int64_t look_ns;     /* os_monotonic_ns() from which a sleep that runs out means: look around */
    uint32_t turns;      /* sleeps so far */
    bool repairs;        /* POISON does not stop it */
    bool steps;          /* at the deadline it stays in line, for a further step */
    bool has_slept;      /* in the kernel, in this step or an earlier one */
    bool has_looked;     /* it has parked in this step, if only for no time at all */
    bool starves;        /* it has named itself the starver */
};

/* `record` NULL: it acquires nothing. */
static inline struct attempt attempt_of(lwshm_backend *b, uint64_t lock, uint64_t *record,
                                        int64_t deadline_ns)
{
    return (struct attempt){.backend = b,
                            .segment = b->segment,
                            .lock = lock_at(b->segment, lock),
                            .offset = lock,
                            .record = record,
                            .deadline_ns = deadline_ns};
}

/* Every sleep is bounded, so that who sleeps looks now and then whether the one in its way
   is alive; and after so many turns without the lock it has the others queue behind it.
   Variables for tests that must do without, or at once: no wake-up depends on them. */
struct lwlock_patience {
    int64_t first_ns, longest_ns;
    uint32_t turns;
};
extern struct lwlock_patience lwlock_patience;

/* What a wait returns that ended without the lock, and without anything being wrong. */
#define LWLOCK_TIMED_OUT 1
#define LWLOCK_CHANGED 2

static inline uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline uint64_t record_of(const lwshm_backend *b, uint64_t lock, enum record_kind kind)
{
    return record_key(lock) | b->generation | kind;
}

/* S, and N in place of S: a full fence between this store and the loads that follow. */
static inline void set_record_fenced(const lwshm_backend *b, uint64_t lock, uint64_t *record,
                                     enum record_kind kind)
{
    __atomic_store_n(record, record_of(b, lock, kind), __ATOMIC_SEQ_CST);
}

/* N before the CAS of W, XIN after the drain: nothing that comes later in the program may
   come before this, as seen by who finds us killed.  That is a matter of the compiler
   alone: a thread is killed between two of its instructions, never half-way in both. */
static inline void set_record(const lwshm_backend *b, uint64_t lock, uint64_t *record,
                              enum record_kind kind)
{
    __atomic_store_n(record, record_of(b, lock, kind), __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* True if W keeps this backend out: an owner, another's starving, or POISON. */
static inline bool lock_blocks(const lwshm_backend *b, uint64_t word, bool repairs)
{
    if ((word & LOCK_BLOCKS) == 0)
        return false;
    uint64_t starver = word & LOCK_STARVER_MASK;
    return (word & LOCK_OWNER_SLOT_MASK) != 0 || ((word & LOCK_POISON) != 0 && !repairs) ||
           (starver != 0 && starver != (b->number + 1ull) << LOCK_STARVER_SHIFT);
}

/* Shared, without waiting: true if the record, S before and after, is now a hold. */
static inline bool enter_shared(const lwshm_backend *b, struct lwlock *lock)
{
    if (__builtin_expect(lock_blocks(b, load(&lock->word), false), 0))
        return false;
    if ((load(&lock->readers) & b->reader_bit) == 0)
        __atomic_or_fetch(&lock->readers, b->reader_bit, __ATOMIC_SEQ_CST);
    /* Always read again: an owner that came since then may have read RB without our bit. */
    return __builtin_expect(!lock_blocks(b, load(&lock->word), false), 1);
}

/* The record, S until now, becomes N; an owner that waits for it is woken. */
static inline void retract_shared(const lwshm_backend *b, uint64_t offset, struct lwlock *lock,
                                  uint64_t *record)
{
    set_record_fenced(b, offset, record, RECORD_N);
    /* The store above is before this load in the total order: an owner that parks after we
       looked has seen the N. */
    if ((load(&lock->word) & LOCK_DPARK) != 0)
        lock_wake_drain(lock);
}

/* Ends an exclusive hold.  One RMW: the owner goes, the flags stay, and what they were is
   what is owed. */
static inline void leave_exclusive(lwshm_backend *b, uint64_t offset, struct lwlock *lock,
                                   uint64_t *record)
{
    uint64_t old = __atomic_fetch_sub(&lock->word, b->owner, __ATOMIC_SEQ_CST);
    if (__builtin_expect(old != b->owner, 0))
        lock_wake(lock, old);
    record_clear(b, offset, record);
}

/* Becomes the owner if nothing blocks it, keeping the flags; it is no starver then.
   *word: what stood in W at last. */
static inline bool own(const lwshm_backend *b, struct lwlock *lock, uint64_t *word, bool repairs)
{
    *word = load(&lock->word);
    while (!lock_blocks(b, *word, repairs))
        if (__atomic_compare_exchange_n(&lock->word, word, (*word & ~LOCK_STARVER_MASK) | b->owner,
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

/* Waits, without a record and without acquiring anything, until W has no owner (LWSHM_OK) or,
   if `old` is not NULL, the lock's variable is not *old any more (LWLOCK_CHANGED), or the time
   is over (LWLOCK_TIMED_OUT).  Else an error; LWSHM_E_OWNER_DIED if the lock is left poisoned. */
int lwlock_wait_released(struct attempt *attempt, const uint64_t *old);

/* Goes on where the last step of a wait for this lock stopped, if it was waited for in steps. */
static inline void resume(struct attempt *a)
{
    struct waited *waited = &a->backend->waited;
    if (waited->lock != a->offset)
        return;
    a->sleep_ns = waited->sleep_ns;
    a->look_ns = waited->look_ns;
    a->turns = waited->turns;
    a->has_slept = waited->has_slept;
    a->starves = waited->starves;
    waited->lock = 0;
}

/* Ends a wait in steps, whose last step ran out: out of the line, as after a time-out. */
void lwlock_cancel(struct attempt *attempt);

/* Counts an acquisition: a plain increment in our own memory. */
static inline void count(uint64_t *counter)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

static inline struct tranche_counters *counters_of(const lwshm_backend *b,
                                                   const struct lwlock *lock)
{
    return &b->counters[lock->tranche < b->max_tranches ? lock->tranche : 0];
}

/* Acquire and release from their beginning, whatever may be in the way or wrong. */
int lwlock_acquire_any(lwshm_backend *backend, uint64_t lock, enum lwshm_lwlock_mode mode);
int lwlock_release_any(lwshm_backend *backend, uint64_t lock);

/* Before a wait for exclusive: sleeps for a moment if several processors fight over the lock. */
void lwlock_step_aside(const struct attempt *attempt);

/* The record is S and the way was found blocked: sleeps until the lock is held shared. */
int lwlock_wait_shared(struct attempt *attempt);

/* The record is N: sleeps until the lock is owned (unless it is already) and its readers
   have left; then the record is XIN. */
int lwlock_wait_exclusive(struct attempt *attempt);

/* We own W and the record is N.  If no reader is in, the record becomes XIN: true.  Else
   everything is given up: false. */
bool lwlock_enter_or_give_up(struct attempt *attempt);

#endif
