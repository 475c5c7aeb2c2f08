/*
 * chaos.h - what the chaos programs share: a segment with a board in it, processes that
 * come, hold, wait and are killed, waiting for facts, and the tally.
 *
 * A program's last line is "NAME: N kills, L lost updates, S stuck, F false recoveries",
 * and its exit status is 0 only if the last three are 0.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAOS_H
#define CHAOS_H

#include <lwshm/lwshm.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/backend_slot.h"
#include "core/lwlock_wait.h"
#include "core/recover.h"
#include "os/clock.h"

/* ---- the tally ---- */

struct tally {
    long kills, lost, stuck, false_recoveries;
};
extern struct tally tally;

/* Counts a failure and says what it is; false.  printf's arguments. */
bool complain(long *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the last line; the exit status. */
int chaos_end(const char *program);

/* Ends the program, or the child, with status 2 if `status` is an error: the frame is broken. */
void must(int status, const char *what);

/* ---- one scene: processes around a lock ---- */

#define PLAYERS 6

/* What the processes of a scene tell each other, in the segment; zeroed before each. */
struct board {
    volatile uint32_t slot[PLAYERS];  /* + 1, as soon as the player has joined */
    volatile uint32_t ready[PLAYERS]; /* it is inside */
    volatile uint32_t done[PLAYERS];  /* it has left */
    volatile uint32_t go[PLAYERS];    /* it may leave */
    volatile uint32_t got;            /* the victim's: lock mode that its operation ended with */
    volatile uint32_t torn;           /* somebody inside saw half-changed data */
    volatile uint32_t repairs;        /* repair callbacks that ran */
    volatile uint32_t progress;       /* of the victim, as its scene counts it */
    volatile uint64_t a, b;           /* equal, unless somebody is inside exclusively */
};

/* This process's view. */
struct chaos {
    const char *directory;
    lwshm_segment *segment;
    lwshm_backend *me;
    struct board *board;
    struct lwshm_tranche tranche;
    struct lwshm_semaphore semaphore; /* owned, with SEMAPHORE_PERMITS */
    uint64_t lock;
    struct lwshm_backend_parameters child; /* whom the child's slot is meant for */
};
extern struct chaos here;

#define SEMAPHORE_PERMITS 2

/* Makes the segment with `scenes` boards, each with a lock of its own, and enters it. */
void chaos_create(const char *directory, uint32_t scenes);

/* Turns to another scene; `here.board` and `here.lock` are its. */
void chaos_scene(uint32_t scene);

/* In a child: attaches and joins, in the scene that the parent was in.  Dies with its parent. */
void chaos_enter(void);

/* Takes the segment away. */
void chaos_delete(void);

/* ---- players ---- */

/* What a player does.  From WANTS_X on it is in place when it is parked. */
enum role {
    NOBODY,
    HOLDS_X, /* holds until it may go */
    HOLDS_S,
    HOLDS_PERMIT, /* of the semaphore */
    WANTS_X,      /* acquires and releases */
    WANTS_S,
    STARVES_X, /* and names itself the starving waiter before it first sleeps */
    STARVES_S,
    AWAITS_RELEASE, /* acquires nothing */
    WANTS_PERMITS   /* all there are */
};

static inline bool is_waiter(enum role role)
{
    return role >= WANTS_X;
}

/* Plays a role as player `number` and exits. */
_Noreturn void play(enum role role, int number);

/* Starts a process that enters and runs body(argument, number). */
pid_t start(void (*body)(const void *argument, int number), const void *argument, int number);

/* Starts a player and waits until it is in place; exits if that does not come about. */
pid_t bring_in(enum role role, int number);

/* True if player `number` says that it is parked. */
bool is_parked(int number);

/* ---- waiting for facts ---- */

/* After so long without the fact somebody is stuck: 20 seconds, or CHAOS_STUCK_SECONDS. */
int64_t stuck_ns(void);

/* A clock that stands still while this process does, in a machine that was frozen or suspended:
   for bounds on waiting, in loops that look at it often. */
int64_t awake_ns(void);

/* Waits for a fact about player `number`; false if it does not come. */
bool await(bool (*fact)(int number), int number);

bool is_ready(int number);
bool is_done(int number);
bool is_in_place(int number); /* inside, done or parked */

/* Kills a process and reaps it. */
void kill_and_reap(pid_t pid);

/* ---- looking at what is left ---- */

/* Has the backend in the slot an XIN record of the lock, and does the lock name it? */
bool is_inside(uint32_t slot);

/* Does the lock say that a writer was woken and has not looked yet? */
bool is_waking(uint64_t lock);

/* Nothing of anybody but ourselves is left: the lock free, whole and with the right number of
   repairs, no other slot taken.  Complains otherwise, `who` first. */
bool check_nothing_left(const char *who, uint32_t repairs, bool others_may_be_joined);

/* ---- single steps ---- */

/* In the victim: runs operation between two stops. */
void be_stepped(void (*operation)(void));

/* Lets a victim start until its first stop. */
bool await_first_stop(pid_t victim);

/* Steps it k instructions on, calling `asleep`, if that is not NULL, now and then while it is not
   back; false if its operation ended before that. */
bool step(pid_t victim, long k, void (*asleep)(void));

/* Lets it run to the end of its operation; false if it does not get there. */
bool run_to_end(pid_t victim);

/* waitpid() without waiting, which hands on to the victim the signals that rain on it. */
pid_t look_at(pid_t victim, int *status);

/* Lets it go on from where it is stopped. */
void resume_stopped(pid_t victim);

#endif
