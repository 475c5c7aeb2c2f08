/*
 * lwlock_enter.h - the steps of the protocol that neither sleep nor fail.
 *
 * The fast path and the waits are made of them.  docs/lock-protocol.md explains the protocol;
 * the invariants that these steps keep, in short:
 *
 *   - A record is written before the atomic that it announces, and zeroed after the last
 *     wake-up that it covers.  So a killed backend's records say all it may hold.
 *   - For shared mode the record is the hold.  RB only says whose records are worth
 *     looking at, so it may have a bit too many, never one too few.
 *   - For exclusive mode W names the owner.  An owner first drains: it waits until no
 *     record says S.  A reader writes S, then reads W; an owner writes W, then reads the
 *     records.  In one total order (seq_cst) at least one of them sees the other.
 *
 * Everything on `word` and `readers`, and the records S and S-to-N, is seq_cst; what that
 * costs on x86_64 is one locked instruction a store.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LWLOCK_ENTER_H
#define LWSHM_CORE_LWLOCK_ENTER_H

#include "core/lock.h"

/* What every call on a lock is checked for. */
static inline int lwlock_check(const lwshm_backend *b, uint64_t lock)
{
    if (b == NULL || !is_open(b->segment))
        return fail_closed(b == NULL ? NULL : b->segment);
    return is_lock(b->segment, lock) ? LWSHM_OK : fail_no_lock(lock);
}

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
   come before this, as seen by a process that finds this one killed.  That is a matter of the
   compiler alone: a thread is killed between two of its instructions, never half-way in both. */
static inline void set_record(const lwshm_backend *b, uint64_t lock, uint64_t *record,
                              enum record_kind kind)
{
    __atomic_store_n(record, record_of(b, lock, kind), __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* What keeps every backend out but the owner, or the starving waiter. */
#define LOCK_BLOCKS (LOCK_OWNER_SLOT_MASK | LOCK_STARVING_MASK | LOCK_POISON)

/* True if W keeps this backend out: an owner, another starving waiter, or POISON. */
static inline bool lock_blocks(const lwshm_backend *b, uint64_t word, bool repairs)
{
    if ((word & LOCK_BLOCKS) == 0)
        return false;
    uint64_t starving = word & LOCK_STARVING_MASK;
    return (word & LOCK_OWNER_SLOT_MASK) != 0 || ((word & LOCK_POISON) != 0 && !repairs) ||
           (starving != 0 && starving != (b->number + 1ull) << LOCK_STARVING_SHIFT);
}

/* Shared, without waiting: true if the record, S before and after, is now a hold. */
static inline bool enter_shared(const lwshm_backend *b, struct lwlock *lock)
{
    if (__builtin_expect(lock_blocks(b, load(&lock->word), false), 0))
        return false;
    if (__builtin_expect((load(&lock->readers) & b->reader_bit) == 0, 0))
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
    if (__builtin_expect((load(&lock->word) & LOCK_DPARK) != 0, 0))
        lock_wake_drain(lock);
}

/* True if the owner has no reader to wait for, since the bits of RB are its own group's alone and
   no other slot of that group was ever joined.  It holds the lock, so its own record is not S. */
static inline bool reads_alone(const lwshm_backend *b, uint64_t readers)
{
    /* seq_cst, and after the CAS of W: pairs with the raise in claim().  A backend that joined
       too late to be counted here reads W after that, and sees the owner. */
    return readers == b->reader_bit && b->number < 64 &&
           __atomic_load_n(&header_at(b->base)->joined_slots, __ATOMIC_SEQ_CST) <= b->number + 64;
}

/* True if the new owner may enter at once: nobody has to leave first. */
static inline bool is_drained(const lwshm_backend *b, const struct lwlock *lock)
{
    uint64_t readers = load(&lock->readers);
    return __builtin_expect(readers == 0, 1) || reads_alone(b, readers);
}

/* Counts an acquisition: a plain increment in the backend's own memory. */
static inline void count(uint64_t *counter)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

static inline struct tranche_counters *counters_of(const lwshm_backend *b,
                                                   const struct lwlock *lock)
{
    return &b->counters[lock->tranche < b->max_tranches ? lock->tranche : 0];
}

#endif
