/*
 * Killed after every single instruction: in acquire and release, and in recovery itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "actor.h"
#include "core/backend_slot.h"
#include "core/lock.h"
#include "core/recover.h"
#include "stepping.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

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

/* Of the lock, at its preferred place. */
static uint64_t victims_record(void)
{
    return victims_slot()->record[record_place(lock, 1)];
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

/* Cleans up after slot *arg, which is dead, as a waiter or the reaper would. */
static void recover(void *arg)
{
    lwshm_segment *own = attach_segment();
    uint32_t slot = *(uint32_t *)arg;
    uint64_t identity = slot_at(own, slot)->identity;
    stepping_begin();
    recover_slot(own, slot, identity);
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
