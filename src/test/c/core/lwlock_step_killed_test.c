/*
 * Waiting in steps, and killed at it: between two steps nobody sleeps on its behalf, so what
 * it leaves in the lock is for others to find.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "actor.h"
#include "core/backend_slot.h"
#include "core/lwlock_wait.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

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

static struct lwlock *words(void)
{
    return lwshm_shmem_pointer(segment, lock, sizeof(struct lwlock));
}

static struct lwshm_lwlock_info look(void)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    return info;
}

static int act_step(const struct acting *self, uint64_t what, uint64_t mode)
{
    return lwshm_lwlock_acquire_slow(self->me, what, (enum lwshm_lwlock_mode)mode, 0,
                                     LWSHM_LW_STEP);
}

/* As one that was overtaken often enough. */
static int act_step_starving(const struct acting *self, uint64_t what, uint64_t mode)
{
    lwlock_turns_before_starving = 0;
    return act_step(self, what, mode);
}

static int act_repair_step(const struct acting *self, uint64_t what, uint64_t unused)
{
    (void)unused;
    return lwshm_lwlock_acquire_slow(self->me, what, X, 0, LWSHM_LW_STEP | LWSHM_LW_REPAIR);
}

/* One that has taken a step in vain, and will take the next when it is told to. */
static struct actor *one_between_steps(act *step, uint64_t argument)
{
    struct actor *actor = actor_start();
    CHECK_EQ_INT(0, actor_do(actor, step, lock, argument));
    CHECK(actor_waits_for(segment, actor, lock));
    return actor;
}

static struct actor *waiter_for(enum lwshm_lwlock_mode mode)
{
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_acquire, lock, mode);
    AWAIT(actor_waits_for(segment, waiter, lock));
    return waiter;
}

/* Nothing of it is left, and the lock, which nobody has, is as good as new. */
static void check_no_trace_of(const struct actor *dead)
{
    const struct backend_slot *slot = slot_at(segment, dead->slot);
    CHECK_OK(lwshm_segment_reap_dead(segment)); /* or else someone came upon it before */
    CHECK_EQ_INT(BACKEND_FREE, slot_state(slot->identity));
    for (uint32_t i = 0; i < segment->max_held_locks; i++)
        CHECK_EQ_UINT(0, slot->record[i]);
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, S));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_UINT(0, words()->word);
}

/* ---- with another parked behind it, whom nobody but the protocol helps ---- */

static void the_next_gets_the_lock(enum lwshm_lwlock_mode held, enum lwshm_lwlock_mode wanted,
                                   enum lwshm_lwlock_mode next)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, held));
    struct actor *doomed = one_between_steps(act_step, wanted);
    bool drains = held == S;
    CHECK_EQ_INT(drains ? (int)doomed->slot : (int)backend_info_of(me).slot, look().owner);
    struct actor *other = waiter_for(next);
    test_kill(doomed->pid);
    if (drains && next == X) /* the next draining owner */
        AWAIT(look().owner == (int32_t)other->slot);
    if (drains && next == S) /* in, beside us */
        CHECK_OK(actor_result(other));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(actor_result(other));
    CHECK_EQ_UINT(0, look().is_poisoned);
    actor_end(other);
    check_no_trace_of(doomed);
    end();
}

TEST(a_writer_killed_between_its_steps_keeps_no_other_writer_from_the_lock)
{
    the_next_gets_the_lock(X, X, X);
}

TEST(a_writer_killed_between_its_steps_keeps_no_reader_from_the_lock)
{
    the_next_gets_the_lock(X, X, S);
}

TEST(a_reader_killed_between_its_steps_keeps_no_writer_from_the_lock)
{
    the_next_gets_the_lock(X, S, X);
}

TEST(a_reader_killed_between_its_steps_keeps_no_other_reader_from_the_lock)
{
    the_next_gets_the_lock(X, S, S);
}

TEST(a_draining_owner_killed_between_its_steps_is_recovered_by_a_writer_behind_it)
{
    the_next_gets_the_lock(S, X, X);
}

TEST(a_draining_owner_killed_between_its_steps_is_recovered_by_a_reader_behind_it)
{
    the_next_gets_the_lock(S, X, S);
}

static void a_starving_waiter_keeps_nobody_out(enum lwshm_lwlock_mode wanted)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *starving = one_between_steps(act_step_starving, wanted);
    CHECK_EQ_INT((int)starving->slot, look().starving);
    struct actor *writer = waiter_for(X), *reader = waiter_for(S);
    test_kill(starving->pid);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    AWAIT(actor_is_done(writer) || actor_is_done(reader));
    /* Whoever was first. */
    if (actor_is_done(writer)) {
        CHECK_OK(actor_result(writer));
        CHECK_OK(actor_do(writer, act_release, lock, 0));
    }
    CHECK_OK(actor_result(reader));
    CHECK_OK(actor_do(reader, act_release, lock, 0));
    CHECK_OK(actor_result(writer));
    actor_end(writer);
    actor_end(reader);
    check_no_trace_of(starving);
    end();
}

TEST(a_starving_writer_killed_between_its_steps_keeps_nobody_out)
{
    a_starving_waiter_keeps_nobody_out(X);
}

TEST(a_starving_reader_killed_between_its_steps_keeps_nobody_out)
{
    a_starving_waiter_keeps_nobody_out(S);
}

/* ---- other waits ---- */

TEST(one_killed_between_its_steps_to_repair_leaves_the_lock_poisoned_and_to_be_repaired)
{
    begin();
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, X));
    test_kill(holder->pid);
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    struct actor *doomed = one_between_steps(act_repair_step, 0);
    test_kill(doomed->pid);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, S));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    check_no_trace_of(doomed);
    end();
}

static int act_await_step(const struct acting *self, uint64_t what, uint64_t unused)
{
    (void)unused;
    return lwshm_lwlock_await_release(self->me, what, 0, LWSHM_LW_STEP);
}

TEST(one_killed_between_its_steps_for_a_release_leaves_nothing)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *doomed = one_between_steps(act_await_step, 0);
    test_kill(doomed->pid);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    check_no_trace_of(doomed);
    struct actor *next = actor_start(); /* in its slot */
    CHECK_EQ_UINT(doomed->slot, next->slot);
    CHECK(!actor_waits_for(segment, next, lock));
    actor_end(next);
    end();
}

/* ---- at random ---- */

#define PROCESSES 3
#define KILLS 200

static struct {
    uint64_t left, right; /* guarded by the lock */
    uint32_t turns;
} * guarded;

static void repair(lwshm_backend *backend)
{
    if (CHECK_OK(lwshm_lwlock_acquire_for_repair(backend, lock)) == 1) {
        guarded->right = guarded->left;
        CHECK_OK(lwshm_lwlock_mark_consistent(backend, lock));
    }
    CHECK_OK(lwshm_lwlock_release(backend, lock));
}

static void churn(void *arg)
{
    (void)arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    for (uint32_t turn = 0, steps = 0;; turn++) {
        enum lwshm_lwlock_mode mode = turn % 2 == 0 ? X : S;
        int r;
        while ((r = lwshm_lwlock_acquire_slow(backend, lock, mode, turn % 3 * 100000,
                                              LWSHM_LW_STEP)) == 0)
            if (++steps % 16 == 0)
                CHECK_OK(lwshm_lwlock_cancel(backend, lock));
        if (r == LWSHM_E_OWNER_DIED) {
            repair(backend);
            continue;
        }
        CHECK_OK(r);
        if (mode == X) {
            guarded->left++;
            guarded->right++;
        } else {
            CHECK_EQ_UINT(guarded->left, guarded->right);
        }
        CHECK_OK(lwshm_lwlock_release(backend, lock));
        __atomic_add_fetch(&guarded->turns, 1, __ATOMIC_SEQ_CST);
    }
}

TEST(killed_at_random_two_hundred_times_those_who_wait_in_steps_leave_nothing_stuck)
{
    pid_t pids[PROCESSES];
    uint32_t random = 1;
    guarded = shared_zeros(sizeof *guarded);
    begin();
    for (int i = 0; i < PROCESSES; i++)
        pids[i] = test_fork(churn, NULL);
    for (int kills = 0; kills < KILLS; kills++) {
        random = random * 1664525u + 1013904223u;
        uint32_t turns = __atomic_load_n(&guarded->turns, __ATOMIC_SEQ_CST) + (random >> 8) % 100;
        AWAIT(__atomic_load_n(&guarded->turns, __ATOMIC_SEQ_CST) > turns);
        test_kill(pids[kills % PROCESSES]);
        pids[kills % PROCESSES] = test_fork(churn, NULL);
    }
    for (int i = 0; i < PROCESSES; i++)
        test_kill(pids[i]);
    CHECK_OK(lwshm_segment_reap_dead(segment));
    repair(me);
    CHECK_EQ_UINT(guarded->left, guarded->right);
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_UINT(0, words()->word);
    end();
}
