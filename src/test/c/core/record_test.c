/*
 * A backend's records: where they stand, and what others read from them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/record.h"

#include <pthread.h>

#include "core/backend_slot.h"
#include "core/recover.h"
#include "fixture.h"

#define RECORDS 4

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_tranche tranche;

static void begin(void)
{
    struct lwshm_segment_options options = small_options();
    options.max_held_locks = RECORDS;
    segment = create_segment(&options);
    tranche = make_tranche(segment, "test", 32);
    me = join(segment);
}

static void end(void)
{
    for (int i = 0; i < RECORDS; i++)
        CHECK_EQ_UINT(0, me->slot->record[i]);
    CHECK_EQ_UINT(0, records_spilled(me->slot, __ATOMIC_SEQ_CST));
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static uint64_t *write_record(uint64_t lock, enum record_kind kind)
{
    uint64_t *record = record_take(me, lock);
    if (record != NULL)
        *record = record_key(lock) | me->generation | kind;
    return record;
}

TEST(a_record_says_lock_kind_and_generation)
{
    /* 37 bits for offset / 64. */
    for (uint64_t lock = 64; lock < 1ull << 43; lock = lock * 3 / 64 * 64 + 64) {
        uint64_t record = record_key(lock) | RECORD_S | 0xabcdefull << RECORD_GENERATION_SHIFT;
        CHECK_EQ_UINT(lock, record_lock(record));
        CHECK_EQ_INT(RECORD_S, record_kind(record));
        CHECK_EQ_UINT(0xabcdef, record >> RECORD_GENERATION_SHIFT);
        CHECK(record_is_of(record, lock));
        CHECK(!record_is_of(record, lock + 64));
        CHECK(!record_is_of(0, lock));
    }
    CHECK_EQ_UINT((1ull << 43) - 64, record_lock(record_key((1ull << 43) - 64)));
}

TEST(a_record_stands_at_its_locks_place_if_that_is_free)
{
    begin();
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t lock = lwshm_tranche_lock(&tranche, i);
        uint64_t *record = write_record(lock, RECORD_S);
        CHECK(record == &me->slot->record[lock / 64 % RECORDS]);
        CHECK_EQ_UINT(0, me->slot->spilled);
        CHECK(record_find(me, lock) == record);
        CHECK(record_says_shared(segment, me->number, lock));
        record_clear(me, lock, record);
        CHECK(record_find(me, lock) == NULL);
        CHECK(!record_says_shared(segment, me->number, lock));
    }
    end();
}

TEST(a_record_whose_place_is_taken_stands_elsewhere_and_is_counted)
{
    begin();
    uint64_t locks[RECORDS + 1], *records[RECORDS];
    for (uint32_t i = 0; i <= RECORDS; i++)
        locks[i] = lwshm_tranche_lock(&tranche, i * RECORDS); /* all want the same place */
    for (uint32_t i = 0; i < RECORDS; i++) {
        records[i] = write_record(locks[i], RECORD_S);
        CHECK(records[i] != NULL);
        CHECK_EQ_UINT(i, me->slot->spilled);
    }
    CHECK(write_record(locks[RECORDS], RECORD_S) == NULL);
    CHECK_EQ_UINT(RECORDS - 1, me->slot->spilled);
    for (uint32_t i = 0; i < RECORDS; i++) {
        CHECK(record_find(me, locks[i]) == records[i]);
        CHECK(record_says_shared(segment, me->number, locks[i]));
    }
    CHECK(record_find(me, locks[RECORDS]) == NULL);
    CHECK(!record_says_shared(segment, me->number, locks[RECORDS]));
    record_clear(me, locks[0], records[0]); /* not spilled */
    CHECK_EQ_UINT(RECORDS - 1, me->slot->spilled);
    for (uint32_t i = 1; i < RECORDS; i++) {
        CHECK(record_find(me, locks[i]) == records[i]);
        record_clear(me, locks[i], records[i]);
    }
    end();
}

TEST(only_a_record_of_kind_s_is_a_shared_hold)
{
    begin();
    uint64_t lock = lwshm_tranche_lock(&tranche, 1);
    static const enum record_kind kinds[] = {RECORD_N, RECORD_XIN};
    for (int i = 0; i < 2; i++) {
        uint64_t *record = write_record(lock, kinds[i]);
        CHECK(!record_says_shared(segment, me->number, lock));
        record_clear(me, lock, record);
    }
    uint64_t *record = write_record(lock, RECORD_S);
    CHECK(record_says_shared(segment, me->number, lock));
    CHECK(!record_says_shared(segment, me->number + 1, lock));
    record_clear(me, lock, record);
    end();
}

/* ---- the count of spilled records ---- */

static uint32_t spilled(void)
{
    return records_spilled(me->slot, __ATOMIC_SEQ_CST);
}

/* As a process that was held up in a release, and was fenced off and recovered meanwhile. */
TEST(a_late_count_of_a_former_backend_does_not_reach_the_next_one)
{
    begin();
    uint64_t first = lwshm_tranche_lock(&tranche, 0),
             second = lwshm_tranche_lock(&tranche, RECORDS);
    lwshm_backend former = *me;
    CHECK_OK(lwshm_backend_leave(me));
    me = join(segment);
    CHECK_EQ_UINT(former.number, me->number);
    CHECK(former.generation != me->generation);
    CHECK_OK(lwshm_lwlock_acquire(me, first, LWSHM_LW_SHARED));
    CHECK_OK(lwshm_lwlock_acquire(me, second, LWSHM_LW_SHARED));
    CHECK_EQ_UINT(1, spilled());
    for (int i = 0; i < 3; i++)
        record_unspill(&former);
    CHECK_EQ_UINT(1, spilled());
    CHECK(record_take(&former, second) != NULL); /* which would count one more */
    CHECK_EQ_UINT(1, spilled());
    CHECK(record_says_shared(segment, me->number, second));
    CHECK_EQ_INT(2, lwshm_backend_release_all(me));
    CHECK_EQ_UINT(0, spilled());
    end();
}

TEST(the_next_backend_of_a_slot_begins_to_count_anew)
{
    begin();
    uint64_t first = lwshm_tranche_lock(&tranche, 0),
             second = lwshm_tranche_lock(&tranche, RECORDS);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(lwshm_lwlock_acquire(me, first, LWSHM_LW_SHARED));
        CHECK_OK(lwshm_lwlock_acquire(me, second, LWSHM_LW_SHARED));
        CHECK_EQ_UINT(1, spilled());
        /* Killed, abandoned, or left in order: the count is the dead one's. */
        if (i == 0)
            CHECK_OK(lwshm_backend_abandon(me));
        else if (i == 1)
            recover_slot(segment, me->number, me->slot->identity);
        else
            CHECK_OK(lwshm_backend_leave(me));
        if (i == 1) {
            lwshm_backend *recovered = me;
            me = join(segment);
            CHECK_OK(lwshm_backend_abandon(recovered)); /* late, and so in vain */
        } else {
            me = join(segment);
        }
        CHECK_EQ_UINT(0, spilled());
        CHECK(record_find(me, second) == NULL);
    }
    end();
}

/* Leaving, and being recovered by others, at the same time as the records spill and are cleared. */
static void *recover_again_and_again(void *stop)
{
    while (!__atomic_load_n((bool *)stop, __ATOMIC_SEQ_CST)) {
        uint64_t identity = __atomic_load_n(&slot_at(segment, 1)->identity, __ATOMIC_SEQ_CST);
        if (slot_state(identity) == BACKEND_JOINED)
            recover_slot(segment, 1, identity);
    }
    return NULL;
}

TEST(a_reader_whose_record_spilled_keeps_a_writer_out_however_its_slot_was_used_before)
{
    pthread_t thread;
    bool stop = false;
    begin();
    uint64_t first = lwshm_tranche_lock(&tranche, 0),
             second = lwshm_tranche_lock(&tranche, RECORDS);
    for (int round = 0; round < 200; round++) {
        lwshm_backend *fenced = join(segment);
        CHECK_EQ_UINT(1, fenced->number);
        __atomic_store_n(&stop, false, __ATOMIC_SEQ_CST);
        CHECK_EQ_INT(0, pthread_create(&thread, NULL, recover_again_and_again, &stop));
        for (int i = 0; i < 10; i++) { /* and some of it when it is no longer its slot */
            lwshm_lwlock_acquire(fenced, first, LWSHM_LW_SHARED);
            lwshm_lwlock_acquire(fenced, second, LWSHM_LW_SHARED);
            lwshm_backend_release_all(fenced);
        }
        __atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
        CHECK_EQ_INT(0, pthread_join(thread, NULL));
        lwshm_backend_release_all(fenced);
        CHECK_OK(lwshm_backend_abandon(fenced));
        lwshm_backend *next = join(segment);
        CHECK_EQ_UINT(1, next->number);
        CHECK_OK(lwshm_lwlock_acquire(next, first, LWSHM_LW_SHARED));
        CHECK_OK(lwshm_lwlock_acquire(next, second, LWSHM_LW_SHARED));
        CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, second, LWSHM_LW_EXCLUSIVE));
        CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, first, LWSHM_LW_EXCLUSIVE));
        CHECK_OK(lwshm_backend_leave(next));
        CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, second, LWSHM_LW_EXCLUSIVE));
        CHECK_OK(lwshm_lwlock_release(me, second));
    }
    end();
}
