/*
 * A backend's records: where they stand, and what others read from them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/record.h"

#include "fixture.h"

#define PLACES 4

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_tranche tranche;

static void begin(void)
{
    struct lwshm_segment_options options = small_options();
    options.max_held_locks = PLACES;
    segment = create_segment(&options);
    tranche = make_tranche(segment, "test", 32);
    me = join(segment);
}

static void end(void)
{
    for (int i = 0; i < PLACES; i++)
        CHECK_EQ_UINT(0, me->slot->record[i]);
    CHECK_EQ_UINT(0, me->slot->spilled);
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
        CHECK(record == &me->slot->record[lock / 64 % PLACES]);
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
    uint64_t locks[PLACES + 1], *records[PLACES];
    for (uint32_t i = 0; i <= PLACES; i++)
        locks[i] = lwshm_tranche_lock(&tranche, i * PLACES); /* all want the same place */
    for (uint32_t i = 0; i < PLACES; i++) {
        records[i] = write_record(locks[i], RECORD_S);
        CHECK(records[i] != NULL);
        CHECK_EQ_UINT(i, me->slot->spilled);
    }
    CHECK(write_record(locks[PLACES], RECORD_S) == NULL);
    CHECK_EQ_UINT(PLACES - 1, me->slot->spilled);
    for (uint32_t i = 0; i < PLACES; i++) {
        CHECK(record_find(me, locks[i]) == records[i]);
        CHECK(record_says_shared(segment, me->number, locks[i]));
    }
    CHECK(record_find(me, locks[PLACES]) == NULL);
    CHECK(!record_says_shared(segment, me->number, locks[PLACES]));
    record_clear(me, locks[0], records[0]); /* not spilled */
    CHECK_EQ_UINT(PLACES - 1, me->slot->spilled);
    for (uint32_t i = 1; i < PLACES; i++) {
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
