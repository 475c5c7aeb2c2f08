/*
 * LWLocks as one thread with some backends sees them: nobody sleeps here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static lwshm_segment *segment;
static lwshm_backend *a, *b;
static struct lwshm_tranche tranche;
static uint64_t lock;

static void begin(uint32_t max_held_locks)
{
    struct lwshm_segment_options options = small_options();
    options.max_held_locks = max_held_locks;
    segment = create_segment(&options);
    tranche = make_tranche(segment, "test", 32);
    lock = lwshm_tranche_lock(&tranche, 0);
    a = join(segment);
    b = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(a));
    CHECK_OK(lwshm_backend_leave(b));
    end_segment(segment);
}

static struct lwshm_lwlock_info look(uint64_t at)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, at, &info));
    return info;
}

TEST(a_fresh_lock_is_free)
{
    begin(16);
    for (uint32_t i = 0; i < 32; i++) {
        struct lwshm_lwlock_info info = look(lwshm_tranche_lock(&tranche, i));
        CHECK_EQ_INT(-1, info.owner);
        CHECK_EQ_UINT(0, info.shared);
        CHECK_EQ_UINT(0, info.has_waiters);
        CHECK_EQ_UINT(tranche.id, info.tranche);
        CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(a, lwshm_tranche_lock(&tranche, i)));
    }
    end();
}

TEST(an_exclusive_holder_is_named_until_it_releases)
{
    begin(16);
    CHECK_OK(lwshm_lwlock_acquire(b, lock, X));
    CHECK_EQ_INT(backend_info_of(b).slot, look(lock).owner);
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(b, lock));
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(a, lock));
    CHECK_EQ_INT(1, lwshm_backend_held_locks(b));
    CHECK_EQ_UINT(1, backend_info_of(b).held_locks);
    CHECK_OK(lwshm_lwlock_release(b, lock));
    CHECK_EQ_INT(-1, look(lock).owner);
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(b, lock));
    CHECK_EQ_INT(0, lwshm_backend_held_locks(b));
    end();
}

TEST(shared_holders_are_counted)
{
    begin(16);
    CHECK_OK(lwshm_lwlock_acquire(a, lock, S));
    CHECK_EQ_UINT(1, look(lock).shared);
    CHECK_OK(lwshm_lwlock_acquire(b, lock, S));
    CHECK_EQ_UINT(2, look(lock).shared);
    CHECK_EQ_INT(-1, look(lock).owner);
    CHECK_EQ_INT(S, lwshm_lwlock_is_held_by(a, lock));
    CHECK_OK(lwshm_lwlock_release(a, lock));
    CHECK_EQ_UINT(1, look(lock).shared);
    CHECK_OK(lwshm_lwlock_release(b, lock));
    CHECK_EQ_UINT(0, look(lock).shared);
    end();
}

TEST(try_acquire_succeeds_for_shared_with_shared_and_for_nothing_else)
{
    static const enum lwshm_lwlock_mode modes[] = {X, S};
    begin(16);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            bool compatible = modes[i] == S && modes[j] == S;
            CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(a, lock, modes[i]));
            CHECK_EQ_INT(compatible, lwshm_lwlock_try_acquire(b, lock, modes[j]));
            CHECK_EQ_INT(modes[i], lwshm_lwlock_is_held_by(a, lock));
            CHECK_EQ_INT(compatible ? S : 0, lwshm_lwlock_is_held_by(b, lock));
            CHECK_EQ_UINT(0, look(lock).has_waiters);
            if (compatible)
                CHECK_OK(lwshm_lwlock_release(b, lock));
            CHECK_OK(lwshm_lwlock_release(a, lock));
            CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(b, lock, modes[j]));
            CHECK_OK(lwshm_lwlock_release(b, lock));
        }
    end();
}

TEST(a_failed_try_leaves_no_trace)
{
    begin(16);
    CHECK_OK(lwshm_lwlock_acquire(a, lock, S));
    for (int i = 0; i < 100; i++)
        CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(b, lock, X));
    CHECK_EQ_UINT(1, look(lock).shared);
    CHECK_EQ_INT(-1, look(lock).owner);
    CHECK_EQ_INT(0, lwshm_backend_held_locks(b));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release(b, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(b, lock, S));
    end();
}

TEST(asking_for_a_lock_that_one_holds_is_an_error_at_once)
{
    static const enum lwshm_lwlock_mode modes[] = {X, S};
    begin(16);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            CHECK_OK(lwshm_lwlock_acquire(a, lock, modes[i]));
            CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire(a, lock, modes[j]));
            CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_try_acquire(a, lock, modes[j]));
            CHECK_EQ_INT(modes[i], lwshm_lwlock_is_held_by(a, lock));
            CHECK_EQ_INT(1, lwshm_backend_held_locks(a));
            CHECK_OK(lwshm_lwlock_release(a, lock));
        }
    end();
}

TEST(releasing_a_lock_that_one_does_not_hold_is_an_error_and_changes_nothing)
{
    begin(16);
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release(a, lock));
    CHECK_OK(lwshm_lwlock_acquire(a, lock, X));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release(b, lock));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(a, lock));
    CHECK_OK(lwshm_lwlock_release(a, lock));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release(a, lock));
    end();
}

TEST(what_is_no_lock_is_refused_by_every_call)
{
    begin(16);
    uint64_t past = tranche.offset + 64 * LWSHM_LWLOCK_SIZE; /* max_lwlocks is 64 */
    const uint64_t bad[] = {0,
                            1,
                            64,
                            lock + 1,
                            lock + 8,
                            lock - 64,
                            past,
                            UINT64_MAX,
                            UINT64_MAX - 63,
                            UINT64_MAX / 64 * 64,
                            lock + (1ull << 40)};
    struct lwshm_lwlock_info info;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_acquire(a, bad[i], X));
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_acquire(a, bad[i], S));
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_try_acquire(a, bad[i], S));
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_release(a, bad[i]));
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_is_held_by(a, bad[i]));
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_info(segment, bad[i], &info));
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_acquire_slow(a, bad[i], X, 0, 0));
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_release_slow(a, bad[i], 0));
    }
    CHECK_OK(lwshm_lwlock_acquire(a, past - LWSHM_LWLOCK_SIZE, X)); /* the last one */
    end();
}

TEST(a_mode_that_is_none_and_a_backend_that_is_none_are_refused)
{
    begin(16);
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_acquire(a, lock, (enum lwshm_lwlock_mode)0));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_try_acquire(a, lock, (enum lwshm_lwlock_mode)3));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_acquire(NULL, lock, X));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_release(NULL, lock));
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(a, lock));
    end();
}

TEST(a_backend_holds_so_many_locks_and_no_more)
{
    begin(4);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_OK(lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, i), i % 2 ? S : X));
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_LIMIT, lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, 4), X));
    CHECK_CONTAINS("max_held_locks", error->message);
    CHECK_FAILS(LWSHM_E_LIMIT, lwshm_lwlock_try_acquire(a, lwshm_tranche_lock(&tranche, 9), S));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, 3), X));
    CHECK_OK(lwshm_lwlock_acquire(b, lwshm_tranche_lock(&tranche, 4), X)); /* not so for others */
    CHECK_OK(lwshm_lwlock_release(a, lwshm_tranche_lock(&tranche, 1)));
    CHECK_OK(lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, 1), X));
    CHECK_EQ_INT(4, lwshm_backend_held_locks(a));
    end();
}

TEST(the_number_of_held_locks_is_rounded_up_to_a_power_of_two)
{
    begin(3);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_OK(lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, i), X));
    CHECK_FAILS(LWSHM_E_LIMIT, lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, 4), X));
    end();
}

TEST(locks_that_prefer_the_same_index_are_held_together_and_released_in_any_order)
{
    /* With 4 records, locks 0, 4, 8 and 12 of a tranche all prefer the same one. */
    static const uint32_t same[4] = {0, 4, 8, 12};
    begin(4);
    for (int order = 0; order < 24; order++) {
        uint32_t rest[4] = {0, 1, 2, 3};
        for (int i = 0; i < 4; i++)
            CHECK_OK(lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, same[i]), i % 2 ? S : X));
        for (int i = 0, code = order; i < 4; i++) {
            int pick = code % (4 - i);
            code /= 4 - i;
            uint32_t which = rest[pick];
            memmove(rest + pick, rest + pick + 1, (size_t)(3 - pick) * sizeof *rest);
            uint64_t it = lwshm_tranche_lock(&tranche, same[which]);
            CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire(a, it, X));
            CHECK_EQ_INT(which % 2 ? S : X, lwshm_lwlock_is_held_by(a, it));
            CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(b, it, X));
            CHECK_OK(lwshm_lwlock_release(a, it));
            CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(a, it));
            CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(b, it, X));
            CHECK_OK(lwshm_lwlock_release(b, it));
        }
        CHECK_EQ_INT(0, lwshm_backend_held_locks(a));
    }
    end();
}

TEST(a_shared_hold_that_stands_elsewhere_than_preferred_keeps_writers_out)
{
    begin(4);
    uint64_t first = lwshm_tranche_lock(&tranche, 0), second = lwshm_tranche_lock(&tranche, 4);
    CHECK_OK(lwshm_lwlock_acquire(a, first, S));
    CHECK_OK(lwshm_lwlock_acquire(a, second, S));
    CHECK_OK(lwshm_lwlock_release(a, first)); /* `second` stays where it spilled to */
    CHECK_EQ_UINT(1, look(second).shared);
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(b, second, X));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(b, first, X));
    CHECK_OK(lwshm_lwlock_release(a, second));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(b, second, X));
    end();
}

TEST(one_backend_alone_may_hold_one_lock_alone)
{
    begin(1);
    CHECK_OK(lwshm_lwlock_acquire(a, lock, X));
    CHECK_FAILS(LWSHM_E_LIMIT, lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, 1), S));
    CHECK_OK(lwshm_lwlock_release(a, lock));
    CHECK_OK(lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, 1), S));
    end();
}

TEST(release_all_releases_both_modes_and_says_how_many)
{
    begin(4);
    CHECK_EQ_INT(0, lwshm_backend_release_all(a));
    CHECK_OK(lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, 0), X));
    CHECK_OK(lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, 4), S));
    CHECK_OK(lwshm_lwlock_acquire(a, lwshm_tranche_lock(&tranche, 8), X));
    CHECK_EQ_INT(3, lwshm_backend_release_all(a));
    CHECK_EQ_INT(0, lwshm_backend_held_locks(a));
    for (uint32_t i = 0; i <= 8; i += 4)
        CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(b, lwshm_tranche_lock(&tranche, i), X));
    end();
}

TEST(a_lock_of_the_last_slot_and_of_the_first_are_told_apart)
{
    begin(16);
    lwshm_backend *more[14];
    for (int i = 0; i < 14; i++)
        more[i] = join(segment);
    CHECK_EQ_UINT(15, backend_info_of(more[13]).slot);
    CHECK_OK(lwshm_lwlock_acquire(more[13], lock, X));
    CHECK_EQ_INT(15, look(lock).owner);
    CHECK_OK(lwshm_lwlock_release(more[13], lock));
    for (int i = 0; i < 14; i++)
        CHECK_OK(lwshm_lwlock_acquire(more[i], lock, S));
    CHECK_EQ_UINT(14, look(lock).shared);
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(a, lock, X));
    for (int i = 0; i < 14; i++)
        CHECK_OK(lwshm_backend_leave(more[i]));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(a, lock, X));
    end();
}

TEST(more_than_sixty_four_backends_share_the_bits_and_none_is_overlooked)
{
    struct lwshm_segment_options options = small_options();
    lwshm_backend *all[130];
    options.max_backends = 130;
    segment = create_segment(&options);
    tranche = make_tranche(segment, "test", 1);
    lock = tranche.offset;
    for (int i = 0; i < 130; i++)
        all[i] = join(segment);
    for (int i = 0; i < 130; i++) {
        lwshm_backend *writer = all[(i + 64) % 128]; /* shares its bit with all[i] */
        CHECK_OK(lwshm_lwlock_acquire(all[i], lock, S));
        if (writer != all[i])
            CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(writer, lock, X));
        CHECK_OK(lwshm_lwlock_release(all[i], lock));
        CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(writer, lock, X));
        CHECK_OK(lwshm_lwlock_release(writer, lock));
    }
    for (int i = 0; i < 130; i++)
        CHECK_OK(lwshm_backend_leave(all[i]));
    end_segment(segment);
}
