/*
 * Counting semaphores: what they are, how one waits for them, and what becomes of the permits
 * of the dead.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "actor.h"
#include "os/clock.h"
#include "stepping.h"

#define PLAIN LWSHM_SEMAPHORE_PLAIN
#define OWNED LWSHM_SEMAPHORE_OWNED
#define MS 1000000ll
#define AN_HOUR_NS (3600 * 1000000000ll)
#define PERMITS 5

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_semaphore semaphore;

static void begin(enum lwshm_semaphore_kind kind)
{
    bool found;
    segment = create_segment(NULL);
    CHECK_OK(lwshm_semaphore_init(segment, "test", PERMITS, kind, &found, &semaphore));
    CHECK(!found);
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static int available(void)
{
    return lwshm_semaphore_available(segment, &semaphore);
}

static int act_take(const struct acting *self, uint64_t permits, uint64_t unused)
{
    (void)unused;
    return lwshm_semaphore_acquire(self->me, &semaphore, (int32_t)permits);
}

static int act_take_timed(const struct acting *self, uint64_t permits, uint64_t timeout_ns)
{
    return lwshm_semaphore_acquire_timed(self->me, &semaphore, (int32_t)permits,
                                         (int64_t)timeout_ns);
}

static int act_give(const struct acting *self, uint64_t permits, uint64_t unused)
{
    (void)unused;
    return lwshm_semaphore_release(self->me, &semaphore, (int32_t)permits);
}

static int act_held(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)unused, (void)unused2;
    return lwshm_semaphore_held_by(self->me, &semaphore);
}

static struct actor *holder_of(uint64_t permits)
{
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_take, permits, 0));
    return holder;
}

static struct actor *waiter_for(uint64_t permits)
{
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_take, permits, 0);
    AWAIT(actor_waits_for(segment, waiter, semaphore.offset));
    return waiter;
}

/* Neither fewer nor more than there were at first, and nobody else has any. */
static void check_all_are_there(void)
{
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, PERMITS));
    CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &semaphore, 1, 0));
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, PERMITS));
    CHECK_EQ_INT(PERMITS, available());
}

/* ---- making and finding ---- */

static void is_found_by_its_name(enum lwshm_semaphore_kind kind)
{
    struct lwshm_semaphore again, other;
    struct lwshm_area area;
    struct lwshm_tranche tranche;
    bool found;
    begin(kind);
    CHECK_EQ_UINT(kind, semaphore.kind);
    CHECK_EQ_INT(PERMITS, available());
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, 2));
    CHECK_OK(lwshm_semaphore_init(segment, "test", 100, kind, &found, &again));
    CHECK(found);
    CHECK_EQ_UINT(semaphore.offset, again.offset);
    CHECK_EQ_INT(PERMITS - 2, available());
    CHECK_OK(lwshm_semaphore_find(segment, "test", &again));
    CHECK_EQ_UINT(semaphore.offset, again.offset);
    CHECK_EQ_UINT(kind, again.kind);
    CHECK_OK(lwshm_shmem_index_find(segment, "test", &area));
    CHECK_EQ_UINT(semaphore.offset, area.offset);
    CHECK_EQ_UINT(lwshm_semaphore_size(kind, small_options().max_backends), area.size);
    CHECK_EQ_INT(kind == OWNED ? LWSHM_OK : LWSHM_E_NOT_FOUND,
                 lwshm_tranche_find(segment, "test", &tranche));
    CHECK_OK(lwshm_semaphore_init(segment, "none", 0, kind, &found, &other));
    CHECK_EQ_INT(0, lwshm_semaphore_available(segment, &other));
    CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &other, 1, 0));
    end();
}

TEST(a_plain_semaphore_is_found_by_its_name)
{
    is_found_by_its_name(PLAIN);
}

TEST(an_owned_semaphore_is_found_by_its_name_and_has_a_lock_of_that_name)
{
    is_found_by_its_name(OWNED);
}

TEST(what_is_no_semaphore_or_one_of_the_other_kind_is_refused)
{
    struct lwshm_semaphore s;
    struct lwshm_area area;
    bool found;
    begin(OWNED);
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_semaphore_find(segment, "other", &s));
    CHECK_FAILS(LWSHM_E_SIZE_MISMATCH, lwshm_semaphore_init(segment, "test", 1, PLAIN, &found, &s));
    CHECK_OK(
        lwshm_shmem_init_struct(segment, "struct", lwshm_semaphore_size(PLAIN, 0), &found, &area));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_semaphore_find(segment, "struct", &s));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_semaphore_init(segment, "struct", 1, PLAIN, &found, &s));
    s = (struct lwshm_semaphore){.offset = area.offset, .kind = PLAIN};
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_acquire(me, &s, 1));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_release(me, &s, 1));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_available(segment, &s));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_held_by(me, &s));
    static const uint64_t offsets[] = {0, 1, 1ull << 40, UINT64_MAX};
    for (int i = 0; i < 4; i++) {
        s.offset = offsets[i];
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_acquire(me, &s, 1));
    }
    end();
}

TEST(names_kinds_and_numbers_that_make_no_sense_are_refused)
{
    struct lwshm_semaphore s;
    bool found;
    begin(OWNED);
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_init(segment, "", 1, PLAIN, &found, &s));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_init(segment, "s", -1, PLAIN, &found, &s));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_init(segment, "s", 1, 3, &found, &s));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_semaphore_find(segment, "s", &s));
    static const int32_t permits[] = {0, -1, INT32_MIN};
    for (int i = 0; i < 3; i++) {
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_acquire(me, &semaphore, permits[i]));
        CHECK_FAILS(LWSHM_E_INVALID,
                    lwshm_semaphore_acquire_timed(me, &semaphore, permits[i], AN_HOUR_NS));
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_semaphore_release(me, &semaphore, permits[i]));
    }
    CHECK_EQ_INT(PERMITS, available());
    end();
}

TEST(what_does_not_fit_is_refused_and_may_be_tried_again_smaller)
{
    struct lwshm_segment_options options = small_options();
    bool found;
    options.area_bytes = 64;
    options.max_backends = 1024; /* more than what rounding up to a page leaves room for */
    segment = create_segment(&options);
    CHECK_FAILS(LWSHM_E_LIMIT, lwshm_semaphore_init(segment, "test", 1, OWNED, &found, &semaphore));
    CHECK_OK(lwshm_semaphore_init(segment, "test", 1, PLAIN, &found, &semaphore));
    end_segment(segment);
}

/* ---- taking and giving ---- */

TEST(a_plain_one_is_a_number_that_anybody_changes)
{
    begin(PLAIN);
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, 3));
    CHECK_EQ_INT(2, available());
    CHECK_EQ_INT(0, lwshm_semaphore_held_by(me, &semaphore));
    CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &semaphore, 3, 0));
    CHECK_EQ_INT(1, lwshm_semaphore_acquire_timed(me, &semaphore, 2, 0));
    struct actor *other = actor_start();
    CHECK_OK(actor_do(other, act_give, 10, 0));
    CHECK_EQ_INT(10, available());
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, LWSHM_SEMAPHORE_PERMITS_MAX - 10));
    const struct lwshm_error *e =
        CHECK_FAILS(LWSHM_E_LIMIT, lwshm_semaphore_release(me, &semaphore, 1));
    CHECK_EQ_INT(1, e->values[0]);
    CHECK_EQ_INT(0, e->values[1]);
    CHECK_EQ_INT(LWSHM_SEMAPHORE_PERMITS_MAX, available());
    CHECK_EQ_INT(1, actor_do(other, act_take_timed, LWSHM_SEMAPHORE_PERMITS_MAX, 0));
    CHECK_EQ_INT(0, available());
    actor_end(other);
    CHECK_EQ_INT(0, available()); /* gone with it */
    end();
}

TEST(an_owned_one_knows_who_has_its_permits)
{
    begin(OWNED);
    struct actor *other = holder_of(2);
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, 1));
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, 2)); /* more of the same */
    CHECK_EQ_INT(3, lwshm_semaphore_held_by(me, &semaphore));
    CHECK_EQ_INT(2, actor_do(other, act_held, 0, 0));
    const struct lwshm_error *e =
        CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_semaphore_release(me, &semaphore, 4));
    CHECK_EQ_INT(4, e->values[0]);
    CHECK_EQ_INT(3, e->values[1]);
    CHECK_EQ_INT(LWSHM_E_NOT_HELD, actor_do(other, act_give, 3, 0));
    CHECK_EQ_INT(0, available());
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, 2));
    CHECK_EQ_INT(1, lwshm_semaphore_held_by(me, &semaphore));
    CHECK_OK(actor_do(other, act_give, 2, 0));
    CHECK_EQ_INT(4, available());
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, 1));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_semaphore_release(me, &semaphore, 1));
    CHECK_EQ_INT(0, lwshm_backend_held_locks(me)); /* its lock is no business of ours */
    actor_end(other);
    check_all_are_there();
    end();
}

static void a_waiter_sleeps_until_there_is_enough(enum lwshm_semaphore_kind kind)
{
    begin(kind);
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, PERMITS));
    struct actor *waiter = waiter_for(3), *timed = actor_start();
    actor_tell(timed, act_take_timed, 2, INT64_MAX);
    AWAIT(actor_waits_for(segment, timed, semaphore.offset));
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, 1));
    CHECK_EQ_INT(1, available());
    CHECK(!actor_is_done(waiter) && !actor_is_done(timed));
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, 4)); /* enough for both: both are woken */
    CHECK_OK(actor_result(waiter));
    CHECK_EQ_INT(1, actor_result(timed));
    CHECK_EQ_INT(0, available());
    CHECK(!actor_waits_for(segment, waiter, semaphore.offset));
    CHECK_OK(actor_do(waiter, act_give, 3, 0));
    CHECK_OK(actor_do(timed, act_give, 2, 0));
    actor_end(waiter);
    actor_end(timed);
    CHECK_EQ_INT(PERMITS, available());
    end();
}

TEST(who_waits_for_a_plain_one_sleeps_until_there_is_enough)
{
    a_waiter_sleeps_until_there_is_enough(PLAIN);
}

TEST(who_waits_for_an_owned_one_sleeps_until_there_is_enough)
{
    a_waiter_sleeps_until_there_is_enough(OWNED);
}

/* docs/memory-layout.md: the magic, the state, the futex word. */
static pid_t parked_sleeper(void)
{
    uint64_t *head = lwshm_shmem_pointer(segment, semaphore.offset, 24);
    pid_t pid = sleeper_on((uint32_t *)(head + 2));
    __atomic_or_fetch(&head[1], 1ull << 63, __ATOMIC_SEQ_CST);
    return pid;
}

static void giving_wakes_all_who_sleep(enum lwshm_semaphore_kind kind)
{
    begin(kind);
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, 2));
    pid_t first = parked_sleeper(), second = parked_sleeper();
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, 1));
    TEST_WAIT(first);
    TEST_WAIT(second);
    end();
}

TEST(giving_to_a_plain_one_wakes_all_who_sleep)
{
    giving_wakes_all_who_sleep(PLAIN);
}

TEST(giving_to_an_owned_one_wakes_all_who_sleep)
{
    giving_wakes_all_who_sleep(OWNED);
}

TEST(who_finds_permits_of_one_that_is_gone_wakes_all_who_sleep)
{
    begin(OWNED);
    struct actor *holder = holder_of(3);
    pid_t first = parked_sleeper(), second = parked_sleeper();
    actor_end(holder);
    CHECK_EQ_INT(1, lwshm_semaphore_acquire_timed(me, &semaphore, 4, 0));
    TEST_WAIT(first);
    TEST_WAIT(second);
    end();
}

static void a_time_out_takes_nothing(enum lwshm_semaphore_kind kind)
{
    static const int64_t timeouts[] = {20 * MS, 1, 0, -1, INT64_MIN};
    begin(kind);
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, PERMITS - 1));
    for (int i = 0; i < 5; i++) {
        int64_t before = os_monotonic_ns();
        CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &semaphore, 2, timeouts[i]));
        CHECK(os_monotonic_ns() - before >= timeouts[i]);
        CHECK_EQ_INT(1, available());
        CHECK_EQ_UINT(0, backend_info_of(me).wait_lock);
    }
    CHECK_EQ_INT(1, lwshm_semaphore_acquire_timed(me, &semaphore, 1, INT64_MIN));
    end();
}

TEST(a_time_out_takes_nothing_from_a_plain_one)
{
    a_time_out_takes_nothing(PLAIN);
}

TEST(a_time_out_takes_nothing_from_an_owned_one)
{
    a_time_out_takes_nothing(OWNED);
}

/* ---- inside ---- */

/* The lock of an owned one, in which its numbers are changed. */
static uint64_t own_lock(void)
{
    struct lwshm_tranche tranche;
    CHECK_OK(lwshm_tranche_find(segment, "test", &tranche));
    return tranche.offset;
}

static struct actor *one_inside(void)
{
    struct actor *inside = actor_start();
    CHECK_OK(actor_do(inside, act_acquire, own_lock(), LWSHM_LW_EXCLUSIVE));
    return inside;
}

static void check_a_time_out_runs_out(int64_t timeout)
{
    int64_t before = os_monotonic_ns();
    CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &semaphore, 1, timeout));
    CHECK(os_monotonic_ns() - before >= timeout);
    CHECK_EQ_UINT(0, backend_info_of(me).wait_lock);
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, own_lock(), LWSHM_LW_EXCLUSIVE)); /* no record */
    CHECK_EQ_INT(0, lwshm_semaphore_held_by(me, &semaphore));
    CHECK_EQ_INT(PERMITS, available());
}

TEST(a_time_out_runs_out_while_one_is_stopped_inside)
{
    static const int64_t timeouts[] = {40 * MS, 1, 0, INT64_MIN};
    begin(OWNED);
    struct actor *inside = one_inside();
    actor_stop(inside);
    for (int i = 0; i < 4; i++)
        check_a_time_out_runs_out(timeouts[i]);
    CHECK_EQ_INT(0, kill(inside->pid, SIGCONT));
    CHECK_OK(actor_do(inside, act_release, own_lock(), 0));
    actor_end(inside);
    check_all_are_there();
    end();
}

TEST(a_time_out_runs_out_while_one_that_repairs_is_stopped_inside)
{
    begin(OWNED);
    test_kill(one_inside()->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    struct actor *repairs = actor_start();
    CHECK_EQ_INT(1, actor_do(repairs, act_acquire_for_repair, own_lock(), 0));
    actor_stop(repairs);
    check_a_time_out_runs_out(20 * MS);
    test_kill(repairs->pid);
    check_all_are_there();
    end();
}

TEST(one_that_died_inside_is_found_by_those_too_who_do_not_wait)
{
    begin(OWNED);
    struct actor *inside = one_inside();
    test_kill(inside->pid);
    AWAIT(CHECK_OK(lwshm_semaphore_acquire_timed(me, &semaphore, PERMITS, 0)) == 1);
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, PERMITS));
    check_all_are_there();
    end();
}

/* ---- contention ---- */

#define PROCESSES 4
#define TURNS 3000

static struct use {
    uint32_t start;
    int32_t in_use;
    uint32_t turns;
} * use;

static void contend(void *arg)
{
    uint32_t number = *(uint32_t *)arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    meet(&use->start, PROCESSES);
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        int32_t permits = (int32_t)((turn + number) % 3 + 1);
        CHECK_OK(lwshm_semaphore_acquire(backend, &semaphore, permits));
        int32_t now = __atomic_add_fetch(&use->in_use, permits, __ATOMIC_SEQ_CST);
        if (now > PERMITS)
            FAIL("%d of %d permits are in use", now, PERMITS);
        if (turn % 8 == 0)
            sched_yield();
        __atomic_sub_fetch(&use->in_use, permits, __ATOMIC_SEQ_CST);
        CHECK_OK(lwshm_semaphore_release(backend, &semaphore, permits));
    }
    CHECK_OK(lwshm_backend_leave(backend));
    close_segment(own);
}

static void never_more_are_in_use_than_there_are(enum lwshm_semaphore_kind kind)
{
    pid_t pids[PROCESSES];
    use = shared_zeros(sizeof *use);
    begin(kind);
    for (uint32_t i = 0; i < PROCESSES; i++)
        pids[i] = test_fork(contend, &i);
    for (uint32_t i = 0; i < PROCESSES; i++)
        TEST_WAIT(pids[i]);
    CHECK_EQ_INT(PERMITS, available());
    end();
}

TEST(never_more_permits_of_a_plain_one_are_in_use_than_there_are)
{
    never_more_are_in_use_than_there_are(PLAIN);
}

TEST(never_more_permits_of_an_owned_one_are_in_use_than_there_are)
{
    never_more_are_in_use_than_there_are(OWNED);
}

/* ---- the dead ---- */

TEST(permits_of_a_killed_holder_come_back_to_who_is_parked)
{
    begin(OWNED);
    struct actor *holder = holder_of(4), *waiter = waiter_for(3);
    test_kill(holder->pid);
    CHECK_OK(actor_result(waiter));
    CHECK_EQ_INT(3, actor_do(waiter, act_held, 0, 0));
    CHECK_EQ_INT(2, available());
    actor_end(waiter);
    check_all_are_there();
    end();
}

TEST(permits_of_a_killed_holder_come_back_to_who_comes_later)
{
    begin(OWNED);
    struct actor *holder = holder_of(4);
    kill(holder->pid, SIGKILL);
    AWAIT(test_has_ended(holder->pid)); /* and is a zombie */
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, 3));
    CHECK_EQ_INT(2, available());
    test_wait_any(holder->pid);
    end();
}

TEST(permits_of_a_killed_holder_come_back_at_once_when_it_was_reaped)
{
    begin(OWNED);
    struct actor *holder = holder_of(4);
    test_kill(holder->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(1, lwshm_semaphore_acquire_timed(me, &semaphore, PERMITS, 0));
    CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &semaphore, 1, 0));
    end();
}

TEST(permits_of_one_that_left_come_back_to_who_is_parked)
{
    begin(OWNED);
    struct actor *holder = holder_of(PERMITS), *waiter = waiter_for(PERMITS);
    actor_end(holder);
    CHECK_OK(actor_result(waiter));
    actor_end(waiter);
    check_all_are_there();
    end();
}

TEST(who_has_the_slot_of_a_dead_holder_has_none_of_its_permits)
{
    begin(OWNED);
    struct actor *holder = holder_of(2);
    test_kill(holder->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    struct actor *next = actor_start();
    CHECK_EQ_UINT(holder->slot, next->slot);
    CHECK_EQ_INT(0, actor_do(next, act_held, 0, 0));
    CHECK_EQ_INT(LWSHM_E_NOT_HELD, actor_do(next, act_give, 1, 0));
    CHECK_EQ_INT(1, lwshm_semaphore_acquire_timed(me, &semaphore, 4, 0));
    CHECK_EQ_INT(1, actor_do(next, act_take_timed, 1, 0));
    CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &semaphore, 1, 0));
    actor_end(next);
    end();
}

TEST(permits_of_a_killed_holder_of_a_plain_one_are_gone)
{
    begin(PLAIN);
    struct actor *holder = holder_of(4);
    test_kill(holder->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &semaphore, 2, 30 * MS));
    CHECK_EQ_INT(1, available());
    end();
}

TEST(a_stopped_holder_keeps_its_permits)
{
    begin(OWNED);
    struct actor *holder = holder_of(3);
    actor_stop(holder);
    CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &semaphore, 3, 400 * MS));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(0, lwshm_semaphore_acquire_timed(me, &semaphore, 3, 0));
    CHECK_EQ_INT(0, kill(holder->pid, SIGCONT));
    CHECK_EQ_INT(3, actor_do(holder, act_held, 0, 0));
    CHECK_OK(actor_do(holder, act_give, 3, 0));
    actor_end(holder);
    check_all_are_there();
    end();
}

static int act_exec(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)self, (void)unused, (void)unused2;
    execl("/bin/sleep", "sleep", "3600", (char *)NULL);
    return -errno;
}

TEST(permits_of_one_that_runs_another_program_come_back_to_who_waits_for_them)
{
    begin(OWNED);
    struct actor *holder = holder_of(4);
    actor_tell(holder, act_exec, 0, 0);
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, 3));
    CHECK(!test_has_ended(holder->pid));
    end();
}

TEST(a_killed_waiter_takes_nothing_with_it)
{
    begin(OWNED);
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, PERMITS));
    struct actor *doomed = waiter_for(2), *other = waiter_for(1);
    test_kill(doomed->pid);
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, 1));
    CHECK_OK(actor_result(other));
    actor_end(other);
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, PERMITS - 1));
    check_all_are_there();
    end();
}

static void churn(void *arg)
{
    (void)arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    for (uint32_t turn = 0;; turn++) {
        int32_t permits = (int32_t)(turn % PERMITS + 1);
        CHECK_OK(lwshm_semaphore_acquire(backend, &semaphore, permits));
        __atomic_add_fetch(&use->turns, 1, __ATOMIC_SEQ_CST);
        CHECK_OK(lwshm_semaphore_release(backend, &semaphore, permits));
    }
}

TEST(killed_at_random_two_hundred_times_no_permit_is_lost_or_invented)
{
    pid_t pids[3];
    uint32_t random = 1;
    use = shared_zeros(sizeof *use);
    begin(OWNED);
    for (int i = 0; i < 3; i++)
        pids[i] = test_fork(churn, NULL);
    for (int kills = 0; kills < 200; kills++) {
        random = random * 1664525u + 1013904223u;
        uint32_t turns = __atomic_load_n(&use->turns, __ATOMIC_SEQ_CST) + (random >> 8) % 100;
        AWAIT(__atomic_load_n(&use->turns, __ATOMIC_SEQ_CST) > turns);
        test_kill(pids[kills % 3]);
        pids[kills % 3] = test_fork(churn, NULL);
    }
    for (int i = 0; i < 3; i++)
        test_kill(pids[i]);
    check_all_are_there();
    end();
}

static void take_and_give(void *arg)
{
    (void)arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    CHECK_OK(lwshm_semaphore_acquire(backend, &semaphore, 1));
    stepping_begin();
    lwshm_semaphore_acquire(backend, &semaphore, 2);
    lwshm_semaphore_release(backend, &semaphore, 3);
    stepping_end();
}

/* What is there and what is held, by the dead too, make up what there was at first; that holds
   whenever somebody is done under the lock, and does not wait for a count that finds too few. */
static void check_the_sum(uint32_t max_backends)
{
    uint64_t size = lwshm_semaphore_size(OWNED, max_backends);
    CHECK_OK(lwshm_semaphore_acquire(me, &semaphore, 1));
    const uint64_t *head = lwshm_shmem_pointer(segment, semaphore.offset, size);
    uint64_t sum = head[1] & LWSHM_SEMAPHORE_PERMITS_MAX;
    for (uint32_t i = 0; i < max_backends; i++)
        sum += head[8 + i] & LWSHM_SEMAPHORE_PERMITS_MAX;
    CHECK_EQ_UINT(PERMITS, sum);
    CHECK_OK(lwshm_semaphore_release(me, &semaphore, 1));
}

TEST(killed_at_every_step_no_permit_is_lost_or_invented)
{
    bool goes_on = true, found;
    uint32_t seen = 0;
    if (!can_step())
        SKIP(CANNOT_STEP);
    struct lwshm_segment_options options = small_options();
    options.max_backends = 4;
    options.max_held_locks = 2;
    segment = create_segment(&options);
    CHECK_OK(lwshm_semaphore_init(segment, "test", PERMITS, OWNED, &found, &semaphore));
    me = join(segment);
    for (long steps = 0; goes_on; steps++) {
        goes_on = step_and_kill(take_and_give, NULL, steps);
        seen |= 1u << available();
        check_the_sum(options.max_backends);
        check_all_are_there();
    }
    /* It died before, in between and behind. */
    CHECK_EQ_UINT(1u << 4 | 1u << 2 | 1u << PERMITS, seen);
    end();
}
