/*
 * lwlock_disown.c - a hold that one backend hands over for any other to end.
 *
 * The record stays where it is, marked DISOWNED: so the hold is still recovered if its
 * process dies.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_disown.h"

#include "core/lwlock_wait.h"

int lwshm_lwlock_disown(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    uint64_t *record = record_find(b, lock);
    if (record == NULL || record_kind(*record) == RECORD_N)
        return fail_not_held(b, lock);
    /* Before the record: who finds that takes the hold over by this name, which no other hold
       of this backend's bears. */
    if (record_kind(*record) == RECORD_XIN)
        __atomic_or_fetch(&lock_at(b->segment, lock)->word, LOCK_DISOWNED, __ATOMIC_SEQ_CST);
    __atomic_or_fetch(record, RECORD_DISOWNED, __ATOMIC_SEQ_CST);
    return LWSHM_OK;
}

/* What W's owner bits are while slot `i` has disowned its hold. */
static uint64_t disowner(uint32_t i, uint64_t generation)
{
    return (i + 1ull) | generation << LOCK_OWNER_GENERATION_SHIFT | LOCK_DISOWNED;
}

/* Zeroes a disowned record that says nothing any more. */
static void clear_disowned(lwshm_segment *s, uint32_t i, uint64_t offset, uint64_t *record,
                           uint64_t seen)
{
    bool spilled = record != &slot_at(s, i)->record[record_place(offset, s->max_held_locks - 1)];
    if (__atomic_compare_exchange_n(record, &seen, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
        spilled)
        __atomic_sub_fetch(&slot_at(s, i)->spilled, 1, __ATOMIC_SEQ_CST);
}

/* Shared: the record is the hold, so who turns it into N has ended it, and owes a wake-up to the
   owner that drains.  That stands in a record of our own, should we be killed before we pay it:
   the one that disowned may live on, and nobody would look at its record.  1, 0 if another was
   faster, or an error. */
static int end_disowned_shared(lwshm_backend *b, uint32_t i, uint64_t offset, uint64_t *record,
                               uint64_t seen)
{
    struct lwlock *lock = lock_at(b->segment, offset);
    uint64_t n = (seen & ~RECORD_KIND_MASK) | RECORD_N;
    uint64_t *own_record = record_take(b, offset);
    if (own_record == NULL)
        return fail_no_record(b);
    set_record(b, offset, own_record, RECORD_N);
    bool ended =
        __atomic_compare_exchange_n(record, &seen, n, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (ended) {
        if ((load(&lock->word) & LOCK_DPARK) != 0)
            lock_wake_drain(lock);
        clear_disowned(b->segment, i, offset, record, n);
    }
    record_clear(b, offset, own_record);
    return ended;
}

/* Exclusive: W names the holder, so who puts its own name there has taken the hold over, and
   then releases it as its own.  1, 0 if another was faster, or an error. */
static int end_disowned_exclusive(lwshm_backend *b, uint32_t i, uint64_t offset, uint64_t *record,
                                  uint64_t seen)
{
    struct lwlock *lock = lock_at(b->segment, offset);
    uint64_t owner = disowner(i, record_generation(seen));
    uint64_t *own_record = record_take(b, offset);
    if (own_record == NULL)
        return fail_no_record(b);
    set_record(b, offset, own_record, RECORD_XIN);
    uint64_t word = load(&lock->word);
    while ((word & LOCK_OWNER_MASK) == owner &&
           !__atomic_compare_exchange_n(&lock->word, &word, (word & ~LOCK_OWNER_MASK) | b->owner,
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
    if ((word & LOCK_OWNER_MASK) != owner) {
        /* The record is another's to zero, who was faster: it may say the next hold already. */
        record_clear(b, offset, own_record);
        return 0;
    }
    clear_disowned(b->segment, i, offset, record, seen);
    leave_exclusive(b, offset, lock, own_record);
    return 1;
}

static int end_disowned(lwshm_backend *b, uint32_t i, uint64_t offset)
{
    uint64_t *record = record_find_disowned(b->segment, i, offset);
    uint64_t seen = record == NULL ? 0 : load(record);
    if ((seen & (RECORD_LOCK_MASK | RECORD_DISOWNED)) != (record_key(offset) | RECORD_DISOWNED))
        return 0;
    switch (record_kind(seen)) {
    case RECORD_S:
        return end_disowned_shared(b, i, offset, record, seen);
    case RECORD_XIN:
        return end_disowned_exclusive(b, i, offset, record, seen);
    default: /* its releaser was killed */
        clear_disowned(b->segment, i, offset, record, seen);
        return 0;
    }
}

void lwlock_forget_disowned(lwshm_backend *b, uint64_t offset)
{
    uint64_t *record = record_find_disowned(b->segment, b->number, offset);
    uint64_t seen = record == NULL ? 0 : load(record);
    if (seen != 0 && record_kind(seen) != RECORD_S &&
        (load(&lock_at(b->segment, offset)->word) & LOCK_OWNER_MASK) != (b->owner | LOCK_DISOWNED))
        clear_disowned(b->segment, b->number, offset, record, seen);
}

int lwshm_lwlock_release_disowned(lwshm_backend *b, uint64_t lock)
{
    int r = lwlock_check(b, lock);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < b->segment->max_backends; i++)
        if ((r = end_disowned(b, i, lock)) != 0)
            return r < 0 ? r : LWSHM_OK;
    return fail(LWSHM_E_NOT_HELD, "no backend has disowned the lock at offset %llu",
                (unsigned long long)lock);
}
