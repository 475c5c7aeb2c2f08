/*
 * Exclusive after shared: an owner that has no other reader to wait for waits for none, and looks at
 * no slot that was never joined.  And it overlooks none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/handle.h"
#include "core/record.h"
#include "fixture.h"
#include "stepping.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define GROUPS 64 /* as many bits as RB has */
#define MANY 1024

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_tranche tranche;
static uint64_t lock;

static void begin(uint32_t max_backends)
{
    struct lwshm_segment_options options = small_options();
    options.max_backends = max_backends;
    segment = create_segment(&options);
    tranche = make_tranche(segment, "test", 4);
    lock = tranche.offset;
    me = join(segment);
    CHECK_EQ_UINT(0, backend_info_of(me).slot);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static struct lwlock *words(void)
{
    return lock_at(segment, lock);
}

static uint32_t joined_slots(void)
{
    return header_of(segment)->joined_slots;
}

static void take_and_give(lwshm_backend *backend, enum lwshm_lwlock_mode mode)
{
    CHECK_OK(lwshm_lwlock_acquire(backend, lock, mode));
    CHECK_OK(lwshm_lwlock_release(backend, lock));
}

static bool writes(lwshm_backend *backend)
{
    if (CHECK_OK(lwshm_lwlock_try_acquire(backend, lock, X)) == 0)
        return false;
    CHECK_OK(lwshm_lwlock_release(backend, lock));
    return true;
}

/* ---- nobody is waited for ---- */

TEST(exclusive_after_ones_own_shared_or_anothers_is_not_slow)
{
    struct lwshm_tranche_statistics statistics;
    begin(2 * GROUPS);
    lwshm_backend *other = join(segment);
    for (int i = 0; i < 10; i++) {
        take_and_give(i % 2 == 0 ? me : other, S);
        take_and_give(me, X);
    }
    CHECK_OK(lwshm_tranche_statistics(segment, tranche.id, &statistics));
    CHECK_EQ_UINT(10, statistics.exclusive);
    CHECK_EQ_UINT(0, statistics.slow_exclusive);
    CHECK_EQ_UINT(0, statistics.waits);
    CHECK_OK(lwshm_backend_leave(other));
    end();
}

TEST(a_writer_that_waits_for_nobody_begins_no_trial_of_spinning)
{
    begin(2 * GROUPS);
    lwshm_backend *other = join(segment);
    for (int i = 0; i < 1000; i++) {
        take_and_give(other, S);
        take_and_give(me, X);
    }
    CHECK_EQ_INT(0, tranche_at(segment, tranche.id)->next_trial);
    CHECK_OK(lwshm_backend_leave(other));
    end();
}

/* NULL, or one that has read before. */
struct way {
    bool has_read;
    lwshm_backend *reader; /* NULL: the writer itself */
};

static void write_once(void *arg)
{
    const struct way *way = arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *writer = join(own), *reader = join(own);
    if (way->has_read)
        take_and_give(way->reader == NULL ? writer : reader, S);
    stepping_begin();
    lwshm_lwlock_acquire(writer, lock, X);
    stepping_end();
}

static long instructions_to_write(bool has_read, bool another)
{
    struct way way = {.has_read = has_read, .reader = another ? me : NULL};
    long steps = count_steps(write_once, &way);
    CHECK_OK(lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    return steps;
}

TEST(exclusive_after_ones_own_shared_takes_a_few_instructions_more_and_no_loop)
{
    if (!can_step())
        SKIP(CANNOT_STEP);
    for (uint32_t backends = GROUPS; backends <= MANY; backends *= 16) {
        begin(backends);
        long fresh = instructions_to_write(false, false);
        long after = instructions_to_write(true, false);
        if (after > fresh + 20)
            FAIL("%ld instructions instead of %ld, of %u backends", after, fresh, backends);
        end();
    }
}

TEST(a_drain_takes_no_longer_where_there_could_be_more_backends)
{
    if (!can_step())
        SKIP(CANNOT_STEP);
    begin(GROUPS);
    long few = instructions_to_write(true, true);
    end();
    begin(MANY);
    CHECK_EQ_INT(few, instructions_to_write(true, true));
    end();
}

/* ---- which slots are looked at ---- */

TEST(the_slots_that_were_joined_are_among_the_first_so_many)
{
    begin(16);
    CHECK_EQ_UINT(1, joined_slots());
    lwshm_backend *second = join(segment), *third = join(segment);
    CHECK_EQ_UINT(3, joined_slots());
    CHECK_OK(lwshm_backend_leave(second));
    CHECK_OK(lwshm_backend_leave(third));
    CHECK_EQ_UINT(3, joined_slots()); /* never fewer */
    second = join(segment);
    CHECK_EQ_UINT(3, joined_slots());
    CHECK_OK(lwshm_backend_leave(second));
    end();
}

TEST(a_drain_looks_at_those_and_at_no_others)
{
    begin(3 * GROUPS);
    struct backend_slot *beyond = slot_at(segment, GROUPS + 5);
    struct lwshm_lwlock_info info;
    words()->readers |= 1ull << 5;
    beyond->record[record_index(lock, 15)] = record_key(lock) | RECORD_S;
    CHECK(writes(me));
    words()->readers |= 1ull << 5;
    header_of(segment)->joined_slots = GROUPS + 6;
    CHECK(!writes(me));
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    CHECK_EQ_UINT(1, info.shared);
    beyond->record[record_index(lock, 15)] = 0;
    CHECK(writes(me));
    end();
}

/* The one bit in RB is the writer's own, and another reader's, too. */
TEST(a_reader_whose_slot_shares_the_writers_bit_is_waited_for)
{
    begin(3 * GROUPS);
    lwshm_backend *others[GROUPS * 2];
    take_and_give(me, S);
    for (int i = 1; i <= GROUPS * 2; i++)
        others[i - 1] = join(segment);
    for (int i = GROUPS; i <= GROUPS * 2; i += GROUPS) {
        lwshm_backend *twin = others[i - 1];
        CHECK_EQ_UINT(i, backend_info_of(twin).slot);
        CHECK_OK(lwshm_lwlock_acquire(twin, lock, S));
        CHECK_EQ_UINT(1, words()->readers);
        CHECK(!writes(me));
        CHECK_OK(lwshm_lwlock_release(twin, lock));
        CHECK(writes(me));
        /* And the other way round, where the writer's is the later slot. */
        take_and_give(me, S);
        CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
        CHECK(!writes(twin));
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK(writes(twin));
        take_and_give(me, S);
    }
    for (int i = 0; i < GROUPS * 2; i++)
        CHECK_OK(lwshm_backend_leave(others[i]));
    end();
}

static void join_and_read(void *arg)
{
    (void)arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend;
    stepping_begin();
    lwshm_backend_join(own, &backend);
    lwshm_lwlock_acquire(backend, lock, S);
    stepping_end();
}

TEST(a_join_is_counted_before_it_is_seen)
{
    bool goes_on = true;
    uint32_t seen = 0;
    if (!can_step())
        SKIP(CANNOT_STEP);
    begin(4);
    for (long steps = 0; goes_on; steps += 1) {
        header_of(segment)->joined_slots = 1; /* as if it were the first to join there */
        goes_on = step_and_kill(join_and_read, NULL, steps);
        if (lwshm_backend_list(segment, NULL, 0) == 2) {
            CHECK_EQ_UINT(2, joined_slots());
            seen++;
        }
        if (record_says_shared(segment, 1, lock) && (words()->readers & 2) != 0)
            CHECK(!writes(me));
        CHECK_OK(lwshm_segment_reap_dead(segment));
        header_of(segment)->joined_slots = 2;
        CHECK(writes(me));
    }
    CHECK(seen > 10);
    end();
}
