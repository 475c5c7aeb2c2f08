/*
 * heir_program.c - a recoverer that is late.
 *
 * For each k: a recoverer is single-stepped k instructions into the recovery of a dead backend
 * and stopped there.  Meanwhile another recovers that backend completely, its slot is taken by
 * a new one, the heir, and the heir acquires or waits for the same lock.  Then the late
 * recoverer goes on.  It must not touch anything of the heir's, and the heir must get along as
 * if nobody had been there.                                            (I4, I5)
 *
 *     heir_program DIRECTORY [SCENARIO]
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "chaos/chaos.h"

/* In the order of their joining, so that the heir takes the dead one's slot. */
#define BLOCKER 0
#define DEAD 1
#define RECOVERER 2
#define HEIR 3

struct scenario {
    const char *name;
    enum role dead, heir;
    enum role blocker; /* in the way of both, if they are to wait */
};

static const struct scenario scenarios[] = {
    {"a writer died, its heir is a writer", HOLDS_X, HOLDS_X, NOBODY},
    {"a writer died, its heir is a reader", HOLDS_X, HOLDS_S, NOBODY},
    {"a reader died, its heir is a reader", HOLDS_S, HOLDS_S, NOBODY},
    {"a reader died, its heir is a writer", HOLDS_S, HOLDS_X, NOBODY},
    {"a waiting writer died, its heir waits", WANTS_X, WANTS_X, HOLDS_X},
    {"a draining writer died, its heir drains", WANTS_X, WANTS_X, HOLDS_S},
    {"a starving died, its heir starves", STARVES_X, STARVES_X, HOLDS_X},
    {"a reader died that starved, its heir, too", STARVES_S, STARVES_S, HOLDS_X},
};

static const struct scenario *scene;

static uint64_t identity_seen; /* the dead one's, as the recoverer found it */

static void recover(void)
{
    recover_slot(here.segment, here.board->slot[DEAD] - 1, identity_seen);
}

static void be_recoverer(const void *argument, int number)
{
    (void)argument;
    (void)number;
    identity_seen = slot_at(here.segment, here.board->slot[DEAD] - 1)->identity;
    be_stepped(recover);
    must(lwshm_backend_leave(here.me), "the recoverer's leave");
    here.board->done[RECOVERER] = 1;
}

/* What a late recoverer could spoil.  The starving's name may be taken off, since it carries no
   generation: then the heir is woken, and puts it on again. */
struct state {
    uint64_t identity, word, record[2];
};

static struct state state_now(void)
{
    const struct backend_slot *slot = slot_at(here.segment, here.board->slot[DEAD] - 1);
    uint64_t word = lock_at(here.segment, here.lock)->word;
    return (struct state){.identity = slot->identity,
                          .word = word & (LOCK_OWNER_MASK | LOCK_POISON),
                          .record = {slot->record[0], slot->record[1]}};
}

static bool check_heir(const char *who, const struct state *before)
{
    struct state now = state_now();
    if (now.identity != before->identity)
        return complain(&tally.false_recoveries, "%s: the heir's slot was freed", who);
    if (now.word != before->word)
        return complain(&tally.false_recoveries, "%s: the heir's hold was ended", who);
    if (memcmp(now.record, before->record, sizeof now.record) != 0)
        return complain(&tally.false_recoveries, "%s: the heir's record was changed", who);
    return true;
}

static bool await_end(const char *who, const pid_t *pids)
{
    for (int i = 0; i <= HEIR; i++) {
        int status;
        here.board->go[i] = 1;
        if (pids[i] == 0 || i == DEAD)
            continue;
        if (!await(is_done, i))
            return complain(&tally.stuck, "%s: player %d is stuck", who, i);
        waitpid(pids[i], &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            return complain(&tally.false_recoveries, "%s: player %d lost its hold", who, i);
    }
    return true;
}

static bool put_right(const char *who)
{
    if (lwshm_lwlock_try_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE) != 1)
        return complain(&tally.stuck, "%s: the lock was not recovered", who);
    lwshm_lwlock_release(here.me, here.lock);
    return true;
}

static int give_up(const pid_t *pids)
{
    for (int i = 0; i <= HEIR; i++)
        if (pids[i] != 0 && i != DEAD)
            kill_and_reap(pids[i]);
    return -1;
}

/* 1 go on, 0 the recovery ended before instruction k, -1 something is wrong. */
static int run(long k)
{
    pid_t pids[HEIR + 1] = {0};
    char who[128];
    snprintf(who, sizeof who, "%s, recoverer late at instruction %ld", scene->name, k);
    memset((void *)here.board, 0, sizeof *here.board);
    pids[BLOCKER] = bring_in(scene->blocker, BLOCKER);
    pids[DEAD] = bring_in(scene->dead, DEAD);
    pids[RECOVERER] = start(be_recoverer, NULL, RECOVERER);
    bool ok = await_first_stop(pids[RECOVERER]);
    kill_and_reap(pids[DEAD]);
    tally.kills++;
    bool stepped = step(pids[RECOVERER], k, NULL);
    lwshm_segment_reap_dead(here.segment);
    /* What the dead one did inside is put right here, not by whoever comes next. */
    if (scene->dead == HOLDS_X && !put_right(who))
        return give_up(pids);
    pids[HEIR] = bring_in(scene->heir, HEIR);
    if (here.board->slot[HEIR] != here.board->slot[DEAD])
        must(fail(LWSHM_E_INVALID, "slot %u", here.board->slot[HEIR] - 1), "the heir has no");
    struct state before = state_now();
    ok = ok && (!stepped || run_to_end(pids[RECOVERER]) ||
                complain(&tally.stuck, "%s: the recoverer is stuck", who));
    ok = ok && check_heir(who, &before);
    if (ok) {
        resume_stopped(pids[RECOVERER]);
        ok = await_end(who, pids) && check_nothing_left(who, scene->dead == HOLDS_X, false);
    }
    if (ok)
        return stepped;
    return give_up(pids);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: heir_program DIRECTORY [SCENARIO]\n");
        return 2;
    }
    patience_limits.first_ns = patience_limits.longest_ns = 3600 * 1000000000ll;
    chaos_create(argv[1], 1);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        int r;
        long k = 0;
        scene = &scenarios[i];
        if (argc > 2 && strstr(scene->name, argv[2]) == NULL)
            continue;
        do
            r = run(++k);
        while (r == 1);
        printf("  %-48s %s at %ld instructions\n", scene->name, r < 0 ? "FAILED" : "late", k);
        fflush(stdout);
        if (r < 0)
            break;
    }
    chaos_delete();
    return chaos_end("heir");
}
