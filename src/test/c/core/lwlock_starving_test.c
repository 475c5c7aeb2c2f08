/*
 * The starving waiter: who becomes one, and that it keeps no free lock closed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE /* sched_setaffinity() */
#include <sched.h>
#include <signal.h>

#include "core/lwlock_wait.h"
#include "os/clock.h"
#include "os/futex.h"
#include "overtaking.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define MS INT64_C(1000000)

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

/* This backend has the lock exclusively. */
static void begin(void)
{
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 4).offset;
    me = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
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

static uint64_t word(void)
{
    return __atomic_load_n(&words()->word, __ATOMIC_SEQ_CST);
}

static bool starves(const struct actor *waiter)
{
    return lock_starving_slot(word()) == (int32_t)waiter->slot;
}

static struct actor *waiter_by(act *call, enum lwshm_lwlock_mode mode)
{
    struct actor *waiter = actor_start();
    actor_tell(waiter, call, lock, mode);
    AWAIT(actor_waits_for(segment, waiter, lock));
    return waiter;
}

/* It has looked at the lock since it was woken last, and sleeps. */
static bool is_parked(const struct actor *waiter, enum lwshm_lwlock_mode mode)
{
    bool announced = mode == S ? (word() & LOCK_SWAIT) != 0
                               : (word() & (LOCK_XWAIT | LOCK_WAKING)) == LOCK_XWAIT;
    return announced && sleeps(waiter->pid);
}

static void let_through(struct actor *waiter)
{
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(actor_result(waiter));
    CHECK(!starves(waiter));
    actor_end(waiter);
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_EQ_UINT(0, word() & ~LOCK_OWNER_MASK);
}

/* Either waiter may get the lock first, and the other gets it when the first has ended. */
static void end_in_turn(struct actor *writer, struct actor *reader)
{
    AWAIT(actor_is_done(writer) || actor_is_done(reader));
    bool first_is_writer = actor_is_done(writer);
    actor_end(first_is_writer ? writer : reader);
    actor_end(first_is_writer ? reader : writer);
}

/* ---- who becomes one ---- */

/* Looks a thousand times a second. */
static int act_acquire_impatiently(const struct acting *self, uint64_t what, uint64_t mode)
{
    patience_limits.longest_ns = patience_limits.first_ns;
    return act_acquire(self, what, mode);
}

TEST(a_waiter_that_nobody_overtakes_does_not_starve_however_often_it_sleeps)
{
    begin();
    struct actor *writer = waiter_by(act_acquire_impatiently, X),
                 *reader = waiter_by(act_acquire_impatiently, S);
    int64_t since = os_monotonic_ns();
    AWAIT(os_monotonic_ns() - since > 150 * MS);
    CHECK_EQ_INT(-1, lock_starving_slot(word()));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    end_in_turn(writer, reader);
    end();
}

/* As recovery wakes them, and as a futex may return for no reason. */
TEST(wake_ups_that_no_release_has_sent_are_no_turns)
{
    begin();
    struct actor *writer = waiter_by(act_acquire, X), *reader = waiter_by(act_acquire, S);
    for (int i = 0; i < 100; i++) {
        bool counts = i % 2 == 0;
        uint32_t *futexes[] = {&words()->xfut, &words()->sfut};
        for (int j = 0; j < 2; j++) {
            __atomic_add_fetch(futexes[j], counts, __ATOMIC_SEQ_CST);
            os_futex_wake(futexes[j], OS_FUTEX_WAKE_ALL);
        }
        AWAIT(sleeps(writer->pid) && sleeps(reader->pid));
        CHECK_EQ_INT(-1, lock_starving_slot(word()));
    }
    CHECK_OK(lwshm_lwlock_release(me, lock));
    end_in_turn(writer, reader);
    end();
}

static void starves_at_the_sixteenth_overtaking(enum lwshm_lwlock_mode mode)
{
    begin();
    struct actor *waiter = waiter_by(act_acquire, mode);
    for (int turns = 0; turns < 16; turns++) {
        AWAIT(is_parked(waiter, mode));
        CHECK(!starves(waiter));
        AWAIT(overtake(words(), mode));
    }
    AWAIT(starves(waiter));
    let_through(waiter);
    end();
}

TEST(a_writer_that_is_overtaken_sixteen_times_starves)
{
    starves_at_the_sixteenth_overtaking(X);
}

TEST(a_reader_that_is_overtaken_sixteen_times_starves)
{
    starves_at_the_sixteenth_overtaking(S);
}

/* This process, and those that it forks, run on one processor. */
static void share_a_processor(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(sched_getcpu(), &set);
    CHECK_EQ_INT(0, sched_setaffinity(0, sizeof set, &set));
}

/* Woken, it waits until this process sleeps or its time slice is over. */
static int act_acquire_politely(const struct acting *self, uint64_t what, uint64_t mode)
{
    const struct sched_param none = {.sched_priority = 0};
    return sched_setscheduler(0, SCHED_BATCH, &none) == 0 ? act_acquire(self, what, mode)
                                                          : LWSHM_E_SYSTEM;
}

/* Nothing is made up here: the waiter is woken by a release, and mostly is too late. */
static void starves_beside_one_that_comes_back_at_once(enum lwshm_lwlock_mode mode)
{
    share_a_processor();
    begin();
    struct actor *waiter = waiter_by(act_acquire_politely, mode);
    while (!starves(waiter)) {
        AWAIT(is_parked(waiter, mode) || starves(waiter));
        CHECK_OK(lwshm_lwlock_release(me, lock));
        if (lwshm_lwlock_try_acquire(me, lock, X) == 1 || starves(waiter))
            continue;
        /* It was in time.  From the beginning, then. */
        CHECK_OK(actor_result(waiter));
        CHECK_OK(actor_do(waiter, act_release, lock, 0));
        CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
        actor_tell(waiter, act_acquire_politely, lock, mode);
    }
    if (lwshm_lwlock_is_held_by(me, lock) != 0)
        CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(actor_result(waiter));
    actor_end(waiter);
    end();
}

TEST(a_writer_starves_beside_one_that_comes_back_at_once)
{
    starves_beside_one_that_comes_back_at_once(X);
}

TEST(a_reader_starves_beside_one_that_comes_back_at_once)
{
    starves_beside_one_that_comes_back_at_once(S);
}

static int act_one_step(const struct acting *self, uint64_t what, uint64_t mode)
{
    return lwshm_lwlock_acquire_slow(self->me, what, (enum lwshm_lwlock_mode)mode, 50 * MS,
                                     LWSHM_LW_STEP);
}

TEST(turns_add_up_over_the_steps_of_a_wait)
{
    begin();
    for (int mode = X; mode <= S; mode++) {
        struct actor *waiter = actor_start();
        for (int turns = 0; turns < 16; turns += overtake(words(), (enum lwshm_lwlock_mode)mode)) {
            CHECK(!starves(waiter));
            CHECK_EQ_INT(0, actor_result(waiter)); /* of the step before, if there was one */
            /* Put on again when the step parks. */
            __atomic_and_fetch(&words()->word, ~(LOCK_XWAIT | LOCK_SWAIT), __ATOMIC_SEQ_CST);
            actor_tell(waiter, act_one_step, lock, (uint64_t)mode);
            AWAIT(is_parked(waiter, (enum lwshm_lwlock_mode)mode) || actor_is_done(waiter));
        }
        CHECK_EQ_INT(0, actor_result(waiter));
        CHECK_EQ_INT(0, actor_do(waiter, act_one_step, lock, (uint64_t)mode));
        CHECK(starves(waiter));
        actor_end(waiter);
        CHECK(!starves(waiter));
    }
    end();
}

/* ---- one that is stopped ---- */

/* The lock is free, and named after a waiter that does not take it. */
static struct actor *leave_it_to_one_that_is_stopped(enum lwshm_lwlock_mode mode)
{
    begin();
    struct actor *stopped = waiter_by(act_acquire, mode);
    starve(segment, lock, stopped, mode);
    actor_stop(stopped);
    return stopped;
}

static void goes_on(struct actor *stopped)
{
    CHECK_EQ_INT(0, kill(stopped->pid, SIGCONT));
    if (lwshm_lwlock_is_held_by(me, lock) != 0)
        CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(actor_result(stopped));
    CHECK(!starves(stopped));
    actor_end(stopped);
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_EQ_UINT(0, word() & ~LOCK_OWNER_MASK);
    end();
}

static void a_free_lock_opens_for_one_that_polls(int64_t timeout_ns)
{
    for (int i = 0; i < 4; i++) {
        enum lwshm_lwlock_mode mine = i / 2 == 0 ? X : S;
        struct actor *stopped = leave_it_to_one_that_is_stopped(i % 2 == 0 ? X : S);
        CHECK_OK(lwshm_lwlock_release(me, lock));
        AWAIT(CHECK_OK(lwshm_lwlock_acquire_timed(me, lock, mine, timeout_ns)) == 1);
        goes_on(stopped);
    }
}

TEST(a_lock_left_to_a_stopped_starving_waiter_opens_for_those_who_only_try)
{
    a_free_lock_opens_for_one_that_polls(0);
}

TEST(a_lock_left_to_a_stopped_starving_waiter_opens_for_those_with_little_time)
{
    a_free_lock_opens_for_one_that_polls(10000);
    a_free_lock_opens_for_one_that_polls(3 * MS);
}

/* Acquires and releases. */
static int act_pass(const struct acting *self, uint64_t what, uint64_t mode)
{
    int r = act_acquire(self, what, mode);
    return r < 0 ? r : act_release(self, what, 0);
}

TEST(a_lock_left_to_a_stopped_starving_waiter_opens_for_those_who_wait)
{
    for (int i = 0; i < 4; i++) {
        struct actor *stopped = leave_it_to_one_that_is_stopped(i % 2 == 0 ? X : S);
        struct actor *before = waiter_by(act_pass, i / 2 == 0 ? X : S);
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK_OK(lwshm_lwlock_acquire(me, lock, i / 2 == 0 ? S : X));
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK_OK(actor_result(before));
        actor_end(before);
        goes_on(stopped);
    }
}

/* All whom it kept waiting are woken by the one that takes the name off. */
TEST(one_that_takes_the_name_off_wakes_everybody)
{
    struct actor *stopped = leave_it_to_one_that_is_stopped(X);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    pid_t sleepers[] = {sleeper_on(&words()->xfut), sleeper_on(&words()->xfut),
                        sleeper_on(&words()->sfut), sleeper_on(&words()->sfut)};
    __atomic_or_fetch(&words()->word, LOCK_XWAIT | LOCK_SWAIT | LOCK_WAKING, __ATOMIC_SEQ_CST);
    AWAIT(lwshm_lwlock_try_acquire(me, lock, X) == 1);
    CHECK_EQ_UINT(0, word() & ~LOCK_OWNER_MASK);
    for (int i = 0; i < 4; i++)
        TEST_WAIT(sleepers[i]);
    goes_on(stopped);
}

TEST(a_name_stays_while_the_lock_is_held)
{
    struct actor *stopped = leave_it_to_one_that_is_stopped(X);
    lwshm_backend *other = join(segment);
    int64_t since = os_monotonic_ns();
    while (os_monotonic_ns() - since < 150 * MS) {
        CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(other, lock, X, 3 * MS));
        CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(other, lock, S));
        CHECK(starves(stopped));
    }
    CHECK_OK(lwshm_backend_leave(other));
    goes_on(stopped);
}

TEST(one_that_was_stopped_starves_again_and_then_wakes_those_behind_it)
{
    for (int mode = X; mode <= S; mode++) {
        struct actor *stopped = leave_it_to_one_that_is_stopped((enum lwshm_lwlock_mode)mode);
        CHECK_OK(lwshm_lwlock_release(me, lock));
        AWAIT(lwshm_lwlock_try_acquire(me, lock, X) == 1);
        CHECK(!starves(stopped));
        CHECK_EQ_INT(0, kill(stopped->pid, SIGCONT));
        AWAIT(starves(stopped)); /* it has been overtaken as often as before */
        pid_t writer = sleeper_on(&words()->xfut), reader = sleeper_on(&words()->sfut);
        __atomic_or_fetch(&words()->word, LOCK_XWAIT | LOCK_SWAIT, __ATOMIC_SEQ_CST);
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK_OK(actor_result(stopped));
        CHECK(!starves(stopped));
        CHECK_OK(actor_do(stopped, act_release, lock, 0));
        TEST_WAIT(writer);
        TEST_WAIT(reader);
        actor_end(stopped);
        end();
    }
}
