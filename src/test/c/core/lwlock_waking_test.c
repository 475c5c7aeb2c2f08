/*
 * One wake-up under way: a release that wakes a writer sets WAKING, and until that writer has looked,
 * no release wakes another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>

#include "core/lwlock_wait.h"
#include "os/clock.h"
#include "overtaking.h"
#include "stepping.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define MS INT64_C(1000000)
#define AN_HOUR_NS (3600 * 1000 * MS)

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

static uint64_t flags(void)
{
    return __atomic_load_n(&words()->word, __ATOMIC_SEQ_CST) & ~LOCK_OWNER_MASK;
}

static void set_flags(uint64_t which)
{
    __atomic_or_fetch(&words()->word, which, __ATOMIC_SEQ_CST);
}

static void take_and_give(lwshm_backend *backend, enum lwshm_lwlock_mode mode)
{
    CHECK_OK(lwshm_lwlock_acquire(backend, lock, mode));
    CHECK_OK(lwshm_lwlock_release(backend, lock));
}

/* Only a wake-up wakes it. */
static int act_acquire_without_looks(const struct acting *self, uint64_t what, uint64_t mode)
{
    patience_limits.first_ns = AN_HOUR_NS;
    return act_acquire(self, what, mode);
}

static int act_timed_without_looks(const struct acting *self, uint64_t what, uint64_t timeout_ns)
{
    patience_limits.first_ns = AN_HOUR_NS;
    return lwshm_lwlock_acquire_timed(self->me, what, X, (int64_t)timeout_ns);
}

static struct actor *waiter_by(act *call, uint64_t argument)
{
    struct actor *waiter = actor_start();
    actor_tell(waiter, call, lock, argument);
    AWAIT(actor_waits_for(segment, waiter, lock) && (flags() & LOCK_XWAIT) != 0 &&
          sleeps(waiter->pid));
    return waiter;
}

/* ---- set, once ---- */

TEST(a_release_that_wakes_a_writer_says_so)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t sleeper = sleeper_on(&words()->xfut);
    set_flags(LOCK_XWAIT);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    TEST_WAIT(sleeper);
    CHECK_EQ_UINT(LOCK_XWAIT | LOCK_WAKING, flags());
    end();
}

TEST(the_next_releases_wake_nobody_until_it_has_looked)
{
    begin();
    uint32_t events = words()->xfut;
    pid_t sleeper = sleeper_on(&words()->xfut);
    set_flags(LOCK_XWAIT | LOCK_WAKING);
    for (int i = 0; i < 100; i++)
        take_and_give(i % 2 == 0 ? me : other, X);
    CHECK(sleeps(sleeper) && !test_has_ended(sleeper));
    CHECK_EQ_UINT(events, words()->xfut);
    CHECK_EQ_UINT(LOCK_XWAIT | LOCK_WAKING, flags());
    __atomic_and_fetch(&words()->word, ~LOCK_WAKING, __ATOMIC_SEQ_CST); /* it has */
    take_and_give(me, X);
    TEST_WAIT(sleeper);
    end();
}

static void release_once(void *arg)
{
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    CHECK_OK(lwshm_lwlock_acquire(backend, lock, X));
    __atomic_or_fetch(&lock_at(own, lock)->word, *(uint64_t *)arg, __ATOMIC_SEQ_CST);
    stepping_begin();
    lwshm_lwlock_release(backend, lock);
    stepping_end();
}

static long calls_of_a_release(uint64_t with)
{
    pid_t sleeper = sleeper_on(&words()->xfut);
    long calls = count_calls(release_once, &with);
    __atomic_store_n(&words()->word, 0, __ATOMIC_SEQ_CST);
    test_kill(sleeper);
    CHECK_OK(lwshm_segment_reap_dead(segment));
    return calls;
}

TEST(a_release_with_a_woken_writer_makes_no_system_call)
{
    if (!can_step())
        SKIP(CANNOT_STEP);
    begin();
    long none = calls_of_a_release(0);
    CHECK_EQ_INT(none + 1, calls_of_a_release(LOCK_XWAIT));
    CHECK_EQ_INT(none, calls_of_a_release(LOCK_XWAIT | LOCK_WAKING));
    CHECK_EQ_INT(none + 1, calls_of_a_release(LOCK_XWAIT | LOCK_WAKING | LOCK_SWAIT));
    end();
}

TEST(readers_are_woken_whatever_it_says)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t readers[] = {sleeper_on(&words()->sfut), sleeper_on(&words()->sfut)};
    set_flags(LOCK_XWAIT | LOCK_SWAIT | LOCK_WAKING);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    TEST_WAIT(readers[0]);
    TEST_WAIT(readers[1]);
    CHECK_EQ_UINT(LOCK_XWAIT | LOCK_WAKING, flags());
    end();
}

TEST(all_are_woken_if_one_of_them_starves_whatever_it_says)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t writers[] = {sleeper_on(&words()->xfut), sleeper_on(&words()->xfut)};
    set_flags(LOCK_XWAIT | LOCK_WAKING | (other->number + 1ull) << LOCK_STARVING_SHIFT);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    TEST_WAIT(writers[0]);
    TEST_WAIT(writers[1]);
    CHECK_EQ_UINT((other->number + 1ull) << LOCK_STARVING_SHIFT, flags());
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_slow(other, lock, X, 0, LWSHM_LW_STEP));
    CHECK_OK(lwshm_lwlock_release(other, lock));
    CHECK_EQ_UINT(0, flags());
    end();
}

TEST(those_who_were_not_woken_keep_it)
{
    const uint64_t all = LOCK_XWAIT | LOCK_SWAIT | LOCK_WAKING;
    begin();
    set_flags(all);
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_EQ_UINT(all, flags());
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(other, lock, X));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(other, lock, S));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_slow(other, lock, S, 0, LWSHM_LW_STEP));
    CHECK_OK(lwshm_lwlock_cancel(other, lock));
    CHECK_EQ_UINT(all, flags());
    __atomic_store_n(&words()->word, LOCK_XWAIT | LOCK_WAKING, __ATOMIC_SEQ_CST);
    __atomic_store_n(&me->records[record_index(lock, me->index_mask)], 0, __ATOMIC_SEQ_CST);
    take_and_give(me, S);
    CHECK_EQ_UINT(LOCK_XWAIT | LOCK_WAKING, flags());
    end();
}

/* ---- taken off ---- */

TEST(a_woken_writer_takes_it_off_as_it_acquires)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *waiter = waiter_by(act_acquire_without_looks, X);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(actor_result(waiter));
    CHECK_EQ_UINT(0, flags() & LOCK_WAKING);
    CHECK_OK(actor_do(waiter, act_release, lock, 0));
    CHECK_EQ_UINT(0, flags() & LOCK_WAKING);
    actor_end(waiter);
    end();
}

TEST(a_woken_writer_that_is_overtaken_takes_it_off_before_it_sleeps_again)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *waiter = waiter_by(act_acquire_without_looks, X);
    for (int i = 0; i < 5; i++) {
        AWAIT(overtake(words(), X));
        AWAIT(flags() == LOCK_XWAIT && sleeps(waiter->pid));
    }
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(actor_result(waiter));
    actor_end(waiter);
    end();
}

/* Stops the waiter, in whose stead a release has woken nobody yet, until its time is over. */
static void wake_when_its_time_is_over(struct actor *waiter, int64_t timeout_ns)
{
    int64_t since = os_monotonic_ns();
    actor_stop(waiter);
    set_flags(LOCK_WAKING);
    AWAIT(os_monotonic_ns() - since > timeout_ns);
    CHECK_EQ_INT(0, kill(waiter->pid, SIGCONT));
    CHECK_EQ_INT(0, actor_result(waiter));
}

TEST(a_woken_writer_that_gives_up_takes_it_off_so_that_the_next_release_wakes_another)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *waiter = waiter_by(act_timed_without_looks, 100 * MS);
    pid_t behind = sleeper_on(&words()->xfut);
    wake_when_its_time_is_over(waiter, 100 * MS);
    CHECK_EQ_UINT(LOCK_XWAIT, flags());
    CHECK_OK(lwshm_lwlock_release(me, lock));
    TEST_WAIT(behind);
    actor_end(waiter);
    end();
}

/* The lock is free, and another waiter is ahead. */
TEST(a_woken_writer_that_gives_up_a_free_lock_passes_the_wake_up_on)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *waiter = waiter_by(act_timed_without_looks, 100 * MS);
    pid_t behind = sleeper_on(&words()->xfut);
    uint64_t starving = (other->number + 1ull) << LOCK_STARVING_SHIFT;
    actor_stop(waiter);
    __atomic_store_n(&words()->word, LOCK_XWAIT | LOCK_WAKING | starving, __ATOMIC_SEQ_CST);
    __atomic_store_n(&me->records[record_index(lock, me->index_mask)], 0, __ATOMIC_SEQ_CST);
    int64_t since = os_monotonic_ns();
    AWAIT(os_monotonic_ns() - since > 100 * MS);
    CHECK_EQ_INT(0, kill(waiter->pid, SIGCONT));
    CHECK_EQ_INT(0, actor_result(waiter));
    TEST_WAIT(behind);
    CHECK_EQ_UINT(starving, flags());
    actor_end(waiter);
    end();
}

static int step(lwshm_backend *backend)
{
    return lwshm_lwlock_acquire_slow(backend, lock, X, 0, LWSHM_LW_STEP);
}

TEST(a_step_that_ends_takes_it_off_and_stays_in_line)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_EQ_INT(0, step(other));
    CHECK_EQ_UINT(LOCK_XWAIT, flags());
    pid_t behind = sleeper_on(&words()->xfut);
    set_flags(LOCK_WAKING);
    CHECK_EQ_INT(0, step(other));
    CHECK_EQ_UINT(LOCK_XWAIT, flags());
    CHECK_OK(lwshm_lwlock_release(me, lock));
    TEST_WAIT(behind);
    CHECK_OK(lwshm_lwlock_cancel(other, lock));
    end();
}

TEST(a_step_that_ends_while_the_lock_is_free_passes_the_wake_up_on)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_EQ_INT(0, step(other));
    pid_t behind = sleeper_on(&words()->xfut);
    uint64_t starving = (me->number + 1ull) << LOCK_STARVING_SHIFT;
    CHECK_OK(lwshm_lwlock_release_slow(me, lock, 0));
    __atomic_store_n(&words()->word, LOCK_XWAIT | LOCK_WAKING | starving, __ATOMIC_SEQ_CST);
    CHECK_EQ_INT(0, step(other));
    TEST_WAIT(behind);
    CHECK_EQ_UINT(starving, flags());
    CHECK_EQ_INT(1, step(me));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(1, step(other));
    CHECK_OK(lwshm_lwlock_release(other, lock));
    CHECK_EQ_UINT(0, flags());
    end();
}

/* ---- a woken writer that does not come ---- */

/* One that was woken and has not looked, another behind it, and the lock is free. */
static struct actor *woken_and_stopped(void)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *woken = waiter_by(act_acquire_without_looks, X);
    actor_stop(woken);
    set_flags(LOCK_WAKING);
    return woken;
}

TEST(recovery_of_a_killed_one_takes_it_off_and_wakes_the_others)
{
    struct actor *woken = woken_and_stopped();
    struct actor *behind = waiter_by(act_acquire_without_looks, X);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK(!actor_is_done(behind));
    test_kill(woken->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK_OK(actor_result(behind));
    CHECK_EQ_UINT(0, flags() & LOCK_WAKING);
    actor_end(behind);
    end();
}

TEST(others_go_on_if_it_was_killed_and_nobody_has_recovered_it)
{
    struct actor *woken = woken_and_stopped();
    struct actor *behind = waiter_by(act_acquire, X);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    test_kill(woken->pid);
    CHECK_OK(actor_result(behind));
    actor_end(behind);
    take_and_give(other, X);
    CHECK_EQ_UINT(0, flags() & LOCK_WAKING);
    end();
}

TEST(others_go_on_if_it_is_stopped_and_so_does_it_afterwards)
{
    struct actor *woken = woken_and_stopped();
    struct actor *behind = waiter_by(act_acquire, X);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(actor_result(behind));
    CHECK_EQ_INT(0, kill(woken->pid, SIGCONT));
    AWAIT(sleeps(woken->pid));
    CHECK_OK(actor_do(behind, act_release, lock, 0));
    CHECK_OK(actor_result(woken));
    actor_end(woken);
    actor_end(behind);
    CHECK_EQ_UINT(0, flags() & LOCK_WAKING);
    end();
}
