/*
 * actor.h - processes that use the segment of the test's directory as the test tells them.
 *
 * An actor attaches and joins, and then makes the calls that it is told to, one at a time:
 *
 *     struct actor *other = actor_start();
 *     CHECK_OK(actor_do(other, act_acquire, lock, LWSHM_LW_EXCLUSIVE));
 *     test_kill(other->pid);
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "fixture.h"

/* What an actor has of its own. */
struct acting {
    lwshm_segment *segment;
    lwshm_backend *me;
};

/* A call; `what` is a lock's offset, as a rule. */
typedef int act(const struct acting *self, uint64_t what, uint64_t argument);

struct actor {
    pid_t pid;
    uint32_t slot;
    /* The mailbox: told == done: it is idle. */
    uint32_t told, done;
    act *call;
    uint64_t what, argument;
    int result;
};

struct actor *actor_start(void);

/* Has it make a call; returns at once. */
void actor_tell(struct actor *actor, act *call, uint64_t what, uint64_t argument);
/* True once it has made the call that it was told to make last. */
bool actor_is_done(const struct actor *actor);
/* What that returned, when it has. */
int actor_result(struct actor *actor);
/* Both. */
int actor_do(struct actor *actor, act *call, uint64_t what, uint64_t argument);
/* Has it leave, detach and exit. */
void actor_end(struct actor *actor);
/* Stops it (SIGSTOP), and waits until it has. */
void actor_stop(struct actor *actor);

/* What they are told as a rule.  `mode`: enum lwshm_lwlock_mode. */
act act_acquire;            /* lock, mode */
act act_try_acquire;        /* lock, mode */
act act_acquire_for_repair; /* lock */
act act_mark_consistent;    /* lock */
act act_release;            /* lock */
act act_acquire_or_wait;    /* lock */
act act_reap;

/* True if it is seen to wait for a lock or semaphore. */
bool actor_waits_for(const lwshm_segment *segment, const struct actor *actor, uint64_t what);

#endif
