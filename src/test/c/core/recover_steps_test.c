/*
 * Killed after every single instruction: in acquire and release, and in recovery itself; and
 * after every few in a wait that is taken in steps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "actor.h"
#include "core/backend_slot.h"
#include "core/lock.h"
#include "core/lwlock_wait.h"
#include "core/recover.h"
#include "stepping.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
/* A wait is long, and the sum of all its beginnings is its square: not every instruction.  Odd. */
#define STRIDE 7
#define AN_HOUR_NS (3600 * 1000000000ll)

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

/* Small, so that the loops over slots and records are short. */
static void begin(void)
{
    struct lwshm_segment_options options = small_options();
    options.max_backends = 4;
    options.max_held_locks = 2;
    segment = create_segment(&options);
    lock = make_tranche(segment, "test", 4).offset;
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static struct lwshm_lwlock_info look(uint64_t which)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, which, &info));
    return info;
}

static struct backend_slot *victims_slot(void)
{
    return slot_at(segment, backend_info_of(me).slot == 0 ? 1 : 0);
}

/* Of the lock, at its preferred index. */
static uint64_t victims_record(void)
{
    return victims_slot()->record[record_index(lock, 1)];
}

static void acquire_and_release(void *arg)
{
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    stepping_begin();
    lwshm_lwlock_acquire(backend, lock, *(enum lwshm_lwlock_mode *)arg);
    lwshm_lwlock_release(backend, lock);
    stepping_end();
}

static void killed_at_every_step_of(enum lwshm_lwlock_mode mode)
{
    if (!can_step())
        SKIP(CANNOT_STEP);
    begin();
    uint32_t deaths_inside = 0, deaths_held_shared = 0;
    bool goes_on = true;
    for (long steps = 0; goes_on; steps++) {
        goes_on = step_and_kill(acquire_and_release, &mode, steps);
        bool was_owner = look(lock).owner >= 0;
        enum record_kind kind = record_kind(victims_record());
        bool inside = was_owner && kind == RECORD_XIN;
        deaths_inside += inside;
        deaths_held_shared += kind == RECORD_S;
        if (was_owner)
            CHECK(kind != 0); /* I2 */
        CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
        CHECK_EQ_UINT(inside, look(lock).is_poisoned); /* I7 */
        CHECK_EQ_INT(-1, look(lock).owner);
        CHECK_EQ_UINT(0, look(lock).shared);
        CHECK_EQ_UINT(0, victims_record());
        if (inside) {
            CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
            CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
        } else {
            CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
        }
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    CHECK(mode == X ? deaths_inside > 0 : deaths_held_shared > 0);
    end();
}

TEST(a_writer_is_killed_at_every_step_and_poisons_the_lock_if_it_was_inside)
{
    killed_at_every_step_of(X);
}

TEST(a_reader_is_killed_at_every_step_and_poisons_nothing)
{
    killed_at_every_step_of(S);
}

enum call {
    FIRST_STEP,
    SECOND_STEP, /* behind readers, it drains on */
    CANCEL,
    AFTER_ALL
};

struct wait {
    enum lwshm_lwlock_mode mode;
    enum call dies_in;
};

/* Dies in one of the calls, which keeps the number of instructions to die at small. */
static void wait_in_steps(void *arg)
{
    const struct wait *wait = arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    own->spins = false;
    lwlock_turns_before_starving = 0;
    patience_limits.first_ns = AN_HOUR_NS; /* stepping is slow, and this is not about looking */
    for (enum call call = FIRST_STEP; call < AFTER_ALL; call++) {
        if (call == wait->dies_in)
            stepping_begin();
        if (call == CANCEL)
            lwshm_lwlock_cancel(backend, lock);
        else
            lwshm_lwlock_acquire_slow(backend, lock, wait->mode, 0, LWSHM_LW_STEP);
        if (call == wait->dies_in)
            stepping_end();
    }
}

static void a_waiter_in_steps_is_killed_all_along(enum lwshm_lwlock_mode held,
                                                  enum lwshm_lwlock_mode wanted)
{
    if (!can_step())
        SKIP(CANNOT_STEP);
    begin();
    uint32_t deaths_in_line = 0, deaths_starving = 0, deaths_as_owner = 0;
    struct wait wait = {.mode = wanted, .dies_in = FIRST_STEP};
    for (long steps = 0; wait.dies_in < AFTER_ALL; steps += STRIDE) {
        CHECK_OK(lwshm_lwlock_acquire(me, lock, held));
        if (!step_and_kill(wait_in_steps, &wait, steps)) {
            wait.dies_in++;
            steps = wait.dies_in - STRIDE; /* other ones than before */
        }
        int32_t victim = backend_info_of(me).slot == 0 ? 1 : 0;
        bool was_owner = look(lock).owner == victim, was_starving = look(lock).starving == victim;
        deaths_in_line += record_kind(victims_record()) == RECORD_N && look(lock).has_waiters;
        deaths_starving += was_starving;
        deaths_as_owner += was_owner;
        if (was_owner || was_starving)
            CHECK_EQ_INT(RECORD_N, record_kind(victims_record())); /* I2 */
        if (steps % 2 == 0) {                                      /* while we hold it */
            CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
            CHECK_EQ_INT(held, lwshm_lwlock_is_held_by(me, lock));
            CHECK_OK(lwshm_lwlock_release(me, lock));
            CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
        } else { /* or by who waits for the lock, if it is in the way */
            CHECK_OK(lwshm_lwlock_release(me, lock));
            CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
            CHECK_EQ_INT(was_owner || was_starving ? 0 : 1, lwshm_segment_reap_dead(segment));
        }
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK_EQ_UINT(0, victims_record());
        CHECK_EQ_UINT(0, ((struct lwlock *)lwshm_shmem_pointer(segment, lock, 64))->word);
    }
    CHECK(deaths_in_line > 10);
    CHECK(held == X ? deaths_starving > 0 : deaths_as_owner > 0);
    end();
}

TEST(a_writer_that_waits_in_steps_for_a_writer_is_killed_all_along)
{
    a_waiter_in_steps_is_killed_all_along(X, X);
}

TEST(a_reader_that_waits_in_steps_for_a_writer_is_killed_all_along)
{
    a_waiter_in_steps_is_killed_all_along(X, S);
}

TEST(a_writer_that_waits_in_steps_for_a_reader_is_killed_all_along)
{
    a_waiter_in_steps_is_killed_all_along(S, X);
}

/* Cleans up after slot *arg, which is dead, as a waiter or the reaper would. */
static void recover(void *arg)
{
    /* By the parent's handle: who attaches takes the dead one's entry, and cleans up after it. */
    uint32_t slot = *(uint32_t *)arg;
    uint64_t identity = slot_at(segment, slot)->identity;
    stepping_begin();
    recover_slot(segment, slot, identity);
    stepping_end();
}

TEST(one_that_recovers_is_killed_at_every_step_and_another_goes_on_where_it_was)
{
    if (!can_step())
        SKIP(CANNOT_STEP);
    begin();
    uint32_t half_done = 0;
    bool goes_on = true;
    for (long steps = 0; goes_on; steps++) {
        struct actor *dead = actor_start();
        CHECK_OK(actor_do(dead, act_acquire, lock, X));
        CHECK_OK(actor_do(dead, act_acquire, lock + 64, S));
        test_kill(dead->pid);
        const struct backend_slot *slot = slot_at(segment, dead->slot);
        uint64_t generation = slot_generation(slot->identity);
        const struct lwlock *shared = lwshm_shmem_pointer(segment, lock + 64, sizeof *shared);
        uint32_t wake_ups = shared->dfut;
        goes_on = step_and_kill(recover, &dead->slot, steps);
        if (shared->dfut != wake_ups) /* an owner that is woken must see the reader gone */
            CHECK(!record_says_shared(segment, dead->slot, lock + 64));
        half_done += slot_state(slot->identity) == BACKEND_DEAD;
        CHECK_OK(lwshm_segment_reap_dead(segment));
        CHECK_EQ_INT(BACKEND_FREE, slot_state(slot->identity));
        CHECK_EQ_UINT(generation + 1, slot_generation(slot->identity));
        CHECK_EQ_UINT(0, slot->record[0] | slot->record[1]);
        CHECK_EQ_INT(-1, look(lock).owner);
        CHECK_EQ_UINT(1, look(lock).is_poisoned);
        CHECK_EQ_UINT(0, look(lock + 64).shared);
        CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
        CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
        CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock + 64, X));
        CHECK_OK(lwshm_lwlock_release(me, lock + 64));
    }
    CHECK(half_done > 10);
    end();
}
