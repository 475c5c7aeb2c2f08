/*
 * Callers that only ever try, or have no time to sleep: what is in their way is looked at all the
 * same, so a dead backend does not shut them out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <unistd.h>

#include "actor.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define TRY INT64_MIN /* as a time-out: lwshm_lwlock_try_acquire() */

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

static void begin(void)
{
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 4).offset;
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static int poll_for(uint64_t which, enum lwshm_lwlock_mode mode, int64_t timeout_ns)
{
    return timeout_ns == TRY ? lwshm_lwlock_try_acquire(me, which, mode)
                             : lwshm_lwlock_acquire_timed(me, which, mode, timeout_ns);
}

static void kill_a_holder(uint64_t which, enum lwshm_lwlock_mode mode)
{
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, which, mode));
    test_kill(holder->pid);
}

static void repair(uint64_t which)
{
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, which));
    CHECK_OK(lwshm_lwlock_mark_consistent(me, which));
    CHECK_OK(lwshm_lwlock_release(me, which));
}

/* From no time at all to less than a sleep, which includes times that are over before it begins. */
static const int64_t timeouts[] = {TRY, 0, 1, 100, 1000, 10000, 200000};
#define TIMEOUTS (sizeof timeouts / sizeof *timeouts)

static void a_dead_writer_is_recovered(enum lwshm_lwlock_mode wanted)
{
    begin();
    for (size_t i = 0; i < TIMEOUTS; i++) {
        kill_a_holder(lock, X);
        AWAIT(poll_for(lock, wanted, timeouts[i]) == LWSHM_E_OWNER_DIED);
        repair(lock);
        CHECK_EQ_INT(1, poll_for(lock, wanted, timeouts[i]));
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    end();
}

TEST(a_writer_that_only_tries_recovers_a_dead_writer)
{
    a_dead_writer_is_recovered(X);
}

TEST(a_reader_that_only_tries_recovers_a_dead_writer)
{
    a_dead_writer_is_recovered(S);
}

TEST(a_writer_that_only_tries_recovers_a_dead_reader)
{
    begin();
    for (size_t i = 0; i < TIMEOUTS; i++) {
        kill_a_holder(lock, S);
        AWAIT(poll_for(lock, X, timeouts[i]) == 1);
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    end();
}

TEST(one_that_tries_several_locks_in_turn_recovers_the_dead_holder_of_each)
{
    begin();
    for (uint64_t i = 0; i < 4; i++)
        kill_a_holder(lock + 64 * i, X);
    for (uint64_t i = 0, recovered = 0; recovered != 15; i = (i + 1) % 4)
        if ((recovered & 1u << i) == 0 && poll_for(lock + 64 * i, X, TRY) == LWSHM_E_OWNER_DIED)
            recovered |= 1u << i;
    end();
}

TEST(one_that_only_polls_for_a_release_recovers_a_dead_writer)
{
    begin();
    kill_a_holder(lock, X);
    AWAIT(lwshm_lwlock_await_release(me, lock, 0, 0) == LWSHM_E_OWNER_DIED);
    repair(lock);
    kill_a_holder(lock, X);
    AWAIT(lwshm_lwlock_await_release(me, lock, 1000, 0) == LWSHM_E_OWNER_DIED);
    end();
}

TEST(one_that_only_polls_in_steps_recovers_a_dead_writer)
{
    static const enum lwshm_lwlock_mode modes[] = {X, S};
    begin();
    for (int i = 0; i < 2; i++) {
        kill_a_holder(lock, X);
        AWAIT(lwshm_lwlock_acquire_slow(me, lock, modes[i], 0, LWSHM_LW_STEP) ==
              LWSHM_E_OWNER_DIED);
        repair(lock);
    }
    end();
}

TEST(a_stopped_holder_is_not_recovered_by_those_who_try)
{
    begin();
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, X));
    actor_stop(holder);
    for (int i = 0; i < 300; i++) { /* for longer than the longest time between two looks */
        CHECK_EQ_INT(0, poll_for(lock, i % 2 == 0 ? X : S, timeouts[(size_t)i % TIMEOUTS]));
        testing_nap();
    }
    CHECK_EQ_INT(0, kill(holder->pid, SIGCONT));
    CHECK_OK(actor_do(holder, act_release, lock, 0));
    actor_end(holder);
    end();
}

/* ---- the owned semaphore ---- */

static void a_dead_holder_of_permits_is_found(int64_t timeout_ns)
{
    struct lwshm_semaphore semaphore;
    bool found;
    begin();
    CHECK_OK(
        lwshm_semaphore_init(segment, "permits", 3, LWSHM_SEMAPHORE_OWNED, &found, &semaphore));
    pid_t pid = fork();
    if (pid == 0) {
        lwshm_segment *own = attach_segment();
        CHECK_OK(lwshm_semaphore_acquire(join(own), &semaphore, 3));
        raise(SIGKILL);
    }
    test_wait_any(pid);
    AWAIT(CHECK_OK(lwshm_semaphore_acquire_timed(me, &semaphore, 3, timeout_ns)) == 1);
    end();
}

TEST(one_that_only_tries_to_take_permits_gets_those_of_a_dead_holder)
{
    a_dead_holder_of_permits_is_found(0);
    a_dead_holder_of_permits_is_found(1);
    a_dead_holder_of_permits_is_found(10000);
}
