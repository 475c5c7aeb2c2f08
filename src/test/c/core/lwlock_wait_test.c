/*
 * Sleeping for a lock and being woken, between processes.
 *
 * The library's sleeps are bounded, so a wake-up that never comes would only be late, and
 * nothing here says how fast anything is.  What a release owes is therefore looked at
 * through a sleeper of our own on the lock's futex word, which sleeps for an hour.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/layout.h"
#include "fixture.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

struct progress {
    uint32_t inside; /* how many got the lock */
    uint32_t go_on;  /* they may release it */
};
static struct progress *progress;

static void begin(void)
{
    progress = shared_zeros(sizeof *progress);
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 4).offset;
    me = join(segment);
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

static bool has_flag(uint64_t flag)
{
    return (__atomic_load_n(&words()->word, __ATOMIC_SEQ_CST) & flag) != 0;
}

static bool inside(uint32_t count)
{
    return __atomic_load_n(&progress->inside, __ATOMIC_SEQ_CST) == count;
}

static void go_on(void)
{
    __atomic_store_n(&progress->go_on, 1, __ATOMIC_SEQ_CST);
}

/* A process of its own that takes the lock, waits until it may go on, and releases it. */
static void take(void *mode)
{
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    CHECK_OK(lwshm_lwlock_acquire(backend, lock, *(enum lwshm_lwlock_mode *)mode));
    __atomic_add_fetch(&progress->inside, 1, __ATOMIC_SEQ_CST);
    CHECK_EQ_UINT(0, backend_info_of(backend).wait_lock);
    while (__atomic_load_n(&progress->go_on, __ATOMIC_SEQ_CST) == 0)
        testing_nap();
    CHECK_OK(lwshm_lwlock_release(backend, lock));
    CHECK_OK(lwshm_backend_leave(backend));
    close_segment(own);
}

static pid_t taker(enum lwshm_lwlock_mode mode)
{
    return test_fork(take, &mode);
}

static void waits_and_gets_it(enum lwshm_lwlock_mode held, enum lwshm_lwlock_mode wanted,
                              uint64_t flag)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, held));
    pid_t waiter = taker(wanted);
    AWAIT(somebody_waits(segment, lock, wanted));
    AWAIT(has_flag(flag));
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    CHECK_EQ_UINT(1, info.has_waiters);
    CHECK(inside(0));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    AWAIT(inside(1));
    CHECK(!somebody_waits(segment, lock, wanted));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, X));
    go_on();
    TEST_WAIT(waiter);
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    end();
}

TEST(a_writer_waits_for_a_writer_and_is_seen_to)
{
    waits_and_gets_it(X, X, LOCK_XWAIT);
}

TEST(a_reader_waits_for_a_writer_and_is_seen_to)
{
    waits_and_gets_it(X, S, LOCK_SWAIT);
}

TEST(a_writer_waits_for_a_reader_and_is_seen_to)
{
    waits_and_gets_it(S, X, LOCK_DPARK);
}

TEST(a_reader_waits_behind_a_writer_that_waits_for_a_reader)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    pid_t writer = taker(X);
    AWAIT(somebody_waits(segment, lock, X));
    pid_t reader = taker(S);
    AWAIT(somebody_waits(segment, lock, S));
    CHECK(inside(0));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    AWAIT(inside(1)); /* the writer: it owned the lock all along */
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    CHECK(info.owner >= 0);
    go_on();
    TEST_WAIT(writer);
    TEST_WAIT(reader);
    CHECK(inside(2));
    end();
}

TEST(who_waits_says_since_when)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t waiter = taker(X);
    AWAIT(somebody_waits(segment, lock, X));
    struct lwshm_backend_info infos[4];
    CHECK_EQ_INT(2, lwshm_backend_list(segment, infos, 4));
    CHECK_EQ_INT(waiter, infos[1].pid);
    CHECK_EQ_UINT(0, infos[1].held_locks);
    CHECK(infos[1].wait_since > 0);
    CHECK_EQ_UINT(0, infos[0].wait_lock);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    go_on();
    TEST_WAIT(waiter);
    end();
}

static void several_waiters_all_get_through(enum lwshm_lwlock_mode held, int writers, int readers)
{
    pid_t pids[8];
    int count = 0;
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, held));
    go_on();
    while (count < writers)
        pids[count++] = taker(X);
    while (count < writers + readers)
        pids[count++] = taker(S);
    struct lwshm_backend_info infos[16];
    int waiting;
    do {
        waiting = 0;
        int joined = CHECK_OK(lwshm_backend_list(segment, infos, 16));
        for (int i = 0; i < joined; i++)
            waiting += infos[i].wait_lock == lock;
        testing_nap();
    } while (waiting < count);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    for (int i = 0; i < count; i++)
        TEST_WAIT(pids[i]);
    CHECK(inside((uint32_t)count));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    end();
}

TEST(several_writers_that_wait_for_a_writer_all_get_through)
{
    several_waiters_all_get_through(X, 6, 0);
}

TEST(several_readers_that_wait_for_a_writer_all_get_through)
{
    several_waiters_all_get_through(X, 0, 6);
}

TEST(readers_and_writers_that_wait_for_a_writer_all_get_through)
{
    several_waiters_all_get_through(X, 4, 4);
}

TEST(several_writers_that_wait_for_a_reader_all_get_through)
{
    several_waiters_all_get_through(S, 6, 0);
}

/* ---- the wake-ups that a release owes ---- */

static void set_flag(uint64_t flag)
{
    __atomic_or_fetch(&words()->word, flag, __ATOMIC_SEQ_CST);
}

TEST(releasing_exclusive_wakes_all_sleeping_readers)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t first = sleeper_on(&words()->sfut), second = sleeper_on(&words()->sfut);
    set_flag(LOCK_SWAIT);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    TEST_WAIT(first);
    TEST_WAIT(second);
    CHECK(!has_flag(LOCK_SWAIT));
    end();
}

static void clear_flag(uint64_t flag)
{
    __atomic_and_fetch(&words()->word, ~flag, __ATOMIC_SEQ_CST);
}

TEST(releasing_exclusive_wakes_one_sleeping_writer_and_keeps_the_flag_for_the_others)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t first = sleeper_on(&words()->xfut), second = sleeper_on(&words()->xfut);
    set_flag(LOCK_XWAIT);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    AWAIT(test_has_ended(first) || test_has_ended(second));
    CHECK(has_flag(LOCK_XWAIT));
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X)); /* which keeps the flag, too */
    CHECK(has_flag(LOCK_XWAIT));
    clear_flag(LOCK_WAKING); /* the woken one has looked */
    CHECK_OK(lwshm_lwlock_release(me, lock));
    TEST_WAIT(first);
    TEST_WAIT(second);
    end();
}

TEST(the_flag_for_writers_goes_when_none_is_asleep)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    set_flag(LOCK_XWAIT);
    uint32_t events = words()->xfut;
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK(!has_flag(LOCK_XWAIT | LOCK_WAKING));
    CHECK(words()->xfut != events); /* for one who was about to sleep */
    end();
}

TEST(releasing_shared_wakes_an_owner_that_waits_for_readers_to_leave)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    pid_t owner = sleeper_on(&words()->dfut);
    set_flag(LOCK_DPARK);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    TEST_WAIT(owner);
    __atomic_and_fetch(&words()->word, ~LOCK_DPARK, __ATOMIC_SEQ_CST);
    end();
}

TEST(a_reader_that_finds_its_way_blocked_wakes_the_owner_that_may_have_seen_it)
{
    begin();
    lwshm_backend *other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, X));
    pid_t owner = sleeper_on(&words()->dfut);
    set_flag(LOCK_DPARK);
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, S));
    TEST_WAIT(owner);
    __atomic_and_fetch(&words()->word, ~LOCK_DPARK, __ATOMIC_SEQ_CST);
    CHECK_OK(lwshm_backend_leave(other));
    end();
}

TEST(a_writer_that_gives_up_its_try_wakes_those_who_came_meanwhile)
{
    begin();
    lwshm_backend *other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, S));
    pid_t reader = sleeper_on(&words()->sfut), writer = sleeper_on(&words()->xfut);
    set_flag(LOCK_SWAIT | LOCK_XWAIT);
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, X));
    TEST_WAIT(reader);
    TEST_WAIT(writer);
    CHECK_OK(lwshm_backend_leave(other));
    end();
}

TEST(a_binding_that_has_released_exclusive_leaves_the_waking_to_the_library)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t reader = sleeper_on(&words()->sfut), writer = sleeper_on(&words()->xfut);
    set_flag(LOCK_SWAIT | LOCK_XWAIT);
    uint64_t old = __atomic_fetch_and(&words()->word, ~LOCK_OWNER_MASK, __ATOMIC_SEQ_CST);
    CHECK_OK(lwshm_lwlock_release_slow(me, lock, old));
    TEST_WAIT(reader);
    TEST_WAIT(writer);
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(me, lock));
    end();
}

TEST(a_binding_that_has_released_shared_leaves_the_waking_to_the_library)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    pid_t owner = sleeper_on(&words()->dfut);
    set_flag(LOCK_DPARK);
    char *slot = lwshm_shmem_pointer(segment, backend_info_of(me).slot_offset, 64);
    uint64_t *record =
        (uint64_t *)(slot + layout_field("backend_slot.record").offset) + lock / 64 % 16;
    *record = (*record & ~RECORD_KIND_MASK) | RECORD_N;
    CHECK_OK(lwshm_lwlock_release_slow(me, lock, words()->word));
    TEST_WAIT(owner);
    CHECK_EQ_UINT(0, *record);
    __atomic_and_fetch(&words()->word, ~LOCK_DPARK, __ATOMIC_SEQ_CST);
    end();
}

TEST(a_killed_waiter_does_not_keep_the_others_waiting)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t doomed = taker(X);
    AWAIT(somebody_waits(segment, lock, X));
    pid_t other = taker(S);
    AWAIT(somebody_waits(segment, lock, S));
    test_kill(doomed);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    go_on();
    TEST_WAIT(other);
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    end();
}
