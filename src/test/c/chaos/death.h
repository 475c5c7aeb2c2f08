/*
 * death.h - a holder and its fate.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DEATH_H
#define DEATH_H

#include "chaos/chaos.h"

#define HOLDER 0
#define WAITER 1
#define BYSTANDER 2 /* the holder's child, or the one that has its pid now */

enum fate_kind {
    KILLED,
    ZOMBIE,
    REUSED,
    EXEC,
    FORK,
    THREADS,
    STOPPED,
    MAIN_THREAD,
    ODD_NAME,
    MAPS
};

struct fate {
    const char *name;
    bool is_death;
    enum fate_kind kind;
};

/* A case: a fate, a mode, and the scene in which it is played; the next scene, with another
   lock, is its bystander's. */
struct one {
    const struct fate *fate;
    enum lwshm_lwlock_mode mode;
    uint32_t scene;
};

#define BYSTANDER_SCENE(one) ((one)->scene + 1)

/* In a child: holds the lock as the case has it, until it may go or has met its fate. */
void be_holder(const void *one, int number);

/* True in the first process of a PID namespace; the two below are for nobody else. */
bool may_use_up_pids(void);

/* Uses up the pids that never come again. */
void use_up_first_pids(void);

/* Forks until a child has the pid; it enters as the bystander and holds a lock of its own. */
pid_t fork_until(pid_t wanted, const struct one *one);

#endif
