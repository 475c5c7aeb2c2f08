/*
 * Ending a hold on behalf of a backend that cannot: whatever its record says, the lock is
 * free for others afterwards and those who sleep are woken.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lock.h"

#include "fixture.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static lwshm_segment *segment;
static lwshm_backend *gone, *other;
static uint64_t offset;
static struct lwlock *lock;

static void begin(void)
{
    segment = create_segment(NULL);
    offset = make_tranche(segment, "test", 4).offset;
    lock = lock_at(segment, offset);
    gone = join(segment);
    other = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(gone));
    CHECK_OK(lwshm_backend_leave(other));
    end_segment(segment);
}

static uint64_t *record(void)
{
    return &gone->slot->record[record_index(offset, gone->index_mask)];
}

static void end_the_record(void)
{
    lock_end_record(segment, gone->number, gone->generation >> RECORD_GENERATION_SHIFT, record(),
                    true);
}

static void all_are_woken_and_all_is_gone(uint32_t events)
{
    CHECK_EQ_UINT(0, *record());
    CHECK(lock->xfut != events && lock->sfut != events && lock->dfut != events);
    uint64_t word = lock->word;
    end_the_record(); /* once more: nothing changes */
    CHECK_EQ_UINT(0, *record());
    CHECK_EQ_UINT(word, lock->word);
}

static void the_lock_is_free(void)
{
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(other, offset, X));
    CHECK_OK(lwshm_lwlock_release(other, offset));
}

TEST(an_exclusive_hold_is_ended_and_what_it_guarded_is_poisoned)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(gone, offset, X));
    end_the_record();
    all_are_woken_and_all_is_gone(0);
    CHECK_EQ_UINT(LOCK_POISON, lock->word);
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_try_acquire(other, offset, X));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_try_acquire(other, offset, S));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(other, offset));
    CHECK_OK(lwshm_lwlock_mark_consistent(other, offset));
    CHECK_OK(lwshm_lwlock_release(other, offset));
    the_lock_is_free();
    end();
}

TEST(a_shared_hold_is_ended)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(gone, offset, S));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(other, offset, X));
    end_the_record();
    all_are_woken_and_all_is_gone(0);
    the_lock_is_free();
    end();
}

TEST(an_owner_that_was_draining_is_ended_with_its_flag_and_the_others_flags_stay)
{
    begin();
    *record() = record_key(offset) | gone->generation | RECORD_N;
    lock->word = gone->owner | LOCK_DPARK | LOCK_XWAIT | LOCK_SWAIT;
    end_the_record();
    CHECK_EQ_UINT(LOCK_XWAIT | LOCK_SWAIT, lock->word);
    all_are_woken_and_all_is_gone(0);
    the_lock_is_free();
    end();
}

TEST(the_flag_of_a_woken_writer_goes_whatever_the_record_says)
{
    static const enum record_kind kinds[] = {RECORD_N, RECORD_S, RECORD_XIN};
    begin();
    CHECK_OK(lwshm_lwlock_acquire(other, offset, X));
    for (int i = 0; i < 3; i++) {
        *record() = record_key(offset) | gone->generation | kinds[i];
        lock->word = other->owner | LOCK_XWAIT | LOCK_SWAIT | LOCK_WAKING;
        end_the_record();
        CHECK_EQ_UINT(other->owner | LOCK_XWAIT | LOCK_SWAIT, lock->word);
    }
    lock->word = other->owner;
    CHECK_OK(lwshm_lwlock_release(other, offset));
    end();
}

TEST(a_waiter_is_ended_and_the_owner_stays)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(other, offset, X));
    *record() = record_key(offset) | gone->generation | RECORD_N;
    end_the_record();
    CHECK_EQ_UINT(0, *record());
    CHECK_EQ_UINT(other->owner, lock->word);
    CHECK(lock->xfut != 0);
    CHECK_OK(lwshm_lwlock_release(other, offset));
    end();
}

TEST(an_owner_of_another_generation_stays)
{
    begin();
    *record() = record_key(offset) | gone->generation | RECORD_XIN;
    lock->word = gone->owner + (1ull << LOCK_OWNER_GENERATION_SHIFT);
    end_the_record();
    CHECK_EQ_UINT(gone->owner + (1ull << LOCK_OWNER_GENERATION_SHIFT), lock->word);
    lock->word = 0;
    end();
}

TEST(a_record_of_another_generation_stays)
{
    begin();
    uint64_t next = gone->generation + (1ull << RECORD_GENERATION_SHIFT);
    static const enum record_kind kinds[] = {RECORD_N, RECORD_S, RECORD_XIN};
    for (int i = 0; i < 3; i++) {
        *record() = record_key(offset) | next | kinds[i];
        lock->word = gone->owner;
        end_the_record();
        CHECK_EQ_UINT(record_key(offset) | next | kinds[i], *record());
        CHECK_EQ_UINT(gone->owner, lock->word);
    }
    CHECK_EQ_UINT(0, lock->xfut | lock->sfut | lock->dfut);
    *record() = lock->word = 0;
    end();
}

TEST(a_record_of_nonsense_is_zeroed_and_nothing_else_is_touched)
{
    begin();
    uint64_t size = info_of(segment).size;
    /* All of its own generation: what is of another's is none of its records. */
    const uint64_t nonsense[] = {RECORD_XIN, record_key(size) | RECORD_XIN,
                                 record_key(offset - 64) | RECORD_S, RECORD_LOCK_MASK | RECORD_XIN};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        *record() = gone->generation | nonsense[i];
        end_the_record();
        CHECK_EQ_UINT(0, *record());
    }
    CHECK_EQ_UINT(0, lock->xfut);
    end();
}
