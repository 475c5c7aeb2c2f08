/*
 * wake.pml - the wake-ups of lwlock.pml: lock_wake(), lock_pass_on(), lock_end_starving(),
 * lock_unname_starving().
 *
 * Each has the same order: the flag off, the counter up, wake.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifdef M_WAKE_BEFORE_COUNT
#define COUNT_AND_WAKE_ALL(cur, q) STEP(WAKE_ALL(q)); STEP(COUNT_UP(cur))
#elif defined(M_NO_COUNT)
#define COUNT_AND_WAKE_ALL(cur, q) STEP(WAKE_ALL(q))
#else
#define COUNT_AND_WAKE_ALL(cur, q) STEP(COUNT_UP(cur)); STEP(WAKE_ALL(q))
#endif

/* What of W decides which waiters are woken. */
#define HAS_S    1
#define HAS_X    2
#define HAS_NAME 4
#define HAS_WAKING 8
#define WRITERS_IN_W \
    ((xwait -> HAS_X : 0) | (starving != 0 -> HAS_NAME : 0) | (waking -> HAS_WAKING : 0))
#define WAITERS_IN_W ((swait -> HAS_S : 0) | WRITERS_IN_W)

inline wake_readers() {
#if defined(M_SWAIT_OFF_LAST)
    COUNT_AND_WAKE_ALL(scur, sq);
    STEP(swait = false)
#elif defined(M_SWAIT_STAYS)
    COUNT_AND_WAKE_ALL(scur, sq)
#elif defined(M_WAKE_ONE_READER)
    STEP(swait = false);
    STEP(COUNT_UP(scur)); STEP(WAKE_ONE(sq, nobody); nobody = false)
#else
    STEP(swait = false; RELEASE_WAKES(ALL_WAITERS));
    COUNT_AND_WAKE_ALL(scur, sq)
#endif
}

inline wake_all_writers() {
#if defined(M_XWAIT_OFF_LAST)
    COUNT_AND_WAKE_ALL(xcur, xq);
    STEP(xwait = false; waking = false)
#elif defined(M_XWAIT_STAYS)
    STEP(waking = false);
    COUNT_AND_WAKE_ALL(xcur, xq)
#elif defined(M_NOBODY_THERE_KEEPS_WAKING)
    STEP(xwait = false);
    COUNT_AND_WAKE_ALL(xcur, xq)
#elif defined(M_NOBODY_THERE_WAKING_OFF_LAST)
    STEP(xwait = false);
    COUNT_AND_WAKE_ALL(xcur, xq);
    STEP(waking = false)
#else
    STEP(xwait = false; waking = false);
    COUNT_AND_WAKE_ALL(xcur, xq)
#endif
}

#if defined(M_WAKES_ANOTHER_BESIDE_THE_WOKEN)
#define MAY_WAKE_ONE (xwait && owner == 0)
#elif defined(M_WAKES_ONE_WITHOUT_XWAIT)
#define MAY_WAKE_ONE (!waking && owner == 0)
#elif defined(M_WAKES_ONE_BESIDE_AN_OWNER)
#define MAY_WAKE_ONE (xwait && !waking)
#else
#define MAY_WAKE_ONE (xwait && !waking && owner == 0)
#endif

/* wake_one_writer(): old becomes 0 if it is another's to wake. */
inline wake_one_writer() {
#ifdef M_WAKES_BEFORE_WAKING
    STEP(WAKE_ONE(xq, nobody));
    STEP(if :: !nobody -> waking = true :: else fi);
#else
    STEP(if :: MAY_WAKE_ONE -> waking = true :: else -> old = 0 fi);
    if
    :: old != 0 -> STEP(seen = xq; WAKE_ONE(xq, nobody); RELEASE_WAKES(seen & ~xq); seen = 0)
    :: else
    fi;
#endif
#ifdef M_NO_FALLBACK
    nobody = false
#else
    if
    :: nobody -> nobody = false; wake_all_writers()
    :: else
    fi
#endif
}

/* wake_writers(), lock_wake(): `old` is what W was before the owner went. */
inline wake() {
    if
#ifdef M_WAKING_HIDES_READERS
    :: (old & HAS_S) && !(old & HAS_WAKING) ->
#else
    :: old & HAS_S ->
#endif
        wake_readers()
    :: else
    fi;
#ifdef M_WAKING_HIDES_STARVING
    if :: old & HAS_WAKING -> old = 0 :: else fi;
#endif
    if
#ifdef M_WAKE_ONE_BESIDE_STARVING
    :: (old & HAS_X) && !(old & HAS_WAKING) -> wake_one_writer()
#else
    :: (old & HAS_X) && (old & HAS_NAME) -> wake_all_writers()
    :: (old & HAS_X) && !(old & (HAS_NAME | HAS_WAKING)) -> wake_one_writer()
#endif
    :: else
    fi;
    old = 0
}

inline wake_all_of_both() {
#ifndef M_STARVING_WAKES_WRITERS_ONLY
    COUNT_AND_WAKE_ALL(scur, sq);
#endif
#ifndef M_STARVING_WAKES_READERS_ONLY
    COUNT_AND_WAKE_ALL(xcur, xq)
#endif
}

/* WAKING off, then the look: a release in between found it on, and woke nobody. */
#ifdef M_WAKING_STAYS_AT_LEAVE
#define WAKING_OFF woken = false
#else
#define WAKING_OFF if :: woken -> STEP(waking = false; woken = false) :: else fi
#endif

#if defined(M_TOLD_LEAVES_WITHOUT_WAKE)
#define PASSES_ON (!poison)
#elif defined(M_STEP_PASSES_NOTHING_ON)
#define PASSES_ON (!stays)
#else
#define PASSES_ON true
#endif

/* lock_pass_on() */
inline pass_on() {
#ifdef M_STEP_FORGETS_WOKEN
    if :: stays -> woken = false :: else fi;
#endif
#if defined(M_LOOKS_BEFORE_WAKING_OFF)
    STEP(nobody = (owner == 0));
    WAKING_OFF;
    STEP(old = (nobody -> WRITERS_IN_W : 0); nobody = false);
    wake()
#else
#ifndef M_PASSES_ON_BEFORE_WAKING_OFF
    WAKING_OFF;
#endif
    STEP(old = (owner == 0 && PASSES_ON -> WRITERS_IN_W : 0));
    wake();
#ifdef M_PASSES_ON_BEFORE_WAKING_OFF
    WAKING_OFF
#endif
#endif
}

/* lock_end_starving(): its name, if it still stands there, and all flags of waiters, in one RMW. */
#ifdef M_STARVING_TAKES_ANY_NAME_OFF
#define NAME_OFF CHECK(I8, starving == 0 || I_STARVE); starving = 0
#else
#define NAME_OFF if :: I_STARVE -> starving = 0 :: else fi
#endif
#if defined(M_STARVING_OFF_KEEPS_FLAGS)
#define STARVING_OFF NAME_OFF; named = false; waking = false
#elif defined(M_STARVING_OFF_KEEPS_WAKING)
#define STARVING_OFF NAME_OFF; named = false; xwait = false; swait = false
#else
#define STARVING_OFF NAME_OFF; named = false; xwait = false; swait = false; waking = false
#endif

/* A waiter that has named itself wakes all when it is through, even if its name is gone: a
   recoverer that came far too late may have taken it off, and been killed before it woke them. */
#ifdef M_NAME_LOST_WAKES_NOBODY
#define ENDS_STARVING I_STARVE
#else
#define ENDS_STARVING (named || I_STARVE)
#endif

/* lock_unname_starving(), of a free lock.  One CAS; the reading before it is part of the step. */
#if defined(M_UNNAME_KEEPS_XWAIT)
#define UNNAME starving = 0; swait = false; waking = false
#elif defined(M_UNNAME_KEEPS_SWAIT)
#define UNNAME starving = 0; xwait = false; waking = false
#elif defined(M_UNNAME_KEEPS_WAKING)
#define UNNAME starving = 0; xwait = false; swait = false
#else
#define UNNAME starving = 0; xwait = false; swait = false; waking = false
#endif

/* look_at_starving(): takes the name off if it stood there at the last look, too. */
inline look_at_starving() {
    STEP(
        if
        :: owner != 0 || !OTHER_STARVES -> name = 0
        :: owner == 0 && OTHER_STARVES && starving != name -> name = starving
        :: owner == 0 && OTHER_STARVES && starving == name -> UNNAME; nobody = true
#ifdef SPURIOUS
        /* The CAS failed, since another waiter's flag came in between. */
        :: owner == 0 && OTHER_STARVES && starving == name -> skip
#endif
        fi);
    if
    :: nobody ->
        nobody = false;
#ifndef M_UNNAME_WAKES_NOBODY
        wake_all_of_both()
#endif
    :: else
    fi
}
