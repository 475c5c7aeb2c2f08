/*
 * death_program.c - what is death, and what is not.
 *
 * For each case and each mode a holder meets a fate while a writer waits.  If that was its
 * death, the writer must get the lock, and hear of a death inside; if not, nobody may take the
 * lock away from it, however long it takes.
 *
 *     death_program DIRECTORY [CASE]      STOP_SECONDS=60
 *
 * Pids are made scarce, and used again, only if this is the first process of a PID namespace.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/death.h"

static pid_t bystander;

static const struct fate fates[] = {
    {"stopped", false, STOPPED},
    {"its main thread ended, another holds", false, MAIN_THREAD},
    {"has a name like a dead one's", false, ODD_NAME},
    {"maps and unmaps memory all the time", false, MAPS},
    {"killed", true, KILLED},
    {"killed, with many threads", true, THREADS},
    {"killed, not yet reaped", true, ZOMBIE},
    {"killed, its pid used again", true, REUSED},
    {"runs another program", true, EXEC},
    {"killed, its forked child lives", true, FORK},
};
#define FATES (int)(sizeof fates / sizeof *fates)
/* Each case and mode has a scene, and another one for its bystander. */
#define SCENES (4 * FATES)

static const char *describe(const struct one *one)
{
    static char text[128];
    snprintf(text, sizeof text, "%s, %s", one->fate->name,
             one->mode == LWSHM_LW_EXCLUSIVE ? "exclusive" : "shared");
    return text;
}

/* ---- one case ---- */

/* A fixed role for bring_in(), but with a patience of its own, as everybody has. */
static pid_t set_up(const struct one *one, pid_t *waiter)
{
    chaos_scene(one->scene);
    pid_t holder = start(be_holder, one, HOLDER);
    if (!await(is_ready, HOLDER)) {
        fprintf(stderr, "chaos: %s: the holder does not hold\n", describe(one));
        exit(2);
    }
    *waiter = bring_in(WANTS_X, WAITER);
    return holder;
}

static bool bystander_is_ready(int number)
{
    (void)number;
    chaos_scene((uint32_t)number + 1);
    bool ready = is_ready(BYSTANDER);
    chaos_scene((uint32_t)number);
    return ready;
}

static void meet_fate(const struct one *one, pid_t holder, pid_t waiter)
{
    bystander = 0;
    tally.kills += one->fate->kind != EXEC;
    switch (one->fate->kind) {
    case EXEC:
        here.board->go[HOLDER] = 1;
        break;
    case ZOMBIE:
        kill(holder, SIGKILL);
        break;
    case FORK:
        if (!await(bystander_is_ready, (int)one->scene))
            must(LWSHM_E_INVALID, "the forked child gets nowhere");
        kill_and_reap(holder);
        break;
    case REUSED:
        /* Nobody looks while the pid is nobody's. */
        kill(waiter, SIGSTOP);
        kill_and_reap(holder);
        bystander = fork_until(holder, one);
        if (!await(bystander_is_ready, (int)one->scene))
            must(LWSHM_E_INVALID, "the next with that pid gets nowhere");
        kill(waiter, SIGCONT);
        break;
    default:
        kill_and_reap(holder);
    }
}

static bool reap_player(const struct one *one, pid_t pid, int number)
{
    int status;
    if (!await(is_done, number))
        return complain(&tally.stuck, "%s: player %d is stuck", describe(one), number);
    if (pid == 0)
        return true;
    waitpid(pid, &status, 0);
    return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
           complain(&tally.false_recoveries, "%s: player %d lost its hold", describe(one), number);
}

/* The bystander has held its lock all the time, and holds it still. */
static bool check_bystander(const struct one *one)
{
    chaos_scene(BYSTANDER_SCENE(one));
    here.board->go[BYSTANDER] = 1;
    bool ok = reap_player(one, bystander, BYSTANDER) && check_nothing_left(describe(one), 0, true);
    chaos_scene(one->scene);
    return ok;
}

static bool run_death(const struct one *one)
{
    pid_t waiter;
    if (one->fate->kind == REUSED && !may_use_up_pids()) {
        printf("  %-48s SKIPPED: not in a PID namespace of its own\n", describe(one));
        return true;
    }
    if (one->fate->kind == REUSED)
        use_up_first_pids();
    pid_t holder = set_up(one, &waiter);
    meet_fate(one, holder, waiter);
    bool ok = reap_player(one, waiter, WAITER) &&
              check_nothing_left(describe(one), one->mode == LWSHM_LW_EXCLUSIVE, true);
    if (one->fate->kind == EXEC && waitpid(holder, NULL, WNOHANG) != 0)
        ok = complain(&tally.false_recoveries, "%s: the other program has ended", describe(one));
    if (one->fate->kind == EXEC || one->fate->kind == ZOMBIE)
        kill_and_reap(holder);
    if (one->fate->kind == FORK || one->fate->kind == REUSED)
        ok = ok && check_bystander(one);
    printf("  %-48s %s\n", describe(one), ok ? "recovered" : "FAILED");
    return ok;
}

/* ---- those that live, all at once ---- */

struct living {
    struct one one;
    pid_t holder, waiter;
};

static bool is_untouched(const struct living *l)
{
    struct lwshm_lwlock_info info;
    chaos_scene(l->one.scene);
    lwshm_lwlock_info(here.segment, here.lock, &info);
    if (here.board->done[WAITER] != 0 || here.board->repairs != 0 || info.is_poisoned != 0 ||
        (l->one.mode == LWSHM_LW_EXCLUSIVE ? info.owner != (int32_t)here.board->slot[HOLDER] - 1 &&
                                                 l->one.fate->kind != MAIN_THREAD
                                           : info.shared != 1))
        return complain(&tally.false_recoveries, "%s: taken for dead", describe(&l->one));
    return true;
}

static bool end_living(struct living *l)
{
    chaos_scene(l->one.scene);
    if (l->one.fate->kind == STOPPED)
        kill(l->holder, SIGCONT);
    here.board->go[HOLDER] = 1;
    bool ok = reap_player(&l->one, l->holder, HOLDER) && reap_player(&l->one, l->waiter, WAITER) &&
              check_nothing_left(describe(&l->one), 0, true);
    printf("  %-48s %s\n", describe(&l->one), ok ? "left alone" : "FAILED");
    return ok;
}

static bool fits(const struct fate *fate, const char *filter)
{
    return filter == NULL || strstr(fate->name, filter) != NULL;
}

static struct one one_of(int fate, int mode)
{
    return (struct one){.fate = &fates[fate],
                        .mode = mode == 0 ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED,
                        .scene = (uint32_t)(4 * fate + 2 * mode)};
}

int main(int argc, char **argv)
{
    struct living living[2 * FATES];
    int count = 0;
    const char *filter = argc > 2 ? argv[2] : NULL;
    const char *seconds = getenv("STOP_SECONDS");
    bool ok = true;
    if (argc < 2) {
        fprintf(stderr, "usage: death_program DIRECTORY [CASE]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    chaos_create(argv[1], SCENES);
    for (int i = 0; i < 2 * FATES; i++) {
        if (fates[i / 2].is_death || !fits(&fates[i / 2], filter))
            continue;
        struct living *l = &living[count++];
        l->one = one_of(i / 2, i % 2);
        l->holder = set_up(&l->one, &l->waiter);
        if (l->one.fate->kind == STOPPED)
            kill(l->holder, SIGSTOP);
    }
    int64_t until = awake_ns() + (seconds == NULL ? 60 : atoll(seconds)) * 1000000000;
    for (int i = 0; ok && i < 2 * FATES; i++) {
        struct one one = one_of(i / 2, i % 2);
        if (fates[i / 2].is_death && fits(&fates[i / 2], filter))
            ok = run_death(&one);
    }
    while (ok && count > 0 && awake_ns() < until) {
        must(lwshm_segment_reap_dead(here.segment), "reap");
        for (int i = 0; i < count; i++)
            ok = ok && is_untouched(&living[i]);
        os_sleep_ns(20000000);
    }
    for (int i = 0; i < count; i++)
        ok = ok && end_living(&living[i]);
    /* Whoever is left dies with us. */
    chaos_delete();
    return chaos_end("death") || !ok;
}
