/*
 * step_scenarios.c - the operations that are stepped through, and who is around.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "chaos/step.h"

static void acquire_exclusive(void)
{
    lwshm_lwlock_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE);
}

static void acquire_shared(void)
{
    lwshm_lwlock_acquire(here.me, here.lock, LWSHM_LW_SHARED);
}

static void try_exclusive(void)
{
    lwshm_lwlock_try_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE);
}

static void try_shared(void)
{
    lwshm_lwlock_try_acquire(here.me, here.lock, LWSHM_LW_SHARED);
}

/* Gives up at once, without sleeping: as empty-handed, or out of its drain. */
static void give_up_exclusive(void)
{
    lwshm_lwlock_acquire_timed(here.me, here.lock, LWSHM_LW_EXCLUSIVE, 0);
}

static void give_up_shared(void)
{
    lwshm_lwlock_acquire_timed(here.me, here.lock, LWSHM_LW_SHARED, 0);
}

static void give_up_late(void)
{
    lwshm_lwlock_acquire_timed(here.me, here.lock, LWSHM_LW_EXCLUSIVE, TIMES_OUT_NS);
}

/* Begins to look, sees the free lock left alone, and takes the name off. */
static void try_three_times(void)
{
    uint32_t backends = here.segment->max_backends;
    patience_limits.first_ns = 1;
    here.segment->max_backends = 0; /* so that it is not stepped through /proc: all are alive */
    for (int i = 0; i < 3; i++)
        try_exclusive();
    here.segment->max_backends = backends;
}

static void starve_exclusive(void)
{
    lwlock_turns_before_starving = 0;
    acquire_exclusive();
}

static void starve_shared(void)
{
    lwlock_turns_before_starving = 0;
    acquire_shared();
}

static void acquire_or_wait(void)
{
    lwshm_lwlock_acquire_or_wait(here.me, here.lock);
}

static void await_release(void)
{
    lwshm_lwlock_await_release(here.me, here.lock, LWSHM_FOREVER, 0);
}

/* Its own bit in RB is no reason to look for readers. */
static void read_then_write(void)
{
    acquire_shared();
    lwshm_lwlock_release(here.me, here.lock);
    acquire_exclusive();
}

static void release(void)
{
    lwshm_lwlock_release(here.me, here.lock);
}

static void change_data(void)
{
    lwshm_lwlock_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE);
    here.board->torn |= here.board->a != here.board->b;
    here.board->a++;
    here.board->b++;
    lwshm_lwlock_release(here.me, here.lock);
}

static void leave(void)
{
    lwshm_backend_leave(here.me);
    here.me = NULL;
}

static void join_and_leave(void)
{
    lwshm_backend *another;
    if (lwshm_backend_join(here.segment, &another) == LWSHM_OK)
        lwshm_backend_leave(another);
}

/* The victim is the recoverer.  Its first step, the proof of death, has been done for it, so
   that it is not stepped through /proc. */
static void recover(void)
{
    uint32_t slot = here.board->slot[DEAD] - 1;
    recover_slot(here.segment, slot,
                 __atomic_load_n(&slot_at(here.segment, slot)->identity, __ATOMIC_ACQUIRE));
}

/* ---- the allocator ---- */

#define STRUCT_BYTES 40

static void init_struct(void)
{
    struct lwshm_area area;
    bool found;
    lwshm_shmem_init_struct(here.segment, "struct", STRUCT_BYTES, &found, &area);
}

/* No other process is there: so that the next scene finds the index as this one did. */
static void drop_struct(const struct lwshm_area *area)
{
    header_of(here.segment)->struct_count--;
    header_of(here.segment)->free_offset = area->offset;
}

/* Whoever comes next makes the struct or finds it, once, zero, and all bytes are accounted for. */
static bool check_struct(long k)
{
    static const char zeros[STRUCT_BYTES];
    struct lwshm_allocation rows[16];
    struct lwshm_area area, again;
    bool found;
    must(lwshm_shmem_init_struct(here.segment, "struct", STRUCT_BYTES, &found, &area),
         "init struct");
    must(lwshm_shmem_index_find(here.segment, "struct", &again), "find struct");
    if (area.offset != again.offset || area.size != again.size)
        return complain(&tally.lost, "the struct is there twice, killed at instruction %ld", k);
    if (memcmp(lwshm_shmem_pointer(here.segment, area.offset, STRUCT_BYTES), zeros, STRUCT_BYTES))
        return complain(&tally.lost, "the struct is not zero, killed at instruction %ld", k);
    must(lwshm_shmem_allocations(here.segment, rows, 16), "allocations");
    drop_struct(&area);
    return true;
}

/* ---- the semaphore ---- */

static void take_permit(void)
{
    lwshm_semaphore_acquire(here.me, &here.semaphore, 1);
}

static void give_permit(void)
{
    lwshm_semaphore_release(here.me, &here.semaphore, 1);
}

/* All permits have come back. */
static bool check_permits(long k)
{
    (void)k;
    int r = lwshm_semaphore_acquire_timed(here.me, &here.semaphore, SEMAPHORE_PERMITS, stuck_ns());
    must(r, "all permits");
    if (r != 1)
        return complain(&tally.stuck, "the dead one's permits have not come back");
    must(lwshm_semaphore_release(here.me, &here.semaphore, SEMAPHORE_PERMITS), "permits back");
    r = lwshm_semaphore_available(here.segment, &here.semaphore);
    return r == SEMAPHORE_PERMITS || complain(&tally.lost, "%d permits are there", r);
}

/* ---- a postmaster's child ---- */

static void live(bool holding)
{
    lwshm_backend *child;
    here.board->progress = CHILD_JOINS;
    must(lwshm_backend_join_slot(here.segment, &here.child, &child), "join slot");
    here.board->slot[VICTIM] = child->number + 1;
    here.board->progress = CHILD_WORKS;
    must(lwshm_lwlock_acquire(child, here.lock, LWSHM_LW_EXCLUSIVE), "the child's acquire");
    here.board->a++;
    here.board->b++;
    if (!holding)
        must(lwshm_lwlock_release(child, here.lock), "the child's release");
    here.board->progress = CHILD_LEAVES;
    must(lwshm_backend_leave(child), "the child's leave");
    here.board->progress = CHILD_IS_GONE;
}

static void live_as_child(void)
{
    live(false);
}

static void leave_holding_as_child(void)
{
    live(true);
}

/* What the dead-man switch may say of a child that was killed there.  Others have cleaned up after
   it by now, which must not have told on it. */
static bool check_child(long k)
{
    int state = lwshm_child_slot_state(here.segment, 0, here.child.launch);
    uint32_t progress = here.board->progress;
    must(lwshm_child_slot_release(here.segment, 0), "release");
    if (state == LWSHM_CHILD_LEFT && (progress < CHILD_LEAVES || here.board->repairs > 0))
        return complain(&tally.lost, "a child counts as left, killed at instruction %ld", k);
    if (state == LWSHM_CHILD_ASSIGNED && progress > CHILD_JOINS)
        return complain(&tally.lost, "a child was never there, killed at instruction %ld", k);
    /* One that leaves inside a lock has crashed. */
    bool may_have_left = progress == CHILD_IS_GONE && here.board->repairs == 0;
    if (state == LWSHM_CHILD_ACTIVE && (progress == 0 || may_have_left))
        return complain(&tally.false_recoveries, "a child has crashed, killed at instruction %ld",
                        k);
    return state != LWSHM_CHILD_NONE ||
           complain(&tally.lost, "nobody knows of a child, killed at instruction %ld", k);
}

/* ---- the scenes ---- */

const struct scenario scenarios[] = {
    /* acquire and release */
    {.name = "acquire exclusive", .operation = acquire_exclusive, .newcomers = true},
    {.name = "acquire shared", .operation = acquire_shared, .newcomers = true},
    {.name = "acquire exclusive after shared", .operation = read_then_write, .newcomers = true},
    {.name = "acquire, change, release", .operation = change_data, .newcomers = true},
    {.name = "release exclusive", .held = HOLDS_X, .operation = release, .newcomers = true},
    {.name = "release shared", .held = HOLDS_S, .operation = release, .newcomers = true},
    {.name = "acquire shared beside a reader",
     .before = {HOLDS_S},
     .operation = acquire_shared,
     .others_go = true,
     .newcomers = true},
    /* with somebody in the way */
    {.name = "acquire exclusive, reader inside",
     .before = {HOLDS_S},
     .operation = acquire_exclusive,
     .others_go = true,
     .newcomers = true},
    {.name = "acquire exclusive, reader with the same bit inside",
     .before = {HOLDS_S},
     .operation = acquire_exclusive,
     .others_go = true,
     .twin = true,
     .stride = 3},
    {.name = "acquire exclusive, writer inside",
     .before = {HOLDS_X},
     .operation = acquire_exclusive,
     .others_go = true,
     .newcomers = true},
    {.name = "acquire exclusive, writer inside, writer waits",
     .before = {HOLDS_X, WANTS_X},
     .operation = acquire_exclusive,
     .others_go = true},
    {.name = "acquire shared, writer inside",
     .before = {HOLDS_X},
     .operation = acquire_shared,
     .others_go = true,
     .newcomers = true},
    {.name = "acquire shared, writer inside, writer waits",
     .before = {HOLDS_X, WANTS_X},
     .operation = acquire_shared,
     .after = WANTS_S,
     .others_go = true},
    /* with somebody to be woken */
    {.name = "release exclusive, writer waits",
     .held = HOLDS_X,
     .after = WANTS_X,
     .operation = release},
    {.name = "release exclusive, reader waits",
     .held = HOLDS_X,
     .after = WANTS_S,
     .operation = release},
    {.name = "release exclusive, starving writer waits",
     .held = HOLDS_X,
     .after = STARVES_X,
     .operation = release},
    {.name = "release exclusive, starving reader waits",
     .held = HOLDS_X,
     .after = STARVES_S,
     .operation = release},
    {.name = "release shared, owner drains",
     .held = HOLDS_S,
     .after = WANTS_X,
     .operation = release},
    /* giving up */
    {.name = "try exclusive, reader inside",
     .before = {HOLDS_S},
     .operation = try_exclusive,
     .newcomers = true},
    {.name = "try exclusive, writer inside", .before = {HOLDS_X}, .operation = try_exclusive},
    {.name = "try shared, writer inside", .before = {HOLDS_X}, .operation = try_shared},
    {.name = "give up exclusive, writer inside",
     .before = {HOLDS_X, WANTS_X},
     .operation = give_up_exclusive},
    {.name = "give up shared, writer inside",
     .before = {HOLDS_X, WANTS_S},
     .operation = give_up_shared},
    {.name = "give up in the drain",
     .before = {HOLDS_S},
     .operation = give_up_exclusive,
     .newcomers = true},
    {.name = "give up after a sleep", .before = {HOLDS_X}, .operation = give_up_late, .stride = 23},
    {.name = "give up after a wake-up",
     .before = {HOLDS_X},
     .operation = give_up_late,
     .others_go = true,
     .newcomers = true,
     .times_out = true,
     .stride = 23},
    /* starving */
    {.name = "starve for exclusive",
     .before = {HOLDS_X},
     .operation = starve_exclusive,
     .others_go = true,
     .newcomers = true},
    {.name = "starve for shared",
     .before = {HOLDS_X, WANTS_X},
     .operation = starve_shared,
     .others_go = true},
    {.name = "wait behind a starving waiter",
     .before = {HOLDS_X, STARVES_X},
     .operation = acquire_shared,
     .others_go = true},
    {.name = "take the name off one that is stopped",
     .before = {HOLDS_X, STARVES_X},
     .after = WANTS_S,
     .operation = try_three_times,
     .stops = true,
     .stride = 3},
    /* recovery */
    {.name = "recover a writer", .dead = HOLDS_X, .after = WANTS_X, .operation = recover},
    {.name = "recover a writer, reader waits",
     .dead = HOLDS_X,
     .after = WANTS_S,
     .operation = recover},
    {.name = "recover a reader", .dead = HOLDS_S, .after = WANTS_X, .operation = recover},
    {.name = "recover a starving waiter",
     .before = {HOLDS_X},
     .dead = STARVES_X,
     .after = WANTS_S,
     .operation = recover},
    /* acquiring nothing, or perhaps nothing */
    {.name = "await a release", .before = {HOLDS_X}, .operation = await_release, .others_go = true},
    {.name = "release exclusive, a release is awaited",
     .held = HOLDS_X,
     .after = AWAITS_RELEASE,
     .operation = release},
    {.name = "acquire or wait",
     .before = {HOLDS_X},
     .operation = acquire_or_wait,
     .others_go = true},
    /* the slot */
    {.name = "leave while inside",
     .held = HOLDS_X,
     .after = WANTS_X,
     .operation = leave,
     .poisons = true},
    {.name = "leave while reading", .held = HOLDS_S, .after = WANTS_X, .operation = leave},
    {.name = "join and leave", .operation = join_and_leave},
    /* what else is kept in order without a lock's help, or with it */
    {.name = "make a struct", .operation = init_struct, .check = check_struct},
    {.name = "take a permit", .operation = take_permit, .check = check_permits},
    {.name = "give a permit back",
     .held = HOLDS_PERMIT,
     .after = WANTS_PERMITS,
     .operation = give_permit,
     .check = check_permits},
    {.name = "take a permit, another has one",
     .before = {HOLDS_PERMIT},
     .operation = take_permit,
     .check = check_permits},
    /* the dead-man switch */
    {.name = "a child joins, works and leaves",
     .operation = live_as_child,
     .child = true,
     .check = check_child},
    {.name = "a child leaves while inside",
     .operation = leave_holding_as_child,
     .poisons = true,
     .child = true,
     .check = check_child},
};
const int scenario_count = sizeof scenarios / sizeof *scenarios;
