/*
 * step.h - the scenes in which a victim is stopped at every instruction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STEP_H
#define STEP_H

#include "chaos/chaos.h"

/* The victim is player VICTIM, whom a recoverer cleans up after player DEAD. */
#define VICTIM (PLAYERS - 1)
#define DEAD (PLAYERS - 2)
#define NEWCOMER (PLAYERS - 3)
#define OTHERS 3

/* As long waits one that gives up; with every instruction taking microseconds, it parks. */
#define TIMES_OUT_NS 20000000

struct scenario {
    const char *name;
    enum role before[2];     /* the others that are in place before the victim starts */
    enum role after;         /* comes once the victim holds what it holds */
    enum role held;          /* what the victim holds: HOLDS_X, _S, _PERMIT or nothing */
    void (*operation)(void); /* what it is stepped through */
    bool others_go;          /* holders may go once the victim sleeps; else when all is over */
    enum role dead;          /* whom the victim recovers */
    bool newcomers;          /* not only killed at each instruction: somebody comes, too */
    bool twin;               /* before[0] has the victim's bit of RB, in another slot */
    bool stops;              /* before[1] is stopped and before[0] goes, before the victim starts */
    bool times_out;          /* the victim gives up before a newcomer goes */
    int stride;              /* not every instruction but every so many; 0: every one */
    bool poisons;            /* the operation poisons the lock that the victim holds exclusively */
    bool child;              /* a slot is meant for the victim, as a postmaster's child */
    bool (*check)(long k);   /* what must hold besides; NULL: nothing */
};

/* How far a victim is that lives a postmaster's child's life. */
enum progress {
    CHILD_JOINS = 1,
    CHILD_WORKS,
    CHILD_LEAVES,
    CHILD_IS_GONE
};

extern const struct scenario scenarios[];
extern const int scenario_count;

#endif
