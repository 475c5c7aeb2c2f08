/*
 * lwlock.pml - the LWLock protocol: acquire, release, parking, waking, recovery.
 *
 * One lock, N backends, each with one record.  Every STEP is one access to shared memory
 * (or one system call), and before every one of them the process may be killed.  Memory is
 * sequentially consistent.  spec/README.md says what stands for which line of the code.
 *
 * A configuration (spec/configurations) is a set of these macros:
 *
 *   N          backends
 *   MODES      what they do: SHARED | EXCLUSIVE | TRY_SHARED | TRY_EXCLUSIVE | AWAIT;
 *              MODES0 … MODES3 for one of them
 *   AWAITS     some of them AWAIT: they wait for a release and acquire nothing
 *   BITS       backends a bit of RB: 1 own bits, 2 the first alone, 3 one for all
 *   LATE       how many backends join late, those with the highest slots
 *   KILLS      how many backends are killed      MORTAL  mask of those that may be
 *   REAPERS    recoverers apart from the backends
 *   RKILLS     how many of those are killed; another one starts in its place
 *   REUSE      how often a slot that recovery has freed is joined again
 *   STOPS      how many backends are stopped for ever
 *   LEAVE      how many waiters give up, at any time (time-out, interrupt)
 *   STEPS      how often a step of a wait ends, and the wait does not
 *   CUTS       how often a call is cut off between two steps (Java: StackOverflowError)
 *   AWAY       a backend may not come back for the next step
 *   LOOKS      a backend may look around whenever it is awake, also after a try that failed
 *   STARVING   a waiter that was overtaken may name itself the starving waiter
 *   TURNS      so many turns make it do so; without TURNS any number of them, none included
 *   UNREPAIRED repair of a poisoned lock may fail: it is released as it is
 *
 * Sleeps do not run out, unless one of these is defined:
 *
 *   RECOVER    they do while a dead backend has a record
 *   SPURIOUS   they do at any time
 *   QUIET      they do when nothing else can move, each once in a round of QUIET rounds
 *
 * and a mutant (spec/mutants) is one more, M_…: a line removed or moved.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#define SHARED        1
#define EXCLUSIVE     2
#define TRY_SHARED    4
#define TRY_EXCLUSIVE 8
#define AWAIT         16

#ifndef N
#define N 3
#endif
#ifndef MODES
#define MODES (SHARED | EXCLUSIVE)
#endif
#ifndef MODES0
#define MODES0 MODES
#endif
#ifndef MODES1
#define MODES1 MODES
#endif
#ifndef MODES2
#define MODES2 MODES
#endif
#ifndef MODES3
#define MODES3 MODES
#endif
#ifndef BITS
#define BITS 1
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef MORTAL
#define MORTAL 255
#endif
#ifndef REAPERS
#define REAPERS 0
#endif
#ifndef RKILLS
#define RKILLS 0
#endif
#ifndef REUSE
#define REUSE 0
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifndef LEAVE
#define LEAVE 0
#endif
#ifndef STEPS
#define STEPS 0
#endif
#ifndef CUTS
#define CUTS 0
#endif
#ifndef AWAY
#define AWAY 0
#endif

#include "lwlock/memory.pml"
#include "lwlock/wake.pml"
#include "lwlock/recover.pml"
#include "lwlock/waiter.pml"

/* ---- a backend ---- */

#define MODES_OF(i) ((i) == 0 -> MODES0 : ((i) == 1 -> MODES1 : ((i) == 2 -> MODES2 : MODES3)))

proctype backend(byte me)
{
    LOCALS;

#if LATE > 0
    if
    :: me >= N - LATE -> goto join
    :: else
    fi;
#endif

idle:
    if
    :: KILLED
    :: atomic { true -> retired = retired | ME; goto left }
    :: atomic { MODES_OF(me) & SHARED -> goto begin_shared }
    :: atomic { MODES_OF(me) & TRY_SHARED -> try = true; goto begin_shared }
    :: atomic { MODES_OF(me) & EXCLUSIVE -> goto begin_exclusive }
    :: atomic { MODES_OF(me) & TRY_EXCLUSIVE -> try = true; goto begin_exclusive }
    :: atomic { MODES_OF(me) & AWAIT -> goto begin_await }
    /* LWSHM_LW_REPAIR: by the callback's caller or by acquire_for_repair. */
    :: atomic { poison -> repairs = true; rec[me] = MYRECORD(REC_N); goto slow_exclusive }
    fi;

#include "lwlock/shared.pml"
#include "lwlock/exclusive.pml"
#include "lwlock/leave.pml"

#if LATE > 0
    /* -- lwshm_backend_join(): claim() -- */
join:
#ifdef M_JOINED_RAISED_WITHOUT_CAS
    STEP(upto = joined);
    STEP(if :: upto < me + 1 -> joined = me + 1 :: else fi; upto = 0);
#elif !defined(M_JOINED_RAISED_LATE) && !defined(M_JOINED_NOT_RAISED)
    STEP(if :: joined < me + 1 -> joined = me + 1 :: else fi);
#endif
    STEP(taken = taken | ME);
#ifdef M_JOINED_RAISED_LATE
    STEP(if :: joined < me + 1 -> joined = me + 1 :: else fi);
#endif
    goto idle;
#endif

died:
#if REUSE > 0
end_dead:
    /* Another process joins in the same slot: claim() */
    atomic {
        !(taken & ME) && reuse > 0 ->
        reuse--; taken = taken | ME; alive = alive | ME;
        CHECK(I4, rec[me] == 0);
        goto idle
    }
#endif
left:
    skip
}

/* ---- a recoverer apart: the postmaster, lwshm_segment_reap_dead() ---- */

proctype reaper(byte me)
{
    LOCALS;

end_reaper:
    do
    :: atomic { UNRECOVERED(0) -> d = 0; g = gen[0] } recover()
    :: atomic { UNRECOVERED(1) -> d = 1; g = gen[1] } recover()
#if N > 2
    :: atomic { UNRECOVERED(2) -> d = 2; g = gen[2] } recover()
#endif
#if N > 3
    :: atomic { UNRECOVERED(3) -> d = 3; g = gen[3] } recover()
#endif
    od;
died:
    goto end_reaper;
left:
    skip
}

/* ---- all of them, and what must hold when nothing can move any more ---- */

init {
    byte i;
    atomic {
        for (i : 0 .. N - 1) {
            alive = alive | 1 << i;
            run backend(i)
        }
        taken = (1 << (N - LATE)) - 1;
        for (i : N .. N + REAPERS - 1) {
            run reaper(i)
        }
        i = 0
    }
    atomic {
        NOTHING_MOVES ->
        /* Nobody waits for ever… */
        CHECK(I6, (alive & ~retired & ~stopped) == 0);
        /* … and nothing is left behind. */
#if REAPERS > 0
        CHECK(I4, (taken & ~alive) == 0);
#endif
#if STOPS == 0 && (REAPERS > 0 || KILLS == 0)
        CHECK(I4, owner == 0 && starving == 0 && !dpark);
        CHECK(I7, poison == died_inside);
        CHECK(I9, !waking);
        for (i : 0 .. N - 1) {
            CHECK(I4, rec[i] == 0 || (stopped & 1 << i))
        }
#endif
    }
}
