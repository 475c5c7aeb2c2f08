/*
 * semaphore.pml - counting semaphores (semaphore.c): taking, giving, parking, and what
 * becomes of the permits that the dead have.
 *
 * N backends take what they want, give it back, leave with it, or are killed at any step;
 * a slot that recovery has freed may be joined again.  The semaphore's own LWLock is one step
 * to acquire and one to release, poisoned when its owner is killed: lwlock.pml has it in full.
 *
 *   N       backends          TOTAL  permits            WANT0 … WANT2  what each wants
 *   PLAIN   no owners: the dead keep what they have
 *   KILLS   how many are killed      MORTAL  mask of those that may be
 *   REAPERS recoverers apart from the backends          REUSE  how often a slot is joined again
 *   LEAVE   how often a backend leaves with its permits
 *   GIVE_UP how many waiters give up, at any time
 *
 * Sleeps run out only after someone has died or left with permits, once for each waiter: that
 * is how it hears of it, and it must be enough.
 *
 * Invariants: S1 never more permits out than there are; S2 once all is quiet, all permits can be
 * had; S3 nobody who lives waits while enough can be had; S4 at every release of the lock, what is
 * there and what the holders say is not more than there are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef N
#define N 3
#endif
#ifndef TOTAL
#define TOTAL 2
#endif
#ifndef WANT0
#define WANT0 1
#endif
#ifndef WANT1
#define WANT1 1
#endif
#ifndef WANT2
#define WANT2 2
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
#ifndef REUSE
#define REUSE 0
#endif
#ifndef LEAVE
#define LEAVE 0
#endif
#ifndef GIVE_UP
#define GIVE_UP 0
#endif

/* ---- shared memory ---- */

byte permits = TOTAL;        /* state: the permits that are there … */
bool waits;                  /* … and WAIT */
byte cur, q;                 /* futex: whose reading is current, and who sleeps, as in lwlock.pml */

#define HOLDER(n, g) ((n) | (g) << 4)
#define PERMITS_OF(h) ((h) & 15)
#define GEN(h) ((h) >> 4)
byte holder[N + 1];

/* The lock: its owner, by slot and generation, and POISON. */
#define OWNER(i, g) ((i) + 1 | (g) << 3)
#define SLOT(o)     (((o) & 7) - 1)
#define OGEN(o)     ((o) >> 3)
byte owner;
bool poison;

/* A slot's identity word: a generation; taken, and joined or else marked dead. */
byte gen[N + 1];
byte taken, joined;

/* ---- what the model knows ---- */

byte alive, retired;
byte has[N + 1];             /* permits that a live backend has taken and not begun to give back */
byte lost;                   /* plain: permits that died */
byte due;                    /* whose sleep runs out once more */
byte kills = KILLS, reuse = REUSE, leaves = LEAVE, give_ups = GIVE_UP;

bit S1, S2, S3, S4;
#define CHECK(invariant, condition) assert((condition) || invariant)

#define ME (1 << me)
#define DEAD(i) (!(alive & 1 << (i)))
#define WANT(i) ((i) == 0 -> WANT0 : ((i) == 1 -> WANT1 : WANT2))
#if N == 2
#define OUT  (has[0] + has[1])
#define HELD (PERMITS_OF(holder[0]) + PERMITS_OF(holder[1]))
#else
#define OUT  (has[0] + has[1] + has[2])
#define HELD (PERMITS_OF(holder[0]) + PERMITS_OF(holder[1]) + PERMITS_OF(holder[2]))
#endif

#define LOCALS \
    byte there;          /* what recount() has counted so far */ \
    byte i, h;           /* the holder it looks at */ \
    bool looks;          /* it sees, too, whether those that are joined are alive */ \
    bool slept; \
    byte d, g            /* the slot and generation that it recovers */
#define FORGET there = 0; i = 0; h = 0; looks = false; slept = false; d = 0; g = 0

inline bury() {
    d_step {
        if
        :: me < N ->
            kills--;
            alive = alive & ~ME; cur = cur & ~ME; q = q & ~ME;
            lost = lost + has[me]; has[me] = 0;
            due = alive
        :: else
        fi;
        FORGET
    }
}
#define KILLED    atomic { me < N && kills > 0 && (MORTAL & ME) -> bury(); goto died }
#define STEP(...) if :: KILLED :: atomic { true -> __VA_ARGS__ } fi

/* ---- waking: wake_waiters() ---- */

inline wake_waiters() {
#ifdef M_SEM_WAKE_BEFORE_COUNT
    STEP(q = 0);
    STEP(cur = 0)
#else
#ifndef M_SEM_NO_COUNT
    STEP(cur = 0);
#endif
#ifdef M_SEM_WAKE_ONE
    STEP(if :: q & 1 -> q = q & ~1 :: q & 2 -> q = q & ~2 :: q & 4 -> q = q & ~4 :: q == 0 fi)
#else
    STEP(q = 0)
#endif
#endif
}

/* ---- recovery of slot d at generation g: recover_slot() ---- */

inline recover() {
    STEP(if :: gen[d] == g && DEAD(d) && (taken & 1 << d) -> joined = joined & ~(1 << d) :: else fi);
    STEP(if :: owner == OWNER(d, g) && !(joined & 1 << d) -> owner = 0; poison = true :: else fi);
    STEP(
        if
        :: gen[d] == g && (taken & 1 << d) && !(joined & 1 << d) ->
            taken = taken & ~(1 << d);
            gen[d] = g + 1
        :: else
        fi;
        d = 0; g = 0)
}

/* ---- under the lock ---- */

#ifdef M_HOLDER_WITHOUT_GENERATION
#define STILL_HAS (joined & 1 << i)
#elif defined(M_RECOUNT_ASKS_NOBODY)
#define STILL_HAS false
#else
#define STILL_HAS ((joined & 1 << i) && gen[i] == GEN(h))
#endif
#ifdef M_HEIR_HAS_WHAT_THE_DEAD_HAD
#define HELD_BY_ME PERMITS_OF(holder[me])
#else
#define HELD_BY_ME (GEN(holder[me]) == gen[me] -> PERMITS_OF(holder[me]) : 0)
#endif

inline recount() {
    there = TOTAL; i = 0;
    do
    :: i < N ->
        STEP(h = holder[i]);
        if
        :: h != 0 ->
#ifndef M_RECOUNT_NEVER_LOOKS
            if
            :: looks && DEAD(i) && (taken & 1 << i) -> d = i; g = gen[i]; recover()
            :: else
            fi;
#endif
            STEP(if :: STILL_HAS -> there = there - PERMITS_OF(h); h = 0 :: else fi);
            if
            :: h != 0 -> STEP(holder[i] = 0; h = 0)
            :: else
            fi
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0; looks = false;
    /* set_permits() */
    STEP(
#ifdef M_RECOUNT_DROPS_WAIT
        if :: there > permits && waits -> h = 1 :: else fi;
        waits = false;
#else
        if :: there > permits && waits -> waits = false; h = 1 :: else fi;
#endif
        permits = there; there = 0);
#ifdef M_RECOUNT_WAKES_NOBODY
    h = 0;
#endif
    if
    :: h == 1 -> h = 0; wake_waiters()
    :: else
    fi
}

inline lock_semaphore() {
    do
    :: KILLED
    :: atomic { owner == 0 -> owner = OWNER(me, gen[me]); break }
    :: atomic { owner != 0 && DEAD(SLOT(owner)) && SLOT(owner) != me -> d = SLOT(owner); g = OGEN(owner) }
       recover()
    od;
    if
    :: poison ->
#ifndef M_REPAIR_WITHOUT_RECOUNT
        recount();
#endif
        STEP(poison = false)
    :: else
    fi
}

/* Less is possible: who joins in the slot of a dead one writes over what that had, and the next
   recount puts it right. */
#define RELEASE_LOCK CHECK(S4, permits + HELD <= TOTAL); owner = 0

/* ---- a backend ---- */

proctype backend(byte me)
{
    LOCALS;

idle:
    if
    :: KILLED
    :: atomic { true -> retired = retired | ME; goto left }
    :: atomic { true -> slept = false }
    fi;

again:
#ifdef PLAIN
    /* -- take() -- */
    STEP(
        if
        :: permits >= WANT(me) ->
            permits = permits - WANT(me);
            has[me] = WANT(me);
            CHECK(S1, OUT + lost <= TOTAL);
            goto have
        :: else
        fi);
#else
    /* -- take_owned() -- */
    lock_semaphore();
    STEP(if :: permits >= WANT(me) -> goto enough :: else fi);
    looks = slept;
    recount();
    STEP(if :: permits >= WANT(me) -> goto enough :: else fi);
    STEP(RELEASE_LOCK; goto too_few);
enough:
#ifdef M_TAKES_STATE_FIRST
    STEP(permits = permits - WANT(me));
#endif
    STEP(holder[me] = HOLDER(HELD_BY_ME + WANT(me), gen[me]));
#ifndef M_TAKES_STATE_FIRST
    STEP(permits = permits - WANT(me));
#endif
    STEP(
        RELEASE_LOCK;
        has[me] = WANT(me);
        CHECK(S1, OUT <= TOTAL);
        goto have);
#endif

    /* -- park() -- */
too_few:
#ifndef M_SEM_COUNTER_READ_LATE
    STEP(cur = cur | ME);
#endif
    STEP(
        if
        :: permits >= WANT(me) -> cur = cur & ~ME; goto again
        :: else ->
#ifndef M_SEM_NO_WAIT_FLAG
            waits = true
#endif
        fi);
#ifdef M_SEM_COUNTER_READ_LATE
    STEP(cur = cur | ME);
#endif
    STEP(if :: cur & ME -> cur = cur & ~ME; q = q | ME :: else fi);
end_asleep:
    do
    :: KILLED
    :: atomic { !(q & ME) -> break }
    :: atomic { (q & ME) && (due & ME) -> q = q & ~ME; due = due & ~ME; break }
#if GIVE_UP > 0
    :: atomic { give_ups > 0 -> give_ups--; q = q & ~ME; goto idle }
#endif
    od;
    slept = true;
    goto again;

have:
    slept = false;
    if
    :: KILLED
    :: true
#if LEAVE > 0
    /* lwshm_backend_leave() */
    :: atomic {
            leaves > 0 ->
            leaves--;
            alive = alive & ~ME; joined = joined & ~ME; taken = taken & ~ME; gen[me]++;
            has[me] = 0; due = alive;
            goto died
       }
#endif
    fi;
#ifdef PLAIN
    /* -- give() -- */
    STEP(
        has[me] = 0;
        permits = permits + WANT(me);
        h = waits;
#ifndef M_SEM_WAIT_OFF_LAST
        waits = false
#endif
        );
#else
    /* -- give_owned() -- */
    STEP(has[me] = 0);
    lock_semaphore();
#ifdef M_GIVES_STATE_FIRST
    STEP(permits = permits + WANT(me); h = waits; waits = false);
    STEP(holder[me] = (HELD_BY_ME == WANT(me) -> 0 : HOLDER(HELD_BY_ME - WANT(me), gen[me])));
#else
    STEP(holder[me] = (HELD_BY_ME == WANT(me) -> 0 : HOLDER(HELD_BY_ME - WANT(me), gen[me])));
    STEP(
        permits = permits + WANT(me);
        h = waits;
#ifndef M_SEM_WAIT_OFF_LAST
        waits = false
#endif
        );
#endif
#endif
#ifdef M_SEM_NO_WAKE
    h = 0;
#endif
    if
    :: h == 1 ->
        h = 0;
        wake_waiters();
#ifdef M_SEM_WAIT_OFF_LAST
        STEP(waits = false)
#endif
    :: else
    fi;
#ifndef PLAIN
    STEP(RELEASE_LOCK);
#endif
    goto idle;

died:
#if REUSE > 0
end_dead:
    atomic {
        !(taken & ME) && reuse > 0 ->
        reuse--; taken = taken | ME; joined = joined | ME; alive = alive | ME;
        due = due | ME;
        goto idle
    }
#endif
left:
    skip
}

/* ---- a recoverer apart ---- */

#define UNRECOVERED(i) (DEAD(i) && (taken & 1 << (i)))

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
    od;
died:
    skip
}

/* Once all is quiet, one more comes and wants them all. */
proctype last(byte me)
{
    LOCALS;
    lock_semaphore();
    looks = true;
    recount();
    CHECK(S2, permits == TOTAL);
died:
    skip
}

init {
    byte i;
    atomic {
        for (i : 0 .. N - 1) {
            alive = alive | 1 << i;
            run backend(i)
        }
        taken = alive; joined = alive;
        for (i : N .. N + REAPERS - 1) {
            run reaper(i)
        }
        i = 0
    }
    atomic {
        timeout ->
#ifdef PLAIN
        for (i : 0 .. N - 1) {
            CHECK(S3, !(alive & ~retired & 1 << i) || permits < WANT(i))
        }
        CHECK(S2, permits + lost == TOTAL)
#else
        CHECK(S3, (alive & ~retired) == 0);
        kills = 0; alive = alive | 1 << N;
        run last(N)
#endif
    }
}
