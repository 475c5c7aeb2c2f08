/*
 * Deadlocks that are found before they happen.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>

#include "actor.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t accounts, branches, tellers;

static void begin(void)
{
    segment = create_segment(NULL);
    accounts = make_tranche(segment, "accounts", 4).offset;
    branches = make_tranche(segment, "branches", 4).offset;
    tellers = make_tranche(segment, "tellers", 4).offset;
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static void begin_checking(void)
{
    begin();
    CHECK_OK(lwshm_segment_check_lock_order(segment, 1));
}

static void lock_in_order(lwshm_backend *backend, uint64_t first, uint64_t second)
{
    CHECK_OK(lwshm_lwlock_acquire(backend, first, X));
    CHECK_OK(lwshm_lwlock_acquire(backend, second, X));
    CHECK_EQ_INT(2, lwshm_backend_release_all(backend));
}

/* Refused at once, and as if nothing had been asked. */
static const struct lwshm_error *check_refused(uint64_t first, uint64_t second)
{
    CHECK_OK(lwshm_lwlock_acquire(me, first, S));
    const struct lwshm_error *e =
        CHECK_FAILS(LWSHM_E_LOCK_ORDER, lwshm_lwlock_acquire(me, second, S));
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(me, second));
    CHECK_EQ_INT(S, lwshm_lwlock_is_held_by(me, first));
    CHECK_EQ_INT(1, lwshm_backend_release_all(me));
    return e;
}

TEST(nothing_is_checked_unless_it_is_asked_for)
{
    begin();
    lock_in_order(me, accounts, branches);
    lock_in_order(me, branches, accounts);
    lock_in_order(me, accounts + 64, accounts);
    end();
}

TEST(two_tranches_in_both_orders_are_refused_and_both_are_named)
{
    begin_checking();
    lock_in_order(me, accounts, branches);
    lock_in_order(me, accounts, branches);
    const struct lwshm_error *e = check_refused(branches + 64, accounts + 64); /* other locks */
    CHECK_CONTAINS("\"accounts\"", e->message);
    CHECK_CONTAINS("\"branches\"", e->message);
    lock_in_order(me, accounts, branches); /* what was learned first holds still */
    end();
}

/* As virtual threads wait: in steps that look once. */
TEST(an_acquire_in_steps_waits_and_is_checked_however_short_its_steps_are)
{
    begin_checking();
    lock_in_order(me, accounts, branches);
    CHECK_OK(lwshm_lwlock_acquire(me, branches, X));
    for (int64_t timeout_ns = -1; timeout_ns <= 1; timeout_ns++) {
        CHECK_FAILS(LWSHM_E_LOCK_ORDER,
                    lwshm_lwlock_acquire_slow(me, accounts, X, timeout_ns, LWSHM_LW_STEP));
        CHECK_EQ_INT(1, lwshm_backend_held_locks(me));
    }
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_slow(me, accounts, X, 0, 0)); /* this one does not wait */
    CHECK_EQ_INT(2, lwshm_backend_release_all(me));
    end();
}

TEST(a_circle_through_a_third_tranche_is_refused)
{
    begin_checking();
    lock_in_order(me, accounts, branches);
    lock_in_order(me, branches, tellers);
    lock_in_order(me, accounts, tellers);
    check_refused(tellers, accounts);
    check_refused(tellers, branches);
    end();
}

TEST(a_refused_order_is_not_learned)
{
    begin_checking();
    lock_in_order(me, accounts, branches);
    check_refused(branches, accounts);
    lock_in_order(me, accounts, tellers);
    lock_in_order(me, tellers, branches);
    end();
}

TEST(locks_of_one_tranche_are_acquired_by_rising_index)
{
    begin_checking();
    lock_in_order(me, accounts, accounts + 64);
    lock_in_order(me, accounts + 64, accounts + 192);
    CHECK_CONTAINS("accounts", check_refused(accounts + 128, accounts + 64)->message);
    check_refused(accounts + 64, accounts);
    end();
}

TEST(one_after_the_other_is_no_order)
{
    begin_checking();
    for (int i = 0; i < 2; i++) {
        CHECK_OK(lwshm_lwlock_acquire(me, accounts, X));
        CHECK_OK(lwshm_lwlock_release(me, accounts));
        CHECK_OK(lwshm_lwlock_acquire(me, branches, X));
        CHECK_OK(lwshm_lwlock_release(me, branches));
    }
    lock_in_order(me, branches, accounts);
    end();
}

TEST(all_that_is_held_counts_and_not_only_the_last_one)
{
    begin_checking();
    lock_in_order(me, accounts, branches);
    CHECK_OK(lwshm_lwlock_acquire(me, branches, X));
    CHECK_OK(lwshm_lwlock_acquire(me, tellers, X));
    CHECK_FAILS(LWSHM_E_LOCK_ORDER, lwshm_lwlock_acquire(me, accounts, X));
    CHECK_EQ_INT(2, lwshm_backend_release_all(me));
    end();
}

TEST(an_acquire_that_may_sleep_is_checked_and_one_that_never_does_is_not)
{
    begin_checking();
    lock_in_order(me, accounts, branches);
    CHECK_OK(lwshm_lwlock_acquire(me, branches, X));
    CHECK_FAILS(LWSHM_E_LOCK_ORDER, lwshm_lwlock_acquire_timed(me, accounts, X, 1));
    CHECK_FAILS(LWSHM_E_LOCK_ORDER, lwshm_lwlock_acquire_timed(me, accounts, S, LWSHM_FOREVER));
    CHECK_FAILS(LWSHM_E_LOCK_ORDER, lwshm_lwlock_acquire_for_repair(me, accounts));
    CHECK_FAILS(LWSHM_E_LOCK_ORDER, lwshm_lwlock_acquire_slow(me, accounts, X, 1, LWSHM_LW_STEP));
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(me, accounts));
    static const int64_t at_once[] = {0, -1, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(1, lwshm_lwlock_acquire_timed(me, accounts, X, at_once[i]));
        CHECK_OK(lwshm_lwlock_release(me, accounts));
    }
    CHECK_EQ_INT(1, lwshm_lwlock_await_release(me, accounts, LWSHM_FOREVER, 0));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, accounts, X));
    CHECK_EQ_INT(2, lwshm_backend_release_all(me));
    end();
}

static void *lock_branches_first(void *arg)
{
    (void)arg;
    lwshm_backend *own = join(segment);
    lock_in_order(own, branches, accounts);
    CHECK_OK(lwshm_backend_leave(own));
    return NULL;
}

TEST(what_one_thread_did_counts_for_another)
{
    pthread_t thread;
    begin_checking();
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, lock_branches_first, NULL));
    CHECK_EQ_INT(0, pthread_join(thread, NULL));
    check_refused(accounts, branches);
    end();
}

TEST(it_can_be_turned_off_and_on_again_and_is_not_forgotten)
{
    begin_checking();
    lock_in_order(me, accounts, branches);
    CHECK_OK(lwshm_segment_check_lock_order(segment, 0));
    lock_in_order(me, branches, accounts);
    CHECK_OK(lwshm_segment_check_lock_order(segment, 1));
    check_refused(branches, accounts);
    lock_in_order(me, accounts, branches);
    end();
}

TEST(a_handle_that_is_closed_is_refused)
{
    begin();
    lwshm_segment *own = attach_segment();
    CHECK_OK(lwshm_segment_detach(own, LWSHM_DETACH_UNMAP));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_segment_check_lock_order(own, 1));
    close_segment(own);
    end();
}
