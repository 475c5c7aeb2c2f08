/*
 * players.c - the others of a scene: holders and waiters.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chaos/chaos.h"
#include "core/patience.h"

static void await_go(int number)
{
    here.board->ready[number] = 1;
    while (here.board->go[number] == 0)
        os_sleep_ns(20000);
}

static void look(void)
{
    if (here.board->a != here.board->b)
        here.board->torn = 1;
}

/* Inside, exclusively: half of the change on the way in, the other half on the way out. */
static void change_around(int number, bool holds)
{
    look();
    here.board->a++;
    if (holds)
        await_go(number);
    here.board->b++;
}

static void take(enum lwshm_lwlock_mode mode)
{
    must(lwshm_lwlock_acquire(here.me, here.lock, mode), "a player's acquire");
}

static void give(void)
{
    if (lwshm_lwlock_release(here.me, here.lock) < 0)
        exit(4); /* it was taken from us while we lived */
}

/* If the holder has died, the repair is the business of others. */
static void await_release(void)
{
    int r = lwshm_lwlock_await_release(here.me, here.lock, LWSHM_FOREVER, 0);
    if (r != LWSHM_E_OWNER_DIED)
        must(r, "a player's wait for a release");
}

static void use_permits(int32_t permits, int number, bool holds)
{
    must(lwshm_semaphore_acquire(here.me, &here.semaphore, permits), "a player's permits");
    if (holds)
        await_go(number);
    must(lwshm_semaphore_release(here.me, &here.semaphore, permits), "permits back");
}

_Noreturn void play(enum role role, int number)
{
    switch (role) {
    case HOLDS_X:
    case STARVES_X:
    case WANTS_X:
        take(LWSHM_LW_EXCLUSIVE);
        change_around(number, role == HOLDS_X);
        give();
        break;
    case HOLDS_S:
    case STARVES_S:
    case WANTS_S:
        take(LWSHM_LW_SHARED);
        look();
        if (role == HOLDS_S)
            await_go(number);
        look();
        give();
        break;
    case HOLDS_PERMIT:
    case WANTS_PERMITS:
        use_permits(role == HOLDS_PERMIT ? 1 : SEMAPHORE_PERMITS, number, role == HOLDS_PERMIT);
        break;
    case AWAITS_RELEASE:
        await_release();
        break;
    case NOBODY:
        break;
    }
    must(lwshm_backend_leave(here.me), "a player's leave");
    here.board->done[number] = 1;
    exit(0);
}

static void body(const void *argument, int number)
{
    enum role role = *(const enum role *)argument;
    if (role == STARVES_X || role == STARVES_S)
        lwlock_turns_before_starving = 0;
    /* Nobody wakes the waiters for the permits of the dead: a waiter finds them when it looks. */
    if (role == WANTS_PERMITS)
        patience_limits = (struct patience_limits){.first_ns = 1000000, .longest_ns = 100000000};
    play(role, number);
}

pid_t bring_in(enum role role, int number)
{
    if (role == NOBODY)
        return 0;
    pid_t pid = start(body, &role, number);
    bool is_there = await(is_in_place, number);
    if (is_there && is_waiter(role) && is_done(number))
        complain(&tally.false_recoveries, "player %d, who should wait, got in", number);
    if (is_there)
        return pid;
    fprintf(stderr, "chaos: player %d with role %d does not come into its place\n", number, role);
    exit(2);
}
