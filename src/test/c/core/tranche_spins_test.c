/*
 * How waiters spin before they park: as it was set, or as a trial has shown.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>

#include "actor.h"
#include "core/lwlock_spin.h"
#include "os/clock.h"

#define X LWSHM_LW_EXCLUSIVE

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_tranche tranche;

static void begin(void)
{
    segment = create_segment(NULL);
    make_tranche(segment, "other", 2);
    tranche = make_tranche(segment, "test", 2);
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static uint32_t spins(void)
{
    struct lwshm_tranche_statistics statistics;
    CHECK_OK(lwshm_tranche_statistics(segment, tranche.id, &statistics));
    return statistics.spins;
}

static struct tranche_entry *entry(void)
{
    return tranche_at(segment, tranche.id);
}

/* As a waiter for a lock of the tranche that is about to park. */
static struct spin wait_once(lwshm_segment *in, lwshm_backend *backend)
{
    return lwlock_spin(backend, lock_at(in, tranche.offset));
}

/* ---- the setting ---- */

TEST(a_number_of_turns_that_is_none_is_refused_and_changes_nothing)
{
    static const int32_t wrong[] = {-2, INT32_MIN, LWSHM_SPINS_MAX + 1, INT32_MAX};
    begin();
    CHECK_OK(lwshm_tranche_set_spins(segment, tranche.id, 7));
    for (int i = 0; i < 4; i++) {
        CHECK_CONTAINS(
            "LWSHM_SPINS_LEARNED",
            CHECK_FAILS(LWSHM_E_INVALID, lwshm_tranche_set_spins(segment, tranche.id, wrong[i]))
                ->message);
        CHECK_EQ_UINT(7, spins());
    }
    end();
}

static int act_wait_once(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)unused, (void)unused2;
    return (int)wait_once(self->segment, self->me).turns;
}

TEST(a_number_that_is_set_holds_for_all_processes_and_for_no_other_tranche)
{
    static const int32_t right[] = {0, 1, 100, LWSHM_SPINS_MAX, 0};
    struct lwshm_tranche_statistics statistics;
    begin();
    struct actor *other = actor_start();
    for (int i = 0; i < 5; i++) {
        CHECK_OK(lwshm_tranche_set_spins(segment, tranche.id, right[i]));
        CHECK_EQ_UINT(right[i], spins());
        CHECK_EQ_UINT(right[i], wait_once(segment, me).turns);
        CHECK_EQ_INT(right[i], actor_do(other, act_wait_once, 0, 0));
        CHECK_OK(lwshm_tranche_statistics(segment, tranche.id - 1, &statistics));
        CHECK_EQ_UINT(0, statistics.spins);
    }
    CHECK_OK(lwshm_tranche_set_spins(segment, tranche.id, LWSHM_SPINS_LEARNED));
    CHECK_EQ_UINT(0, spins());
    actor_end(other);
    end();
}

TEST(a_new_tranche_learns_and_does_not_spin_at_first)
{
    begin();
    CHECK_EQ_INT(LWSHM_SPINS_LEARNED, entry()->spins_setting);
    CHECK_EQ_UINT(0, spins());
    CHECK_EQ_UINT(0, wait_once(segment, me).turns);
    end();
}

TEST(no_trial_begins_where_the_number_is_set)
{
    begin();
    CHECK_OK(lwshm_tranche_set_spins(segment, tranche.id, 3));
    for (int i = 0; i < 1000; i++)
        CHECK_EQ_UINT(3, wait_once(segment, me).turns);
    CHECK_EQ_INT(0, entry()->next_trial);
    CHECK(me->trial.tranche == NULL);
    end();
}

/* ---- trials ---- */

static void begin_a_trial(lwshm_segment *in, lwshm_backend *backend)
{
    while (backend->trial.tranche == NULL)
        wait_once(in, backend);
}

/* Conducts trials until one ends.  Locks are acquired in those of its windows in which waiters look
   `best` times. */
static void hold_a_trial(uint32_t best)
{
    uint32_t before = entry()->trials_agreed;
    testing_waits_for(__FILE__, __LINE__, "the end of a trial");
    while (entry()->trials_agreed == before)
        if (wait_once(segment, me).turns == best) {
            CHECK_OK(lwshm_lwlock_acquire(me, tranche.offset, X));
            CHECK_OK(lwshm_lwlock_release(me, tranche.offset));
        }
    testing_waits_for(NULL, 0, NULL);
}

TEST(a_trial_ends_with_the_way_in_which_all_backends_acquire_most)
{
    static const uint32_t best[] = {0, 1, 100};
    begin();
    for (int i = 0; i < 3; i++) {
        CHECK_OK(lwshm_tranche_set_spins(segment, tranche.id, LWSHM_SPINS_LEARNED));
        entry()->trials_agreed = UINT32_MAX; /* so that its end is seen */
        hold_a_trial(best[i]);
        CHECK_EQ_UINT(best[i], spins());
        CHECK_EQ_UINT(best[i], wait_once(segment, me).turns);
        CHECK(me->trial.tranche == NULL);
    }
    end();
}

TEST(a_damaged_count_of_trials_does_not_put_off_the_next_one_for_ever)
{
    begin();
    entry()->trials_agreed = UINT32_MAX << 4; /* to park at once */
    hold_a_trial(0);
    CHECK_EQ_UINT(2, entry()->trials_agreed >> 4);
    CHECK(entry()->next_trial > os_monotonic_ns());
    CHECK(entry()->next_trial - os_monotonic_ns() < 1000 * 1000000000ll);
    end();
}

TEST(a_setting_wins_over_a_trial_that_was_begun_before_it)
{
    begin();
    begin_a_trial(segment, me);
    CHECK_OK(lwshm_tranche_set_spins(segment, tranche.id, 5));
    /* As the conductor that was about to write its result. */
    entry()->spin = 100 | 1u << SPIN_PAUSES_SHIFT;
    CHECK_EQ_UINT(5, spins());
    CHECK_EQ_UINT(5, wait_once(segment, me).turns);
    end();
}

static int act_begin_a_trial(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)unused, (void)unused2;
    begin_a_trial(self->segment, self->me);
    return 0;
}

TEST(one_trial_at_a_time_is_held_and_another_begins_when_its_conductor_was_killed)
{
    begin();
    struct actor *conductor = actor_start();
    CHECK_OK(actor_do(conductor, act_begin_a_trial, 0, 0));
    int64_t lease = entry()->next_trial;
    CHECK(lease != 0);
    for (int i = 0; i < 100; i++)
        wait_once(segment, me);
    CHECK(me->trial.tranche == NULL || lease != entry()->next_trial);
    test_kill(conductor->pid);
    entry()->trials_agreed = UINT32_MAX;
    hold_a_trial(100);
    CHECK_EQ_UINT(100, spins());
    end();
}

static int act_wait_often(const struct acting *self, uint64_t times, uint64_t unused)
{
    (void)unused;
    for (uint64_t i = 0; i < times; i++)
        wait_once(self->segment, self->me);
    return 0;
}

TEST(a_conductor_that_comes_back_late_changes_nothing)
{
    begin();
    struct actor *conductor = actor_start();
    CHECK_OK(actor_do(conductor, act_begin_a_trial, 0, 0));
    actor_stop(conductor);
    entry()->trials_agreed = UINT32_MAX;
    hold_a_trial(100);
    entry()->next_trial = INT64_MAX; /* no other begins */
    CHECK_EQ_INT(0, kill(conductor->pid, SIGCONT));
    CHECK_OK(actor_do(conductor, act_wait_often, 100, 0));
    CHECK_EQ_UINT(100, spins());
    CHECK_EQ_INT(INT64_MAX, entry()->next_trial);
    actor_end(conductor);
    end();
}

TEST(a_result_is_dropped_when_another_has_the_lease)
{
    begin();
    begin_a_trial(segment, me);
    while (me->trial.got[0] == 0) { /* the first window, with some acquisitions */
        wait_once(segment, me);
        CHECK_OK(lwshm_lwlock_acquire(me, tranche.offset, X));
        CHECK_OK(lwshm_lwlock_release(me, tranche.offset));
    }
    /* Another began one: this one was stopped long enough for its lease to end. */
    entry()->next_trial = INT64_MAX;
    entry()->spin = 100 | 1u << SPIN_PAUSES_SHIFT;
    os_sleep_ns(50000000); /* windows without acquisitions: it gives its trial up */
    for (int i = 0; i < 100 && me->trial.tranche != NULL; i++)
        wait_once(segment, me);
    CHECK(me->trial.tranche == NULL);
    CHECK_EQ_UINT(100, spins());
    CHECK_EQ_INT(INT64_MAX, entry()->next_trial);
    end();
}

/* ---- a deadline ---- */

/* The shortest of some waits for a lock that is held, with that time-out. */
static int64_t shortest_wait(int64_t timeout_ns)
{
    int64_t shortest = INT64_MAX;
    for (int i = 0; i < 20; i++) {
        int64_t began = os_monotonic_ns();
        CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(me, tranche.offset, X, timeout_ns));
        int64_t took = os_monotonic_ns() - began;
        shortest = took < shortest ? took : shortest;
    }
    return shortest;
}

TEST(spinning_ends_at_the_deadline)
{
    begin();
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, tranche.offset, X));
    CHECK_OK(lwshm_tranche_set_spins(segment, tranche.id, LWSHM_SPINS_MAX));
    segment->spins = true; /* even on a machine with one processor */
    int64_t began = os_monotonic_ns();
    spin_pause(LWSHM_SPINS_MAX);
    int64_t all = os_monotonic_ns() - began;
    CHECK(shortest_wait(all / 100) < all / 2);
    CHECK_OK(actor_do(holder, act_release, tranche.offset, 0));
    actor_end(holder);
    end();
}
