/*
 * What is counted of a tranche's locks: exactly, whoever counted it and wherever it is by now.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "actor.h"
#include "core/layout.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define PROCESSES 4
#define TURNS 2000

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_tranche tranche, quiet;
static uint64_t lock;

static void begin(void)
{
    segment = create_segment(NULL);
    quiet = make_tranche(segment, "quiet", 4);
    tranche = make_tranche(segment, "test", 4);
    lock = tranche.offset;
    me = join(segment);
}

static struct lwshm_tranche_statistics statistics_of(const struct lwshm_tranche *of)
{
    struct lwshm_tranche_statistics s;
    CHECK_OK(lwshm_tranche_statistics(segment, of->id, &s));
    return s;
}

static struct lwshm_tranche_statistics statistics(void)
{
    return statistics_of(&tranche);
}

static uint64_t waits_in_histogram(const struct lwshm_tranche_statistics *s)
{
    uint64_t sum = 0;
    for (int i = 0; i < LWSHM_WAIT_BUCKETS; i++)
        sum += s->wait_histogram[i];
    return sum;
}

/* No lock of the other tranche was touched. */
static void end(void)
{
    struct lwshm_tranche_statistics s = statistics_of(&quiet);
    static const struct lwshm_tranche_statistics nothing;
    CHECK(memcmp(&s, &nothing, sizeof s) == 0);
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static void check_acquisitions(uint64_t exclusive, uint64_t shared, uint64_t slow_exclusive,
                               uint64_t slow_shared)
{
    struct lwshm_tranche_statistics s = statistics();
    CHECK_EQ_UINT(exclusive, s.exclusive);
    CHECK_EQ_UINT(shared, s.shared);
    CHECK_EQ_UINT(slow_exclusive, s.slow_exclusive);
    CHECK_EQ_UINT(slow_shared, s.slow_shared);
}

TEST(every_acquisition_is_counted_once_by_its_mode)
{
    begin();
    check_acquisitions(0, 0, 0, 0);
    for (int i = 0; i < 5; i++) {
        CHECK_OK(lwshm_lwlock_acquire(me, lock + 64 * (i % 4), X));
        CHECK_OK(lwshm_lwlock_release(me, lock + 64 * (i % 4)));
    }
    check_acquisitions(5, 0, 0, 0);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(lwshm_lwlock_acquire(me, lock + 64 * i, S));
        CHECK_OK(lwshm_lwlock_release(me, lock + 64 * i));
    }
    check_acquisitions(5, 3, 0, 0);
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, S));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    check_acquisitions(6, 4, 0, 0);
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_timed(me, lock, S, 1));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_or_wait(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    check_acquisitions(7, 5, 0, 0);
    CHECK_EQ_UINT(0, statistics().waits);
    CHECK_EQ_UINT(0, statistics().wait_ns);
    end();
}

TEST(what_was_not_acquired_is_not_counted)
{
    begin();
    lwshm_backend *other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, X));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, S));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(me, lock, S, 0));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire(other, lock, S));
    check_acquisitions(1, 0, 0, 0);
    CHECK_OK(lwshm_lwlock_release(other, lock));
    CHECK_OK(lwshm_lwlock_acquire(other, lock, S));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, X));
    check_acquisitions(1, 1, 0, 0);
    CHECK_OK(lwshm_backend_leave(other));
    end();
}

TEST(what_a_backend_counted_stays_when_it_has_left_and_another_has_its_slot)
{
    begin();
    for (uint64_t i = 1; i <= 3; i++) {
        lwshm_backend *other = join(segment);
        CHECK_EQ_UINT(1, backend_info_of(other).slot);
        CHECK_OK(lwshm_lwlock_acquire(other, lock, X));
        CHECK_OK(lwshm_lwlock_release(other, lock));
        CHECK_OK(lwshm_backend_leave(other));
        check_acquisitions(i, 0, 0, 0);
    }
    struct actor *killed = actor_start();
    CHECK_OK(actor_do(killed, act_acquire, lock, S));
    test_kill(killed->pid);
    check_acquisitions(3, 1, 0, 0);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    check_acquisitions(3, 1, 0, 0);
    end();
}

static void acquire_often(void *arg)
{
    uint32_t number = *(uint32_t *)arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    for (uint32_t i = 0; i < TURNS; i++) {
        CHECK_OK(lwshm_lwlock_acquire(backend, lock, (i + number) % 4 == 0 ? X : S));
        CHECK_OK(lwshm_lwlock_release(backend, lock));
    }
    CHECK_OK(lwshm_backend_leave(backend));
    close_segment(own);
}

TEST(processes_that_contend_count_exactly)
{
    pid_t pids[PROCESSES];
    begin();
    for (uint32_t i = 0; i < PROCESSES; i++)
        pids[i] = test_fork(acquire_often, &i);
    for (uint32_t i = 0; i < PROCESSES; i++)
        TEST_WAIT(pids[i]);
    struct lwshm_tranche_statistics s = statistics();
    CHECK_EQ_UINT(PROCESSES * TURNS / 4, s.exclusive);
    CHECK_EQ_UINT(PROCESSES * TURNS * 3 / 4, s.shared);
    CHECK(s.slow_exclusive <= s.exclusive && s.slow_shared <= s.shared);
    CHECK_EQ_UINT(s.waits, waits_in_histogram(&s));
    CHECK((s.wait_ns > 0) == (s.waits > 0));
    end();
}

/* ---- waits ---- */

static void a_wait_is_counted(enum lwshm_lwlock_mode held, enum lwshm_lwlock_mode wanted)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, held));
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_acquire, lock, wanted);
    AWAIT(actor_waits_for(segment, waiter, lock));
    CHECK_EQ_UINT(0, statistics().waits); /* it waits still */
    for (int i = 0; i < 5; i++)
        testing_nap();
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(actor_result(waiter));
    struct lwshm_tranche_statistics s = statistics();
    CHECK_EQ_UINT(1, s.waits);
    CHECK_EQ_UINT(1, waits_in_histogram(&s));
    CHECK(s.wait_ns >= 5 * 1000000); /* it slept while we did */
    for (int i = 0; i < LWSHM_WAIT_BUCKETS; i++)
        if (s.wait_histogram[i] == 1)
            CHECK(s.wait_ns / 1000 >> i == 1);
    check_acquisitions((held == X) + (wanted == X), (held == S) + (wanted == S), wanted == X,
                       wanted == S);
    actor_end(waiter);
    end();
}

TEST(a_writer_that_waited_for_a_writer_is_counted_as_slow_and_as_a_wait)
{
    a_wait_is_counted(X, X);
}

TEST(a_reader_that_waited_for_a_writer_is_counted_as_slow_and_as_a_wait)
{
    a_wait_is_counted(X, S);
}

TEST(a_writer_that_waited_for_a_reader_is_counted_as_slow_and_as_a_wait)
{
    a_wait_is_counted(S, X);
}

/* Waits in vain, with a time-out that is long enough for it to sleep: on a busy machine a short one
   may be over before it does. */
static void wait_in_vain(int (*wait)(int64_t timeout_ns))
{
    uint64_t before = statistics().waits;
    for (int64_t timeout_ns = 3000000; statistics().waits == before; timeout_ns *= 2)
        CHECK_EQ_INT(0, wait(timeout_ns));
}

static int wait_exclusive(int64_t timeout_ns)
{
    return lwshm_lwlock_acquire_timed(me, lock, X, timeout_ns);
}

static int wait_shared(int64_t timeout_ns)
{
    return lwshm_lwlock_acquire_timed(me, lock, S, timeout_ns);
}

static int wait_released(int64_t timeout_ns)
{
    return lwshm_lwlock_await_release(me, lock, timeout_ns, 0);
}

TEST(a_wait_that_ends_without_the_lock_is_a_wait_but_no_acquisition)
{
    begin();
    lwshm_backend *other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, X));
    wait_in_vain(wait_exclusive);
    CHECK_EQ_UINT(1, statistics().waits);
    wait_in_vain(wait_shared);
    struct lwshm_tranche_statistics s = statistics();
    CHECK_EQ_UINT(2, s.waits);
    CHECK_EQ_UINT(2, waits_in_histogram(&s));
    check_acquisitions(1, 0, 0, 0);
    CHECK_EQ_INT(0, lwshm_lwlock_await_release(me, lock, 0, 0)); /* does not sleep */
    CHECK_EQ_UINT(2, statistics().waits);
    wait_in_vain(wait_released);
    CHECK_EQ_UINT(3, statistics().waits);
    check_acquisitions(1, 0, 0, 0);
    CHECK_OK(lwshm_backend_leave(other));
    end();
}

/* ---- the dead ---- */

static void check_deaths(uint64_t recoveries, uint64_t poisonings)
{
    CHECK_EQ_UINT(recoveries, statistics().recoveries);
    CHECK_EQ_UINT(poisonings, statistics().poisonings);
}

static void die_with(enum lwshm_lwlock_mode mode)
{
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, mode));
    test_kill(holder->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
}

TEST(holds_of_the_dead_are_counted_and_those_that_poison_the_lock)
{
    begin();
    die_with(S);
    check_deaths(1, 0);
    die_with(X);
    check_deaths(2, 1);
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_acquire, lock, S);
    AWAIT(actor_waits_for(segment, waiter, lock));
    test_kill(waiter->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    check_deaths(2, 1); /* it held nothing */
    /* Once more: it is poisoned already, but somebody died inside again. */
    CHECK_OK(lwshm_lwlock_release(me, lock));
    struct actor *repairer = actor_start();
    CHECK_EQ_INT(1, actor_do(repairer, act_acquire_for_repair, lock, 0));
    test_kill(repairer->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    check_deaths(3, 1); /* a poisoning is a lock that was good before */
    end();
}

TEST(a_backend_that_leaves_counts_as_dead_only_if_it_was_inside)
{
    begin();
    lwshm_backend *other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, S));
    CHECK_OK(lwshm_lwlock_acquire(other, lock + 64, S));
    CHECK_EQ_INT(0, lwshm_backend_leave(other));
    check_deaths(0, 0);
    other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, X));
    CHECK_EQ_INT(1, lwshm_backend_leave(other));
    check_deaths(1, 1);
    end();
}

TEST(an_acquire_that_was_begun_and_is_ended_is_no_death)
{
    begin();
    lwshm_backend *other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, S));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_slow(me, lock, X, 0, LWSHM_LW_STEP)); /* it is the owner */
    CHECK_EQ_INT(0, lwshm_backend_release_all(me));
    check_deaths(0, 0);
    CHECK_OK(lwshm_lwlock_release(other, lock));
    CHECK_EQ_INT(0, lwshm_backend_leave(other));
    end();
}

/* As a virtual thread waits, which sleeps in between. */
TEST(a_wait_in_steps_that_do_not_sleep_is_one_wait)
{
    struct lwshm_tranche_statistics s;
    begin();
    lwshm_backend *other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, X));
    for (int i = 0; i < 10; i++)
        CHECK_EQ_INT(0, lwshm_lwlock_acquire_slow(me, lock, X, 0, LWSHM_LW_STEP));
    CHECK_OK(lwshm_lwlock_release(other, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_slow(me, lock, X, 0, LWSHM_LW_STEP));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(lwshm_tranche_statistics(segment, tranche.id, &s));
    CHECK_EQ_UINT(1, s.waits);
    CHECK(s.wait_ns > 0);
    CHECK_EQ_INT(0, lwshm_backend_leave(other));
    end();
}

/* ---- by whom ---- */

static int act_statistics(const struct acting *self, uint64_t id, uint64_t expected)
{
    struct lwshm_tranche_statistics s;
    int r = lwshm_tranche_statistics(self->segment, (uint32_t)id, &s);
    return r < 0 ? r : s.exclusive == expected;
}

TEST(another_process_reads_the_same_and_no_tranche_is_made_up)
{
    struct lwshm_tranche_statistics s;
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *reader = actor_start();
    CHECK_EQ_INT(1, actor_do(reader, act_statistics, tranche.id, 1));
    CHECK_EQ_INT(1, actor_do(reader, act_statistics, quiet.id, 0));
    CHECK_EQ_INT(LWSHM_E_NOT_FOUND, actor_do(reader, act_statistics, 2, 0));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_statistics(segment, UINT32_MAX, &s));
    actor_end(reader);
    end();
}
