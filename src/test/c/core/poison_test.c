/*
 * Locks whose holder died inside: who hears of it, and how they become good again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>

#include "actor.h"
#include "core/lwlock_wait.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define A_WHILE_NS (20 * 1000000ll)
#define AN_HOUR_NS (3600 * 1000000000ll)

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_tranche tranche;
static uint64_t lock;

static void begin(void)
{
    segment = create_segment(NULL);
    tranche = make_tranche(segment, "test", 4);
    lock = tranche.offset;
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static struct lwshm_lwlock_info look(void)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    return info;
}

static struct lwlock *words(void)
{
    return lwshm_shmem_pointer(segment, lock, sizeof(struct lwlock));
}

/* Only a wake-up wakes it, so it stays where it is among the sleepers. */
static int act_acquire_without_looks(const struct acting *self, uint64_t what, uint64_t mode)
{
    patience_limits.first_ns = AN_HOUR_NS;
    return act_acquire(self, what, mode);
}

/* A holder dies inside. */
static void poison(void)
{
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, X));
    test_kill(holder->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK_EQ_UINT(1, look().is_poisoned);
}

static void check_poisoned_and_free(void)
{
    CHECK_EQ_UINT(1, look().is_poisoned);
    CHECK_EQ_INT(-1, look().owner);
    CHECK_EQ_UINT(0, look().shared);
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(me, lock));
    CHECK_EQ_INT(0, lwshm_backend_held_locks(me));
}

/* ---- nobody repairs ---- */

TEST(every_way_to_acquire_a_poisoned_lock_says_that_its_owner_died)
{
    static const enum lwshm_lwlock_mode modes[] = {X, S};
    begin();
    poison();
    for (int i = 0; i < 2; i++) {
        CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, modes[i]));
        check_poisoned_and_free();
        CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_try_acquire(me, lock, modes[i]));
        check_poisoned_and_free();
        CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire_timed(me, lock, modes[i], A_WHILE_NS));
        CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire_timed(me, lock, modes[i], 0));
        check_poisoned_and_free();
    }
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire_or_wait(me, lock));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_await_release(me, lock, LWSHM_FOREVER, 0));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_await_release(me, lock, 0, 0));
    check_poisoned_and_free();
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock + 64, X)); /* its neighbour is not */
    end();
}

TEST(all_who_wait_when_the_holder_dies_hear_of_it)
{
    struct actor *waiters[4];
    begin();
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, X));
    for (int i = 0; i < 4; i++) {
        waiters[i] = actor_start();
        actor_tell(waiters[i], act_acquire, lock, i % 2 == 0 ? X : S);
        AWAIT(actor_waits_for(segment, waiters[i], lock));
    }
    test_kill(holder->pid);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(LWSHM_E_OWNER_DIED, actor_result(waiters[i]));
        actor_end(waiters[i]);
    }
    check_poisoned_and_free();
    end();
}

TEST(a_reader_that_dies_poisons_nothing)
{
    begin();
    struct actor *reader = actor_start();
    CHECK_OK(actor_do(reader, act_acquire, lock, S));
    test_kill(reader->pid);
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_EQ_UINT(0, look().is_poisoned);
    end();
}

/* ---- by hand ---- */

TEST(who_acquires_for_repair_is_told_whether_there_is_anything_to_repair)
{
    begin();
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    poison();
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
    CHECK_EQ_UINT(1, look().is_poisoned);
    CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
    CHECK_EQ_UINT(0, look().is_poisoned);
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, S));
    end();
}

TEST(a_lock_that_is_released_without_having_been_marked_stays_poisoned)
{
    begin();
    poison();
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    check_poisoned_and_free();
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, S));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_EQ_INT(1, lwshm_backend_release_all(me));
    check_poisoned_and_free();
    end();
}

TEST(only_who_holds_the_lock_exclusively_may_mark_it_consistent)
{
    begin();
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_mark_consistent(me, lock));
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_mark_consistent(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    poison();
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_mark_consistent(me, lock));
    struct actor *repairer = actor_start();
    CHECK_EQ_INT(1, actor_do(repairer, act_acquire_for_repair, lock, 0));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_mark_consistent(me, lock));
    CHECK_EQ_UINT(1, look().is_poisoned);
    actor_end(repairer);
    end();
}

TEST(who_comes_while_another_repairs_waits_for_the_outcome)
{
    begin();
    poison();
    for (int consistent = 0; consistent < 2; consistent++) {
        struct actor *waiters[] = {actor_start(), actor_start()};
        CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
        for (int i = 0; i < 2; i++) {
            actor_tell(waiters[i], act_acquire, lock, i == 0 ? X : S);
            AWAIT(actor_waits_for(segment, waiters[i], lock));
        }
        if (consistent)
            CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
        CHECK_OK(lwshm_lwlock_release(me, lock));
        for (int i = 0; i < 2; i++) {
            /* Of the two, whoever comes first holds it; so one at a time. */
            AWAIT(actor_is_done(waiters[0]) || actor_is_done(waiters[1]));
            struct actor *first = actor_is_done(waiters[0]) ? waiters[0] : waiters[1];
            CHECK_EQ_INT(consistent ? LWSHM_OK : LWSHM_E_OWNER_DIED, actor_result(first));
            actor_end(first);
            if (i == 0 && first == waiters[0])
                waiters[0] = waiters[1];
            else if (i == 0)
                waiters[1] = waiters[0];
        }
    }
    end();
}

TEST(one_that_is_killed_while_it_repairs_leaves_the_lock_poisoned)
{
    begin();
    poison();
    struct actor *repairer = actor_start();
    CHECK_EQ_INT(1, actor_do(repairer, act_acquire_for_repair, lock, 0));
    test_kill(repairer->pid);
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, X));
    check_poisoned_and_free();
    /* And one that has marked it, but goes on inside. */
    repairer = actor_start();
    CHECK_EQ_INT(1, actor_do(repairer, act_acquire_for_repair, lock, 0));
    CHECK_OK(actor_do(repairer, act_mark_consistent, lock, 0));
    CHECK_EQ_UINT(0, look().is_poisoned);
    test_kill(repairer->pid);
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, X));
    end();
}

TEST(a_woken_waiter_that_gives_up_on_a_poisoned_lock_passes_the_wake_up_on)
{
    begin();
    poison();
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_acquire_without_looks, lock, X);
    AWAIT(actor_waits_for(segment, waiter, lock) && sleeps(waiter->pid));
    pid_t behind = sleeper_on(&words()->xfut);
    CHECK_OK(lwshm_lwlock_release(me, lock)); /* wakes one */
    CHECK_EQ_INT(LWSHM_E_OWNER_DIED, actor_result(waiter));
    TEST_WAIT(behind);
    CHECK_EQ_UINT(LOCK_POISON | LOCK_XWAIT | LOCK_WAKING, words()->word); /* it is woken now */
    actor_end(waiter);
    end();
}

/* ---- by a callback ---- */

static struct repairs {
    uint32_t calls;
    lwshm_backend *backend;
    uint64_t lock;
    int result;
    jmp_buf *way_out;
} * repairs;

static int repair(lwshm_backend *backend, uint64_t what, void *argument)
{
    struct repairs *r = argument;
    r->calls++;
    r->backend = backend;
    r->lock = what;
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(backend, what));
    CHECK_EQ_UINT(1, look().is_poisoned);
    CHECK_OK(lwshm_lwlock_acquire(backend, what + 64, X)); /* others it may take */
    CHECK_OK(lwshm_lwlock_release(backend, what + 64));
    if (r->way_out != NULL)
        longjmp(*r->way_out, 1);
    return r->result;
}

static void begin_with_callback(void)
{
    begin();
    repairs = shared_zeros(sizeof *repairs);
    CHECK_OK(lwshm_tranche_on_repair(segment, &tranche, repair, repairs));
}

TEST(a_callback_repairs_once_and_the_acquire_goes_on_in_the_mode_that_was_asked_for)
{
    static const enum lwshm_lwlock_mode modes[] = {X, S};
    begin_with_callback();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_EQ_UINT(0, repairs->calls); /* nothing is the matter */
    CHECK_OK(lwshm_lwlock_release(me, lock));
    for (int i = 0; i < 8; i++) {
        enum lwshm_lwlock_mode mode = modes[i % 2];
        repairs->calls = 0;
        poison();
        if (i / 2 == 0)
            CHECK_OK(lwshm_lwlock_acquire(me, lock, mode));
        else if (i / 2 == 1)
            CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, mode));
        else if (i / 2 == 2)
            CHECK_EQ_INT(1, lwshm_lwlock_acquire_timed(me, lock, mode, A_WHILE_NS));
        else
            CHECK_EQ_INT(1, lwshm_lwlock_acquire_timed(me, lock, mode, 0));
        CHECK_EQ_INT(mode, lwshm_lwlock_is_held_by(me, lock));
        CHECK_EQ_UINT(1, repairs->calls);
        CHECK(repairs->backend == me);
        CHECK_EQ_UINT(lock, repairs->lock);
        CHECK_EQ_UINT(0, look().is_poisoned);
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    end();
}

TEST(one_that_waits_when_the_holder_dies_repairs_and_goes_on)
{
    begin_with_callback();
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, X));
    kill(holder->pid, SIGKILL);
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    CHECK_EQ_UINT(1, repairs->calls);
    test_wait_any(holder->pid);
    end();
}

TEST(one_that_waits_for_a_release_repairs_when_the_holder_dies_and_has_the_lock)
{
    begin_with_callback();
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, X));
    kill(holder->pid, SIGKILL);
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_or_wait(me, lock));
    CHECK_EQ_UINT(1, repairs->calls);
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
    CHECK_EQ_UINT(0, look().is_poisoned);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    test_wait_any(holder->pid);
    end();
}

TEST(a_callback_that_fails_leaves_the_lock_poisoned_and_is_called_again)
{
    begin_with_callback();
    poison();
    repairs->result = 7;
    const struct lwshm_error *e =
        CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, S));
    CHECK_CONTAINS("returned 7", e->message);
    check_poisoned_and_free();
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_EQ_UINT(2, repairs->calls);
    check_poisoned_and_free();
    repairs->result = 0;
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_EQ_UINT(3, repairs->calls);
    CHECK_EQ_UINT(0, look().is_poisoned);
    end();
}

TEST(a_callback_that_does_not_come_back_leaves_the_lock_held_and_poisoned)
{
    jmp_buf way_out;
    begin_with_callback();
    poison();
    repairs->way_out = &way_out;
    if (setjmp(way_out) == 0) {
        lwshm_lwlock_acquire(me, lock, S);
        FAIL("the acquire came back");
    }
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
    CHECK_EQ_UINT(1, look().is_poisoned);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    check_poisoned_and_free();
    end();
}

TEST(a_callback_is_for_the_process_and_the_tranche_that_it_was_given_for)
{
    begin_with_callback();
    struct lwshm_tranche other = make_tranche(segment, "other", 1);
    poison();
    struct actor *stranger = actor_start();
    CHECK_EQ_INT(LWSHM_E_OWNER_DIED, actor_do(stranger, act_acquire, lock, X));
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_UINT(1, repairs->calls);
    lock = other.offset;
    poison();
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, X));
    CHECK_EQ_UINT(1, repairs->calls);
    lock = tranche.offset;
    poison();
    CHECK_OK(lwshm_tranche_on_repair(segment, &tranche, NULL, NULL));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, X));
    CHECK_EQ_UINT(1, repairs->calls);
    actor_end(stranger);
    end();
}

TEST(acquire_for_repair_calls_no_callback)
{
    begin_with_callback();
    poison();
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_EQ_UINT(0, repairs->calls);
    end();
}

static int die(lwshm_backend *backend, uint64_t what, void *argument)
{
    (void)backend, (void)what, (void)argument;
    raise(SIGKILL);
    return 0;
}

static int act_acquire_and_die_repairing(const struct acting *self, uint64_t what, uint64_t mode)
{
    CHECK_OK(lwshm_tranche_on_repair(self->segment, &tranche, die, NULL));
    return lwshm_lwlock_acquire(self->me, what, (enum lwshm_lwlock_mode)mode);
}

TEST(a_process_that_dies_in_its_callback_leaves_the_lock_poisoned)
{
    begin();
    poison();
    struct actor *repairer = actor_start();
    actor_tell(repairer, act_acquire_and_die_repairing, lock, S);
    CHECK_EQ_INT(-SIGKILL, test_wait_any(repairer->pid));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, S));
    check_poisoned_and_free();
    end();
}
