/*
 * step_program.c - killed at every instruction.
 *
 * For each scenario and for k = 1, 2, 3, ...: a victim process is single-stepped k
 * instructions into an operation on a lock and then killed with SIGKILL; what it left is
 * cleaned up, and the others must go on, until the operation ends before the kill.
 *
 * Some scenarios are run again with something else happening at the instruction, and then the
 * victim goes on: a writer or a reader comes, and gets in or parks; or those who hold leave.
 *
 * Nobody sleeps for a bounded time here: whoever waits is woken by a wake-up, the victim's own
 * or the recovery's, or is stuck for good, which is how a forgotten wake-up shows.
 *
 * After each kill:
 *   - the others get the lock, each in its turn                        (I1, I6)
 *   - nothing of the victim is left: no owner, no record, no slot      (I2, I4)
 *   - the lock was poisoned if and only if the victim died in XIN      (I7)
 *   - cleaning up once more changes nothing                            (I5)
 *
 *     step_program DIRECTORY [SCENARIO [SHARE OF]]
 *
 * SCENARIO is part of the names of the scenarios to run, with a + before it for all but the
 * kills; SHARE (from 0) OF so many runs only
 * each so-manieth, so that several can share the work.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "chaos/step.h"

static const struct scenario *scene;
static bool kills_too = true;
static pid_t others[OTHERS + 1]; /* by player: before, before, after, and DEAD */

/* ---- the victim ---- */

static void take_what_is_held(void)
{
    switch (scene->held) {
    case HOLDS_X:
    case HOLDS_S:
        must(lwshm_lwlock_acquire(here.me, here.lock,
                                  scene->held == HOLDS_X ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED),
             "the victim's acquire");
        break;
    case HOLDS_PERMIT:
        must(lwshm_semaphore_acquire(here.me, &here.semaphore, 1), "the victim's permit");
        break;
    default:
        break;
    }
}

static void operate(void)
{
    scene->operation();
    if (here.me == NULL)
        return;
    here.board->got = (uint32_t)lwshm_lwlock_is_held_by(here.me, here.lock);
    if (here.board->got != 0 && here.board->a != here.board->b)
        here.board->torn = 1;
}

/* Two stops, and the stepping between them; a victim that lives on leaves in an orderly way. */
static void be_victim(const void *argument, int number)
{
    (void)argument;
    (void)number;
    take_what_is_held();
    be_stepped(operate);
    if (here.me != NULL &&
        (lwshm_backend_release_all(here.me) < 0 || lwshm_backend_leave(here.me) != 0))
        exit(4);
    exit(0);
}

/* ---- setting the scene ---- */

static void let_others_go(void)
{
    if (scene->stops && others[1] != 0)
        kill(others[1], SIGCONT);
    for (int i = 0; i < OTHERS; i++)
        here.board->go[i] = 1;
}

/* A victim that sleeps in the kernel is past the point where others may go. */
static void victim_is_asleep(void)
{
    if (is_parked(VICTIM))
        let_others_go();
}

/* What stands in the victim's way when it starts. */
static void bring_in_the_dead(void)
{
    pid_t dead = bring_in(scene->dead, DEAD);
    others[2] = bring_in(scene->after, 2);
    kill_and_reap(dead);
    if (is_waiter(scene->dead))
        let_others_go();
    uint32_t slot = here.board->slot[DEAD] - 1;
    uint64_t identity = slot_at(here.segment, slot)->identity;
    slot_at(here.segment, slot)->identity =
        slot_identity(BACKEND_DEAD, slot_process(identity), slot_generation(identity));
}

/* The first of the others has the same bit of RB as the victim, who joins in the first free slot. */
static void bring_in_the_twin(void)
{
    lwshm_backend *fillers[64];
    for (int i = 0; i < 64; i++)
        must(lwshm_backend_join(here.segment, &fillers[i]), "a filler's join");
    others[0] = bring_in(scene->before[0], 0);
    for (int i = 0; i < 64; i++)
        must(lwshm_backend_leave(fillers[i]), "a filler's leave");
}

/* The second of the others starves, and is stopped; then the first leaves the lock to it. */
static void leave_it_to_one_that_is_stopped(void)
{
    siginfo_t info;
    kill(others[1], SIGSTOP);
    waitid(P_PID, (id_t)others[1], &info, WSTOPPED);
    here.board->go[0] = 1;
    if (!await(is_done, 0)) {
        fprintf(stderr, "chaos: %s: the holder does not go\n", scene->name);
        exit(2);
    }
}

static pid_t set_scene(void)
{
    memset((void *)here.board, 0, sizeof *here.board);
    memset(others, 0, sizeof others);
    /* As if nobody had ever joined but ourselves. */
    header_of(here.segment)->joined_slots = here.me->number + 1;
    if (scene->twin)
        bring_in_the_twin();
    else
        for (int i = 0; i < 2; i++)
            others[i] = bring_in(scene->before[i], i);
    if (scene->stops)
        leave_it_to_one_that_is_stopped();
    if (scene->dead != NOBODY)
        bring_in_the_dead();
    if (scene->child)
        must(lwshm_child_slot_assign(here.segment, 0, ++here.child.launch, &here.child), "assign");
    pid_t victim = start(be_victim, NULL, VICTIM);
    if (!await_first_stop(victim)) {
        fprintf(stderr, "chaos: %s: the victim ended by itself\n", scene->name);
        exit(2);
    }
    if (scene->dead == NOBODY)
        others[2] = bring_in(scene->after, 2);
    return victim;
}

static void clear_scene(pid_t victim)
{
    kill_and_reap(victim);
    for (int i = 0; i <= OTHERS; i++)
        if (others[i] != 0)
            kill_and_reap(others[i]);
}

/* ---- what must hold afterwards ---- */

static bool await_others(const char *who)
{
    let_others_go();
    here.board->go[NEWCOMER] = 1;
    for (int i = 0; i <= OTHERS; i++) {
        int number = i == OTHERS ? NEWCOMER : i;
        int status;
        if (others[i] == 0)
            continue;
        if (!await(is_done, number))
            return complain(&tally.stuck, "%s: player %d is stuck", who, number);
        waitpid(others[i], &status, 0);
        others[i] = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            return complain(&tally.false_recoveries, "%s: player %d lost its hold", who, number);
    }
    return true;
}

static bool check_aftermath(const char *who, uint32_t repairs, long k)
{
    lwshm_segment_reap_dead(here.segment);
    lwshm_segment_reap_dead(here.segment);
    if (!await_others(who) || !check_nothing_left(who, repairs, false))
        return false;
    return scene->check == NULL || scene->check(k);
}

/* Who says that it is inside exclusively must be the only one. */
static bool is_alone(const char *who)
{
    for (int i = 0; i < OTHERS; i++)
        if (here.board->ready[i] != 0 && here.board->go[i] == 0)
            return complain(&tally.lost, "%s: inside together with player %d", who, i);
    return true;
}

/* ---- killed at instruction k: 1 go on, 0 the operation ended before, -1 something is wrong ---- */

static int run_killed(long k)
{
    char who[128];
    pid_t victim = set_scene();
    snprintf(who, sizeof who, "%s, killed at instruction %ld", scene->name, k);
    bool stepped = step(victim, k, scene->others_go ? victim_is_asleep : NULL);
    bool inside = scene->dead == HOLDS_X ||
                  (here.board->slot[VICTIM] != 0 && is_inside(here.board->slot[VICTIM] - 1));
    bool alone = scene->dead != NOBODY || !inside || is_alone(who);
    bool poisons = scene->poisons && (!scene->child || here.board->progress >= CHILD_LEAVES);
    kill_and_reap(victim);
    tally.kills++;
    if (alone && check_aftermath(who, inside || poisons, k))
        return stepped;
    clear_scene(victim);
    return -1;
}

/* ---- somebody comes or leaves at instruction k ---- */

static bool are_two_inside(enum role newcomer)
{
    return here.board->got != 0 && here.board->ready[NEWCOMER] != 0 &&
           (here.board->got == LWSHM_LW_EXCLUSIVE || newcomer == HOLDS_X);
}

static void come(const void *role, int number)
{
    play(*(const enum role *)role, number);
}

/* Lets the victim run, the newcomer being where it got: inside, or parked. */
static bool finish(pid_t victim, enum role newcomer, const char *who)
{
    int status;
    int64_t deadline = awake_ns() + stuck_ns();
    int64_t hurry = awake_ns() + 2000000;
    resume_stopped(victim);
    while (look_at(victim, &status) == 0) {
        int64_t now = awake_ns();
        if (scene->others_go)
            victim_is_asleep();
        if (now > hurry) /* it waits for the newcomer, presumably */
            here.board->go[NEWCOMER] = 1;
        if (now > deadline)
            return complain(&tally.stuck, "%s: the victim is stuck", who);
        os_sleep_ns(20000);
    }
    if (here.board->go[NEWCOMER] == 0 && are_two_inside(newcomer))
        return complain(&tally.lost, "%s: two are inside", who);
    return true;
}

static bool leave_orderly(pid_t victim, const char *who)
{
    int status;
    here.board->go[NEWCOMER] = 1;
    resume_stopped(victim);
    int64_t deadline = awake_ns() + stuck_ns();
    while (look_at(victim, &status) == 0) {
        if (awake_ns() > deadline)
            return complain(&tally.stuck, "%s: the victim does not end", who);
        os_sleep_ns(20000);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return complain(&tally.false_recoveries, "%s: the victim lost its hold", who);
    return true;
}

/* A newcomer that writes must be the only one of the others. */
static bool is_newcomer_alone(const char *who)
{
    for (int i = 0; i < OTHERS; i++)
        if (here.board->ready[i] != 0 && here.board->done[i] == 0 && here.board->go[i] == 0)
            return complain(&tally.lost, "%s: it is inside together with player %d", who, i);
    return true;
}

/* What happens at instruction k: somebody with that role comes, or (NOBODY) the others go. */
static bool happen(enum role newcomer, const char *who)
{
    if (newcomer != NOBODY) {
        others[OTHERS] = start(come, &newcomer, NEWCOMER);
        if (!await(is_in_place, NEWCOMER))
            return complain(&tally.stuck, "%s: it gets nowhere", who);
        if (scene->times_out)
            os_sleep_ns(TIMES_OUT_NS);
        return newcomer != HOLDS_X || !is_ready(NEWCOMER) || is_newcomer_alone(who);
    }
    let_others_go();
    return await(is_done, 0) || complain(&tally.stuck, "%s: it does not get out", who);
}

static int run_with_event(long k, enum role newcomer)
{
    char who[128];
    pid_t victim = set_scene();
    snprintf(who, sizeof who, "%s, %s at instruction %ld", scene->name,
             newcomer == HOLDS_X   ? "a writer comes"
             : newcomer == HOLDS_S ? "a reader comes"
                                   : "others leave",
             k);
    bool stepped = step(victim, k, scene->others_go ? victim_is_asleep : NULL);
    bool ok = happen(newcomer, who);
    if (ok && stepped)
        ok = finish(victim, newcomer, who);
    if (ok && leave_orderly(victim, who) && check_aftermath(who, 0, k))
        return stepped;
    clear_scene(victim);
    return -1;
}

/* ---- all of them ---- */

static bool report(const char *what, int r, const char *verb, long instructions)
{
    printf("  %-48s %s at %ld instructions\n", what, r < 0 ? "FAILED" : verb, instructions);
    fflush(stdout);
    return r >= 0;
}

static bool run_events(enum role newcomer)
{
    long count = 0;
    int r;
    for (long k = 1; (r = run_with_event(k, newcomer)) == 1; k += 3)
        count++;
    return newcomer == NOBODY    ? report("    others", r, "leave", count + 1)
           : newcomer == HOLDS_X ? report("    a writer", r, "comes", count + 1)
                                 : report("    a reader", r, "comes", count + 1);
}

static bool run_scenario(void)
{
    long count = 0;
    int r = 0;
    for (long k = 1; kills_too && (r = run_killed(k)) == 1;
         k += scene->stride == 0 ? 1 : scene->stride)
        count++;
    return (!kills_too || report(scene->name, r, "killed", count + 1)) &&
           (!scene->others_go || run_events(NOBODY)) &&
           (!scene->newcomers || (run_events(HOLDS_X) && run_events(HOLDS_S)));
}

int main(int argc, char **argv)
{
    int share = argc > 4 ? atoi(argv[3]) : 0;
    int of = argc > 4 ? atoi(argv[4]) : 1;
    int turn = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: step_program DIRECTORY [SCENARIO [SHARE OF]]\n");
        return 2;
    }
    const char *wanted = argc > 2 ? argv[2] : "";
    kills_too = wanted[0] != '+';
    wanted += !kills_too;
    patience_limits.first_ns = patience_limits.longest_ns = 3600 * 1000000000ll;
    chaos_create(argv[1], 1);
    for (int i = 0; i < scenario_count; i++) {
        scene = &scenarios[i];
        if (strstr(scene->name, wanted) == NULL)
            continue;
        if (turn++ % of == share && !run_scenario())
            break; /* what it left spoils the rest */
    }
    chaos_delete();
    return chaos_end("step");
}
