/*
 * Waiting for a lock in steps.  The backends are all this thread's, which takes turns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/layout.h"
#include "fixture.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
/* As often as a waiter is passed over, at the most, before others queue behind it. */
#define MANY_TURNS 100

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
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(waiter, lock, mode, 0));
    CHECK(lock_info().has_waiters);
    struct lwshm_backend_info first = backend_info_of(waiter);
    CHECK_EQ_UINT(lock, first.wait_lock);
    CHECK_EQ_INT(mode, first.wait_mode);
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(waiter, lock, mode, 1000000));
    CHECK_EQ_INT(first.wait_since, backend_info_of(waiter).wait_since);
    CHECK_EQ_UINT(0, statistics().waits);
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(waiter, lock));
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_step(waiter, lock, mode, 0));
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
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_step(waiter, lock, X, 0));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire_step(waiter, lock, X, 0));
    CHECK_OK(lwshm_lwlock_release(waiter, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_step(waiter, lock, S, 0));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_step(third, lock, S, 0));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire_step(third, lock, S, 0));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire_step(third, lock, X, 0));
    CHECK_EQ_UINT(1, statistics().exclusive);
    CHECK_EQ_UINT(2, statistics().shared);
    CHECK_EQ_UINT(0, statistics().slow_shared + statistics().slow_exclusive);
    end();
}

static void check_starves_across_steps(enum lwshm_lwlock_mode mode)
{
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    for (int i = 0; lock_info().starving < 0; i++) {
        CHECK(i < MANY_TURNS);
        CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(waiter, lock, mode, 0));
    }
    CHECK_EQ_INT(slot_of(waiter), lock_info().starving);
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    /* All others queue behind it, also while it is between two steps. */
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(third, lock, X));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(third, lock, S));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_step(waiter, lock, mode, 0));
    CHECK_EQ_INT(-1, lock_info().starving);
    CHECK_OK(lwshm_lwlock_release(waiter, lock));
}

TEST(turns_add_up_over_the_steps_and_a_starver_keeps_its_place_between_them)
{
    begin();
    check_starves_across_steps(X);
    check_starves_across_steps(S);
    end();
}

TEST(a_writer_that_waits_for_readers_to_leave_lets_nobody_in_between_its_steps)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, S));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(waiter, lock, X, 0));
    CHECK_EQ_INT(slot_of(waiter), lock_info().owner);
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(waiter, lock));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(third, lock, S));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_acquire_step(waiter, lock, S, 0));
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_step(waiter, lock, X, 0));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(waiter, lock));
    CHECK_OK(lwshm_lwlock_release(waiter, lock));
    end();
}

TEST(a_cancelled_wait_leaves_nothing)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    for (int mode = X; mode <= S; mode++) {
        for (int i = 0; i < MANY_TURNS; i++)
            CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(waiter, lock, mode, 0));
        CHECK_EQ_INT(slot_of(waiter), lock_info().starving);
        CHECK_OK(lwshm_lwlock_cancel(waiter, lock));
        check_gone();
    }
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_OK(lwshm_lwlock_acquire(third, lock, X));
    CHECK_OK(lwshm_lwlock_release(third, lock));
    /* From the drain, too. */
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, S));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(waiter, lock, X, 0));
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
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(waiter, lock, X, 0));
    CHECK_EQ_INT(0, CHECK_OK(lwshm_backend_release_all(waiter)));
    check_gone();
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(waiter, lock, X, 0));
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
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(waiter, lock, S, 0));
    CHECK_OK(lwshm_backend_abandon(holder));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire_step(waiter, lock, S, 0));
    CHECK_EQ_UINT(0, backend_info_of(waiter).wait_lock);
    CHECK_OK(lwshm_lwlock_acquire_for_repair(third, lock));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_for_repair_step(waiter, lock, 0));
    CHECK_OK(lwshm_lwlock_release(third, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair_step(waiter, lock, 0));
    CHECK(lock_info().is_poisoned);
    CHECK_OK(lwshm_lwlock_mark_consistent(waiter, lock));
    CHECK_OK(lwshm_lwlock_release(waiter, lock));
    holder = join(segment);
    end();
}

TEST(a_variable_is_waited_for_in_steps)
{
    uint64_t value = 99;
    begin();
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_EQ_INT(0, lwshm_lwlock_wait_for_var_step(waiter, lock, 0, 0, &value));
    CHECK_EQ_UINT(0, value);
    CHECK_EQ_UINT(lock, backend_info_of(waiter).wait_lock);
    CHECK_OK(lwshm_lwlock_update_var(holder, lock, 7));
    CHECK_EQ_INT(0, lwshm_lwlock_wait_for_var_step(waiter, lock, 0, 0, &value));
    CHECK_EQ_UINT(7, value);
    CHECK_EQ_UINT(0, backend_info_of(waiter).wait_lock);
    CHECK_EQ_INT(0, lwshm_lwlock_wait_for_var_step(waiter, lock, 7, 0, &value));
    CHECK_OK(lwshm_lwlock_cancel(waiter, lock));
    CHECK_EQ_UINT(0, backend_info_of(waiter).wait_lock);
    CHECK_OK(lwshm_lwlock_release_clear_var(holder, lock, 8));
    /* Free is free, whatever was written last. */
    CHECK_EQ_INT(1, lwshm_lwlock_wait_for_var_step(waiter, lock, 7, 0, &value));
    CHECK_EQ_INT(1, lwshm_lwlock_wait_for_var(waiter, lock, 7, &value));
    end();
}

TEST(waiting_for_ones_own_variable_is_refused)
{
    uint64_t value;
    begin();
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_wait_for_var(holder, lock, 0, &value));
    end();
}
