/*
 * Waiting for a lock for a time: what runs out leaves no trace, and takes no wake-up with it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>

#include "os/clock.h"
#include "overtaking.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define MS 1000000ll
#define AN_HOUR_NS (3600 * 1000000000ll)

static lwshm_segment *segment;
static lwshm_backend *me, *other;
static uint64_t lock;

static void begin(void)
{
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 4).offset;
    me = join(segment);
    other = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(other));
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static struct lwlock *words(void)
{
    return lwshm_shmem_pointer(segment, lock, sizeof(struct lwlock));
}

static struct lwshm_lwlock_info look(void)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    return info;
}

static int act_timed(const struct acting *self, uint64_t mode, uint64_t timeout_ns)
{
    return lwshm_lwlock_acquire_timed(self->me, lock, (enum lwshm_lwlock_mode)mode,
                                      (int64_t)timeout_ns);
}

static struct actor *timed_waiter(enum lwshm_lwlock_mode mode, int64_t timeout_ns)
{
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_timed, mode, (uint64_t)timeout_ns);
    return waiter;
}

static void runs_out_without_a_trace(enum lwshm_lwlock_mode held, enum lwshm_lwlock_mode wanted)
{
    static const int64_t timeouts[] = {20 * MS, 1, 0, -1, INT64_MIN};
    begin();
    for (int i = 0; i < 5; i++) {
        CHECK_OK(lwshm_lwlock_acquire(me, lock, held));
        int64_t before = os_monotonic_ns();
        CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(other, lock, wanted, timeouts[i]));
        CHECK(os_monotonic_ns() - before >= timeouts[i]);
        CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(other, lock));
        CHECK_EQ_INT(0, lwshm_backend_held_locks(other));
        CHECK_EQ_UINT(0, backend_info_of(other).wait_lock);
        CHECK_EQ_INT(held == X ? (int)backend_info_of(me).slot : -1, look().owner);
        CHECK_EQ_UINT(held == S, look().shared);
        if (held == S) { /* the owner that gave up in its drain keeps nobody out */
            CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(other, lock, S));
            CHECK_OK(lwshm_lwlock_release(other, lock));
        }
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK_EQ_UINT(0, words()->word);
        CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(other, lock, X));
        CHECK_OK(lwshm_lwlock_release(other, lock));
    }
    end();
}

TEST(a_writer_that_waits_for_a_writer_runs_out_of_time_without_a_trace)
{
    runs_out_without_a_trace(X, X);
}

TEST(a_reader_that_waits_for_a_writer_runs_out_of_time_without_a_trace)
{
    runs_out_without_a_trace(X, S);
}

TEST(a_writer_that_waits_for_a_reader_runs_out_of_time_without_a_trace)
{
    runs_out_without_a_trace(S, X);
}

TEST(what_is_free_is_acquired_however_little_time_there_is)
{
    static const int64_t timeouts[] = {INT64_MAX, AN_HOUR_NS, 1, 0, -1, INT64_MIN};
    begin();
    for (int i = 0; i < 6; i++) {
        CHECK_EQ_INT(1, lwshm_lwlock_acquire_timed(me, lock, X, timeouts[i]));
        CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK_EQ_INT(1, lwshm_lwlock_acquire_timed(me, lock, S, timeouts[i]));
        CHECK_EQ_INT(S, lwshm_lwlock_is_held_by(me, lock));
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    end();
}

static void succeeds_when_released(enum lwshm_lwlock_mode held, enum lwshm_lwlock_mode wanted,
                                   int64_t timeout_ns)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, held));
    struct actor *waiter = timed_waiter(wanted, timeout_ns);
    AWAIT(actor_waits_for(segment, waiter, lock));
    CHECK(!actor_is_done(waiter));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(1, actor_result(waiter));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_OK(actor_do(waiter, act_release, lock, 0));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    actor_end(waiter);
    end();
}

TEST(a_timed_writer_that_waits_for_a_writer_gets_the_lock_when_it_is_released)
{
    succeeds_when_released(X, X, AN_HOUR_NS);
}

TEST(a_timed_reader_that_waits_for_a_writer_gets_the_lock_when_it_is_released)
{
    succeeds_when_released(X, S, INT64_MAX);
}

TEST(a_timed_writer_that_waits_for_a_reader_gets_the_lock_when_it_is_released)
{
    succeeds_when_released(S, X, INT64_MAX);
}

TEST(a_timed_acquire_fails_as_any_other)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire_timed(me, lock, X, AN_HOUR_NS));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire_timed(me, lock, S, AN_HOUR_NS));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_acquire_timed(me, lock + 1, X, AN_HOUR_NS));
    CHECK_FAILS(LWSHM_E_INVALID,
                lwshm_lwlock_acquire_timed(other, lock, (enum lwshm_lwlock_mode)3, AN_HOUR_NS));
    end();
}

/* ---- wake-ups ---- */

/* However a time-out and a release fall together: if it was the one that ran out that was
   woken, it wakes the next. */
TEST(a_wake_up_that_meets_a_time_out_is_not_lost)
{
    begin();
    struct actor *waiter = actor_start();
    for (int round = 0; round < 100; round++) {
        int64_t timeout_ns = 2 * MS + round % 10 * 100000;
        CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
        actor_tell(waiter, act_timed, X, (uint64_t)timeout_ns);
        AWAIT(actor_waits_for(segment, waiter, lock) || actor_is_done(waiter));
        int64_t parked = os_monotonic_ns();
        pid_t behind = sleeper_on(&words()->xfut);
        __atomic_or_fetch(&words()->word, LOCK_XWAIT, __ATOMIC_SEQ_CST);
        while (os_monotonic_ns() - parked < timeout_ns - round % 7 * 100000) {
        }
        CHECK_OK(lwshm_lwlock_release(me, lock));
        if (actor_result(waiter) == 1)
            CHECK_OK(actor_do(waiter, act_release, lock, 0));
        TEST_WAIT(behind);
        /* Which would now look, and say so. */
        __atomic_and_fetch(&words()->word, ~LOCK_WAKING, __ATOMIC_SEQ_CST);
        CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK_EQ_UINT(0, words()->word);
    }
    actor_end(waiter);
    end();
}

/* `nameless`: as if a recovering process that was held up took its name off, again and again. */
static void
a_starving_waiter_that_runs_out_of_time_lets_the_others_in(enum lwshm_lwlock_mode wanted,
                                                           bool nameless)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *starving = actor_start();
    pid_t writer, reader;
    /* Once more with more time, if it ran out before all was ready. */
    for (int64_t timeout_ns = 250 * MS;; timeout_ns *= 2) {
        actor_tell(starving, act_timed, wanted, (uint64_t)timeout_ns);
        AWAIT((overtake(words(), wanted), look().starving == (int32_t)starving->slot) ||
              actor_is_done(starving));
        writer = sleeper_on(&words()->xfut);
        reader = sleeper_on(&words()->sfut);
        if (look().starving == (int32_t)starving->slot)
            break;
        test_kill(writer);
        test_kill(reader);
        CHECK_EQ_INT(0, actor_result(starving));
    }
    if (nameless)
        AWAIT((__atomic_and_fetch(&words()->word, ~LOCK_STARVING_MASK, __ATOMIC_SEQ_CST),
               actor_is_done(starving)));
    CHECK_EQ_INT(0, actor_result(starving));
    CHECK_EQ_INT(-1, look().starving);
    TEST_WAIT(writer); /* all queued behind it */
    TEST_WAIT(reader);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, S));
    actor_end(starving);
    end();
}

TEST(a_starving_writer_that_runs_out_of_time_lets_the_others_in)
{
    a_starving_waiter_that_runs_out_of_time_lets_the_others_in(X, false);
}

TEST(a_starving_reader_that_runs_out_of_time_lets_the_others_in)
{
    a_starving_waiter_that_runs_out_of_time_lets_the_others_in(S, false);
}

TEST(a_starving_waiter_whose_name_was_taken_off_lets_the_others_in)
{
    a_starving_waiter_that_runs_out_of_time_lets_the_others_in(X, true);
    a_starving_waiter_that_runs_out_of_time_lets_the_others_in(S, true);
}

TEST(an_owner_that_runs_out_of_time_in_its_drain_wakes_who_came_meanwhile)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    struct actor *owner = actor_start();
    pid_t writer, reader;
    for (int64_t timeout_ns = 100 * MS;; timeout_ns *= 2) {
        actor_tell(owner, act_timed, X, (uint64_t)timeout_ns);
        AWAIT(look().owner == (int32_t)owner->slot || actor_is_done(owner));
        writer = sleeper_on(&words()->xfut);
        reader = sleeper_on(&words()->sfut);
        __atomic_or_fetch(&words()->word, LOCK_XWAIT | LOCK_SWAIT, __ATOMIC_SEQ_CST);
        if (look().owner == (int32_t)owner->slot)
            break;
        test_kill(writer);
        test_kill(reader);
        CHECK_EQ_INT(0, actor_result(owner));
    }
    CHECK_EQ_INT(0, actor_result(owner));
    TEST_WAIT(writer);
    TEST_WAIT(reader);
    CHECK_EQ_INT(-1, look().owner);
    CHECK_EQ_UINT(0, words()->word & (LOCK_SWAIT | LOCK_DPARK));
    CHECK_EQ_INT(S, lwshm_lwlock_is_held_by(me, lock));
    actor_end(owner);
    end();
}
