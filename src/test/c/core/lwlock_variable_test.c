/*
 * Waiting for a holder without becoming one, and handing a hold over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>

#include "actor.h"
#include "core/backend_slot.h"
#include "core/lock.h"
#include "stepping.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

static void begin_with(const struct lwshm_segment_options *options)
{
    segment = create_segment(options);
    lock = make_tranche(segment, "test", 4).offset;
    me = join(segment);
}

static void begin(void)
{
    begin_with(NULL);
}

static void end(void)
{
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

static struct actor *holder_of(enum lwshm_lwlock_mode mode)
{
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, mode));
    return holder;
}

static void check_free(void)
{
    CHECK_EQ_INT(-1, look().owner);
    CHECK_EQ_UINT(0, look().shared);
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
}

/* ---- acquire or wait ---- */

TEST(acquire_or_wait_takes_a_free_lock)
{
    begin();
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_or_wait(me, lock));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire_or_wait(me, lock));
    end();
}

static void acquire_or_wait_waits_until_it_is_released(enum lwshm_lwlock_mode held)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, held));
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_acquire_or_wait, lock, 0);
    AWAIT(actor_waits_for(segment, waiter, lock));
    CHECK(!actor_is_done(waiter));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(0, actor_result(waiter));
    check_free();
    CHECK(!actor_waits_for(segment, waiter, lock));
    actor_end(waiter);
    end();
}

TEST(acquire_or_wait_waits_for_a_writer_and_does_not_become_one)
{
    acquire_or_wait_waits_until_it_is_released(X);
}

TEST(acquire_or_wait_waits_for_a_reader_and_does_not_become_a_writer)
{
    acquire_or_wait_waits_until_it_is_released(S);
}

TEST(acquire_or_wait_hears_that_the_holder_died)
{
    begin();
    struct actor *holder = holder_of(X), *waiter = actor_start();
    actor_tell(waiter, act_acquire_or_wait, lock, 0);
    AWAIT(actor_waits_for(segment, waiter, lock));
    test_kill(holder->pid);
    CHECK_EQ_INT(LWSHM_E_OWNER_DIED, actor_result(waiter));
    CHECK_EQ_UINT(1, look().is_poisoned);
    actor_end(waiter);
    end();
}

/* ---- the variable ---- */

static struct seen {
    uint64_t value;
} * seen;

static int act_wait_for_var(const struct acting *self, uint64_t what, uint64_t old)
{
    return lwshm_lwlock_wait_for_var(self->me, what, old, &seen->value);
}

static struct actor *waiter_for_var(uint64_t old)
{
    seen = shared_zeros(sizeof *seen);
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_wait_for_var, lock, old);
    return waiter;
}

TEST(nobody_waits_for_the_variable_of_a_lock_that_is_not_held_exclusively)
{
    uint64_t value;
    begin();
    CHECK_EQ_INT(1, lwshm_lwlock_wait_for_var(me, lock, 0, &value));
    CHECK_EQ_INT(1, lwshm_lwlock_wait_for_var(me, lock, 5, &value));
    lwshm_backend *other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, S));
    CHECK_EQ_INT(1, lwshm_lwlock_wait_for_var(me, lock, 0, &value));
    CHECK_EQ_INT(0, lwshm_backend_held_locks(me));
    CHECK_OK(lwshm_backend_leave(other));
    end();
}

TEST(who_knows_an_old_value_is_told_the_new_one_at_once)
{
    uint64_t value = 0;
    begin();
    lwshm_backend *holder = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_OK(lwshm_lwlock_update_var(holder, lock, 42));
    CHECK_EQ_INT(0, lwshm_lwlock_wait_for_var(me, lock, 0, &value));
    CHECK_EQ_UINT(42, value);
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_EQ_UINT(42, words()->variable); /* it stays */
    CHECK_OK(lwshm_backend_leave(holder));
    end();
}

TEST(who_waits_for_the_variable_sees_its_update)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_update_var(me, lock, 7));
    struct actor *waiter = waiter_for_var(7);
    AWAIT(actor_waits_for(segment, waiter, lock));
    CHECK_OK(lwshm_lwlock_update_var(me, lock, 7)); /* no news */
    AWAIT((words()->word & LOCK_SWAIT) != 0);
    CHECK(!actor_is_done(waiter));
    CHECK_OK(lwshm_lwlock_update_var(me, lock, 0xfedcba9876543210));
    CHECK_EQ_INT(0, actor_result(waiter));
    CHECK_EQ_UINT(0xfedcba9876543210, seen->value);
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
    actor_end(waiter);
    end();
}

static void who_waits_for_the_variable_sees_the_release(bool and_a_value)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *waiter = waiter_for_var(0);
    AWAIT(actor_waits_for(segment, waiter, lock));
    if (and_a_value)
        CHECK_OK(lwshm_lwlock_release_clear_var(me, lock, 9));
    else
        CHECK_OK(lwshm_lwlock_release(me, lock));
    int r = actor_result(waiter);
    /* It may have looked between the two steps of release_clear_var. */
    CHECK(r == 1 || (and_a_value && r == 0 && seen->value == 9));
    CHECK_EQ_UINT(and_a_value ? 9 : 0, words()->variable);
    check_free();
    actor_end(waiter);
    end();
}

TEST(who_waits_for_the_variable_sees_the_release)
{
    who_waits_for_the_variable_sees_the_release(false);
}

TEST(who_waits_for_the_variable_sees_the_release_that_sets_it)
{
    who_waits_for_the_variable_sees_the_release(true);
}

TEST(a_lock_that_is_free_is_not_held_whatever_its_variable_is)
{
    uint64_t value;
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release_clear_var(me, lock, 9));
    CHECK_EQ_INT(1, lwshm_lwlock_wait_for_var(me, lock, 0, &value));
    CHECK_EQ_INT(1, lwshm_lwlock_wait_for_var(me, lock, 9, &value));
    end();
}

TEST(who_waits_for_the_variable_hears_that_the_holder_died)
{
    begin();
    struct actor *holder = holder_of(X), *waiter = waiter_for_var(0);
    AWAIT(actor_waits_for(segment, waiter, lock));
    test_kill(holder->pid);
    CHECK_EQ_INT(LWSHM_E_OWNER_DIED, actor_result(waiter));
    CHECK_EQ_UINT(1, look().is_poisoned);
    actor_end(waiter);
    end();
}

TEST(only_who_holds_the_lock_exclusively_sets_its_variable)
{
    begin();
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_update_var(me, lock, 1));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release_clear_var(me, lock, 1));
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_update_var(me, lock, 1));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release_clear_var(me, lock, 1));
    CHECK_EQ_INT(S, lwshm_lwlock_is_held_by(me, lock));
    CHECK_EQ_UINT(0, words()->variable);
    end();
}

TEST(an_update_wakes_all_who_wait_and_no_writer)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t first = sleeper_on(&words()->sfut), second = sleeper_on(&words()->sfut);
    uint32_t writers = words()->xfut;
    __atomic_or_fetch(&words()->word, LOCK_SWAIT | LOCK_XWAIT, __ATOMIC_SEQ_CST);
    CHECK_OK(lwshm_lwlock_update_var(me, lock, 1));
    TEST_WAIT(first);
    TEST_WAIT(second);
    CHECK_EQ_UINT(LOCK_XWAIT, words()->word & (LOCK_SWAIT | LOCK_XWAIT));
    CHECK_EQ_UINT(writers, words()->xfut);
    end();
}

/* ---- disowned ---- */

static void disowned_by_one_and_released_by_another(enum lwshm_lwlock_mode mode)
{
    begin();
    struct actor *other = actor_start();
    CHECK_EQ_INT(LWSHM_E_NOT_HELD, actor_do(other, act_release_disowned, lock, 0));
    CHECK_OK(lwshm_lwlock_acquire(me, lock, mode));
    CHECK_EQ_INT(LWSHM_E_NOT_HELD, actor_do(other, act_release_disowned, lock, 0));
    CHECK_OK(lwshm_lwlock_disown(me, lock));
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(me, lock));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release(me, lock));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_disown(me, lock));
    CHECK_EQ_INT(0, actor_do(other, act_try_acquire, lock, X)); /* held all the same */
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_acquire, lock, X);
    AWAIT(actor_waits_for(segment, waiter, lock));
    CHECK_OK(actor_do(other, act_release_disowned, lock, 0));
    CHECK_OK(actor_result(waiter));
    CHECK_EQ_INT(LWSHM_E_NOT_HELD, actor_do(other, act_release_disowned, lock, 0)); /* once */
    CHECK_OK(actor_do(waiter, act_release, lock, 0));
    CHECK_EQ_UINT(0, look().is_poisoned);
    check_free(); /* whoever disowned it may have it again */
    actor_end(waiter);
    actor_end(other);
    end();
}

TEST(a_writer_disowns_its_lock_and_another_process_releases_it)
{
    disowned_by_one_and_released_by_another(X);
}

TEST(who_disowned_a_lock_waits_for_it_as_others_do)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_disown(me, lock));
    CHECK_EQ_INT(0, lwshm_backend_held_locks(me));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(me, lock, X, 5000000));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(me, lock, S, 5000000));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(me, lock, S, 1000000));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_step(me, lock, S, 1000000));
    CHECK_OK(lwshm_lwlock_cancel(me, lock));
    CHECK_OK(lwshm_lwlock_release_disowned(me, lock));
    check_free();
    end();
}

TEST(a_reader_disowns_its_lock_and_another_process_releases_it)
{
    disowned_by_one_and_released_by_another(S);
}

TEST(a_lock_that_one_does_not_hold_cannot_be_disowned)
{
    begin();
    lwshm_backend *other = join(segment);
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_disown(me, lock));
    CHECK_OK(lwshm_lwlock_acquire(other, lock, X));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_disown(me, lock));
    CHECK_OK(lwshm_backend_leave(other));
    end();
}

TEST(who_disowned_a_lock_may_release_it_as_anybody_may)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_disown(me, lock));
    CHECK_OK(lwshm_lwlock_release_disowned(me, lock));
    check_free();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    CHECK_OK(lwshm_lwlock_disown(me, lock));
    CHECK_OK(lwshm_lwlock_release_disowned(me, lock));
    check_free();
    end();
}

TEST(several_who_disowned_a_shared_lock_are_released_one_by_one)
{
    begin();
    lwshm_backend *others[] = {join(segment), join(segment), join(segment)};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(lwshm_lwlock_acquire(others[i], lock, S));
        CHECK_OK(lwshm_lwlock_disown(others[i], lock));
    }
    for (uint32_t left = 3; left > 0; left--) {
        CHECK_EQ_UINT(left, look().shared);
        CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, X));
        CHECK_OK(lwshm_lwlock_release_disowned(me, lock));
    }
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release_disowned(me, lock));
    check_free();
    for (int i = 0; i < 3; i++)
        CHECK_OK(lwshm_backend_leave(others[i]));
    end();
}

TEST(an_owner_that_waits_for_a_disowned_reader_is_woken_by_who_releases_it)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    CHECK_OK(lwshm_lwlock_disown(me, lock));
    pid_t owner = sleeper_on(&words()->dfut);
    __atomic_or_fetch(&words()->word, LOCK_DPARK, __ATOMIC_SEQ_CST);
    CHECK_OK(lwshm_lwlock_release_disowned(me, lock));
    TEST_WAIT(owner);
    __atomic_and_fetch(&words()->word, ~LOCK_DPARK, __ATOMIC_SEQ_CST);
    check_free();
    end();
}

static void who_disowned_a_lock_is_gone_before_it_was_released(enum lwshm_lwlock_mode mode,
                                                               bool killed)
{
    begin();
    struct actor *holder = holder_of(mode);
    CHECK_OK(actor_do(holder, act_disown, lock, 0));
    if (killed)
        test_kill(holder->pid);
    else
        actor_end(holder);
    if (mode == X) {
        CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, X));
        CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
        CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
    } else {
        CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    }
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release_disowned(me, lock));
    check_free();
    CHECK_EQ_INT(1, lwshm_backend_list(segment, NULL, 0));
    end();
}

TEST(a_disowned_exclusive_lock_is_recovered_if_who_disowned_it_is_killed)
{
    who_disowned_a_lock_is_gone_before_it_was_released(X, true);
}

TEST(a_disowned_shared_lock_is_recovered_if_who_disowned_it_is_killed)
{
    who_disowned_a_lock_is_gone_before_it_was_released(S, true);
}

TEST(a_disowned_exclusive_lock_is_recovered_if_who_disowned_it_leaves)
{
    who_disowned_a_lock_is_gone_before_it_was_released(X, false);
}

TEST(a_disowned_shared_lock_is_recovered_if_who_disowned_it_leaves)
{
    who_disowned_a_lock_is_gone_before_it_was_released(S, false);
}

static void release_disowned(void *arg)
{
    (void)arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    stepping_begin();
    lwshm_lwlock_release_disowned(backend, lock);
    stepping_end();
}

/* Whoever dies on the way: either it is disowned still, or it was the releaser's, or it is free. */
static void the_releaser_is_killed_at_every_step(enum lwshm_lwlock_mode mode)
{
    if (!can_step())
        SKIP(CANNOT_STEP);
    struct lwshm_segment_options options = small_options();
    options.max_backends = 4;
    options.max_held_locks = 2;
    begin_with(&options);
    int32_t my_slot = (int32_t)backend_info_of(me).slot;
    uint32_t before = 0, meanwhile = 0, after = 0;
    lwshm_backend *other = join(segment);
    bool goes_on = true;
    for (long steps = 0; goes_on; steps++) {
        CHECK_OK(lwshm_lwlock_acquire(me, lock, mode));
        CHECK_OK(lwshm_lwlock_disown(me, lock));
        goes_on = step_and_kill(release_disowned, NULL, steps);
        int32_t owner = look().owner;
        bool taken_over = mode == X && owner >= 0 && owner != my_slot;
        CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
        CHECK_EQ_UINT(taken_over, look().is_poisoned);
        if (taken_over) {
            CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(other, lock));
            CHECK_OK(lwshm_lwlock_mark_consistent(other, lock));
            CHECK_OK(lwshm_lwlock_release(other, lock));
            /* What we hold anew is not taken for what we once disowned. */
            CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
            CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release_disowned(other, lock));
            CHECK_EQ_INT(my_slot, look().owner);
            CHECK_OK(lwshm_lwlock_release(me, lock));
            meanwhile++;
        } else if (mode == X ? owner == my_slot : look().shared == 1) {
            CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(other, lock, X));
            CHECK_OK(lwshm_lwlock_release_disowned(other, lock));
            before++;
        } else {
            after++;
        }
        CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release_disowned(other, lock));
        CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(other, lock, X));
        CHECK_OK(lwshm_lwlock_release(other, lock));
        check_free();
        for (int i = 0; i < 2; i++)
            CHECK_EQ_UINT(0, slot_at(segment, (uint32_t)my_slot)->record[i]);
    }
    CHECK(before > 0 && after > 0 && (mode == S || meanwhile > 0));
    CHECK_OK(lwshm_backend_leave(other));
    end();
}

TEST(who_releases_a_disowned_exclusive_lock_is_killed_at_every_step)
{
    the_releaser_is_killed_at_every_step(X);
}

TEST(who_releases_a_disowned_shared_lock_is_killed_at_every_step)
{
    the_releaser_is_killed_at_every_step(S);
}
