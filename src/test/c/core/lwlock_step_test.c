/*
 * Waiting for a lock in steps.  The backends are all this thread's, which takes turns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_wait.h"
#include "fixture.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define AN_HOUR_NS (3600 * INT64_C(1000000000))

static lwshm_segment *segment;
static struct lwshm_tranche tranche;
static lwshm_backend *holder, *waiter, *third;
static uint64_t lock;

static void begin(void)
{
    segment = create_segment(NULL);
    tranche = make_tranche(segment, "test", 4);
    lock = tranche.offset;
    holder = join(segment);
    waiter = join(segment);
    third = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(holder));
    CHECK_OK(lwshm_backend_leave(waiter));
    CHECK_OK(lwshm_backend_leave(third));
    end_segment(segment);
}

static int slot_of(const lwshm_backend *backend)
{
    return (int)backend_info_of(backend).slot;
}

static struct lwshm_lwlock_info lock_info(void)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    return info;
}

static struct lwshm_tranche_statistics statistics(void)
{
    struct lwshm_tranche_statistics statistics;
    CHECK_OK(lwshm_tranche_statistics(segment, tranche.id, &statistics));
    return statistics;
}

/* The shortest step: it announces the waiter, and does not sleep. */
static int step_for(lwshm_backend *backend, enum lwshm_lwlock_mode mode)
{
    return lwshm_lwlock_acquire_slow(backend, lock, mode, 0, LWSHM_LW_STEP);
}

static int await_release_step(void)
{
    return lwshm_lwlock_await_release(waiter, lock, 0, LWSHM_LW_STEP);
}

/* The waiter's backend has no trace of the lock, and the lock none of it. */
static void check_gone(void)
{
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(waiter, lock));
    CHECK_EQ_UINT(0, backend_info_of(waiter).wait_lock);
    CHECK(lock_info().owner != slot_of(waiter));
    CHECK(lock_info().starving != slot_of(waiter));
    /* No record either, or this would be refused. */
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(waiter, lock, X));
}

static void check_steps_until_released(enum lwshm_lwlock_mode mode)
{
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_EQ_INT(0, step_for(waiter, mode));
    CHECK(lock_info().has_waiters);
    struct lwshm_backend_info first = backend_info_of(waiter);
    CHECK_EQ_UINT(lock, first.wait_lock);
    CHECK_EQ_INT(mode, first.wait_mode);
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_slow(waiter, lock, mode, 1000000, LWSHM_LW_STEP));
    CHECK_EQ_INT(first.wait_since, backend_info_of(waiter).wait_since);
    CHECK_EQ_UINT(0, statistics().waits);
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(waiter, lock));
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_EQ_INT(1, step_for(waiter, mode));
    CHECK_EQ_INT(mode, lwshm_lwlock_is_held_by(waiter, lock));
    CHECK_EQ_UINT(0, backend_info_of(waiter).wait_lock);
    CHECK_EQ_UINT(1, statistics().waits);
    CHECK_EQ_UINT(1, statistics().slow_exclusive + statistics().slow_shared);
    CHECK_OK(lwshm_lwlock_release(waiter, lock));
}

TEST(a_wait_in_steps_is_one_wait)
{
    begin();
    check_steps_until_released(X);
    end();
}

TEST(a_wait_for_shared_in_steps_is_one_wait)
{
    begin();
    check_steps_until_released(S);
    end();
}

TEST(a_step_that_finds_its_way_free_acquires_at_once)
{
    begin();
    CHECK_EQ_INT(1, step_for(waiter, X));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, step_for(waiter, X));
    CHECK_OK(lwshm_lwlock_release(waiter, lock));
    CHECK_EQ_INT(1, step_for(waiter, S));
    CHECK_EQ_INT(1, step_for(third, S));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, step_for(third, S));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, step_for(third, X));
    CHECK_EQ_UINT(1, statistics().exclusive);
    CHECK_EQ_UINT(2, statistics().shared);
    CHECK_EQ_UINT(0, statistics().slow_shared + statistics().slow_exclusive);
    end();
}

static void check_starves_between_steps(enum lwshm_lwlock_mode mode)
{
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_EQ_INT(0, step_for(waiter, mode));
    CHECK_EQ_INT(slot_of(waiter), lock_info().starving);
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    /* All others queue behind it, also while it is between two steps. */
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_slow(third, lock, X, 0, 0));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_slow(third, lock, S, 0, 0));
    CHECK_EQ_INT(1, step_for(waiter, mode));
    CHECK_EQ_INT(-1, lock_info().starving);
    CHECK_OK(lwshm_lwlock_release(waiter, lock));
}

TEST(a_starving_waiter_keeps_its_name_between_its_steps)
{
    begin();
    lwlock_turns_before_starving = 0;
    patience_limits.first_ns = AN_HOUR_NS; /* so long may it leave the free lock alone */
    check_starves_between_steps(X);
    check_starves_between_steps(S);
    end();
}

TEST(steps_that_nobody_overtakes_are_no_turns)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    for (int mode = X; mode <= S; mode++) {
        for (int i = 0; i < 100; i++)
            CHECK_EQ_INT(0, step_for(waiter, mode));
        CHECK_EQ_INT(-1, lock_info().starving);
        CHECK_OK(lwshm_lwlock_cancel(waiter, lock));
    }
    end();
}

TEST(a_writer_that_waits_for_readers_to_leave_lets_nobody_in_between_its_steps)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, S));
    CHECK_EQ_INT(0, step_for(waiter, X));
    CHECK_EQ_INT(slot_of(waiter), lock_info().owner);
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(waiter, lock));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(third, lock, S));
    CHECK_FAILS(LWSHM_E_INVALID, step_for(waiter, S));
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_EQ_INT(1, step_for(waiter, X));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(waiter, lock));
    CHECK_OK(lwshm_lwlock_release(waiter, lock));
    end();
}

TEST(a_cancelled_wait_leaves_nothing)
{
    begin();
    lwlock_turns_before_starving = 0;
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    for (int mode = X; mode <= S; mode++) {
        for (int i = 0; i < 3; i++)
            CHECK_EQ_INT(0, step_for(waiter, mode));
        CHECK_EQ_INT(slot_of(waiter), lock_info().starving);
        CHECK_OK(lwshm_lwlock_cancel(waiter, lock));
        check_gone();
    }
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_OK(lwshm_lwlock_acquire(third, lock, X));
    CHECK_OK(lwshm_lwlock_release(third, lock));
    /* From the drain, too. */
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, S));
    CHECK_EQ_INT(0, step_for(waiter, X));
    CHECK_OK(lwshm_lwlock_cancel(waiter, lock));
    check_gone();
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(third, lock, S));
    CHECK_OK(lwshm_lwlock_cancel(third, lock));
    CHECK_EQ_INT(S, lwshm_lwlock_is_held_by(third, lock));
    end();
}

TEST(a_backend_that_leaves_between_two_steps_leaves_nothing)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, S));
    CHECK_EQ_INT(0, step_for(waiter, X));
    CHECK_EQ_INT(0, CHECK_OK(lwshm_backend_release_all(waiter)));
    check_gone();
    CHECK_EQ_INT(0, step_for(waiter, X));
    CHECK_OK(lwshm_backend_leave(waiter));
    CHECK_EQ_INT(-1, lock_info().owner);
    CHECK(!lock_info().is_poisoned);
    waiter = join(segment);
    end();
}

TEST(steps_end_with_the_news_that_the_holder_died_and_can_repair)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_EQ_INT(0, step_for(waiter, S));
    CHECK_OK(lwshm_backend_abandon(holder));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, step_for(waiter, S));
    CHECK_EQ_UINT(0, backend_info_of(waiter).wait_lock);
    CHECK_OK(lwshm_lwlock_acquire_for_repair(third, lock));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_slow(waiter, lock, X, 0, LWSHM_LW_STEP | LWSHM_LW_REPAIR));
    CHECK_OK(lwshm_lwlock_release(third, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_slow(waiter, lock, X, 0, LWSHM_LW_STEP | LWSHM_LW_REPAIR));
    CHECK(lock_info().is_poisoned);
    CHECK_OK(lwshm_lwlock_mark_consistent(waiter, lock));
    CHECK_OK(lwshm_lwlock_release(waiter, lock));
    holder = join(segment);
    end();
}

TEST(a_release_is_waited_for_in_steps)
{
    begin();
    CHECK_EQ_INT(1, lwshm_lwlock_await_release(waiter, lock, 0, LWSHM_LW_STEP));
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_EQ_INT(0, await_release_step());
    CHECK_EQ_UINT(lock, backend_info_of(waiter).wait_lock);
    struct lwshm_backend_info first = backend_info_of(waiter);
    CHECK_EQ_INT(0, await_release_step());
    CHECK_EQ_INT(first.wait_since, backend_info_of(waiter).wait_since);
    CHECK_OK(lwshm_lwlock_cancel(waiter, lock));
    CHECK_EQ_UINT(0, backend_info_of(waiter).wait_lock);
    CHECK_EQ_INT(0, await_release_step());
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_EQ_INT(1, await_release_step());
    CHECK_EQ_UINT(0, backend_info_of(waiter).wait_lock);
    /* Readers are no obstacle. */
    CHECK_OK(lwshm_lwlock_acquire(third, lock, S));
    CHECK_EQ_INT(1, lwshm_lwlock_await_release(waiter, lock, LWSHM_FOREVER, 0));
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(waiter, lock));
    CHECK_EQ_INT(0, lwshm_backend_held_locks(waiter));
    end();
}

TEST(waiting_for_ones_own_release_is_refused)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_await_release(holder, lock, LWSHM_FOREVER, 0));
    CHECK_EQ_INT(0, step_for(waiter, X));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_await_release(waiter, lock, LWSHM_FOREVER, 0));
    CHECK_OK(lwshm_lwlock_cancel(waiter, lock));
    end();
}
