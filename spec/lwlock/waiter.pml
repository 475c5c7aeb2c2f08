/*
 * waiter.pml - what a waiter of lwlock.pml does at one step or another: WAKING off, turns, the
 * starving waiter's name, the next slot of a drain; and what is checked when a backend enters.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#if LEAVE > 0
#define ON_LEAVING(q) \
    :: atomic { leaves > 0 -> leaves--; q = q & ~ME; goto leave_empty_handed }
#define ON_LEAVING_DRAIN :: atomic { leaves > 0 -> leaves--; dq = dq & ~ME; goto give_up_drain }
#else
#define ON_LEAVING(q)
#define ON_LEAVING_DRAIN
#endif

/* park() has come so far as to sleep, or the kernel found another counter. */
#if LEAVE > 0 || KILLS > 0
#define HAS_PARKED parked
#define NOT_PARKED parked = false
#define PARKED(q) parked = true; SLEPT(q)
#else
#define HAS_PARKED true
#define NOT_PARKED skip
#define PARKED(q) SLEPT(q)
#endif
#ifdef TURNS
#define SLEPT(q) slept = ((q & ME) != 0)
#else
#define SLEPT(q) skip
#endif

/* A waiter that was woken takes WAKING off by the CAS that acquires, or that announces it. */
#if defined(M_WAKING_STAYS_AT_ACQUIRE)
#define ACQUIRE_WAKING woken = false
#elif defined(M_WAKING_OFF_AFTER_ACQUIRING)
#define ACQUIRE_WAKING skip
#else
#define ACQUIRE_WAKING if :: woken -> waking = false :: else fi; woken = false
#endif
#if defined(M_WAKING_STAYS_AT_PARKING)
#define PARK_WAKING woken = false
#elif defined(M_WAKING_OFF_AFTER_ANNOUNCING)
#define PARK_WAKING skip
#else
#define PARK_WAKING if :: woken -> waking = false :: else fi; woken = false
#endif

/* A turn is a wake-up by a release, after which the waiter finds the lock blocked again.  Recovery
   wakes too, but takes WAKING off and leaves SWAIT on. */
#ifdef M_RECOVERY_IS_A_TURN_OF_WRITERS
#define WAKING_IS_ON true
#else
#define WAKING_IS_ON waking
#endif
#ifdef M_RECOVERY_IS_A_TURN_OF_READERS
#define SWAIT_IS_OFF true
#else
#define SWAIT_IS_OFF (!swait)
#endif
#ifdef TURNS
#define COUNT_TURN(by_release) \
    if \
    :: slept && (by_release) && turns < TURNS -> turns++ \
    :: else \
    fi; \
    slept = false
#define FORGET_TURNS turns = 0; slept = false
#define WAS_OVERTAKEN (turns == TURNS)
#define CHECK_PASSED CHECK(I8, passed & ME)
#else
#define COUNT_TURN(by_release) skip
#define FORGET_TURNS skip
#define WAS_OVERTAKEN true
#define CHECK_PASSED skip
#endif

#ifdef M_NAMES_ITSELF_OVER_ANOTHER
#define NO_NAME (!I_STARVE)
#else
#define NO_NAME (starving == 0)
#endif
#ifdef STARVING
#define NAME_STARVING \
    if \
    :: NO_NAME && WAS_OVERTAKEN -> \
        CHECK_PASSED; starving = me + 1; named = true; overtaken = 0 \
    :: true \
    fi
/* Entries by others while the name stands: an owner that was draining already may be one. */
#define OVERTAKES \
    if \
    :: starving != 0 && !I_STARVE -> overtaken++; CHECK(I8, overtaken <= 1) \
    :: else \
    fi
#else
#define NAME_STARVING skip
#define OVERTAKES skip
#endif

/* reads_alone(): no other slot of the group was ever joined. */
#ifdef M_ALONE_WHOEVER_JOINED
#define ALONE true
#elif BITS == 1
#define ALONE true
#elif BITS == 2
#define ALONE (me == 0 || me == 1 && upto <= 2)
#else
#define ALONE (me == 0 && upto <= 1)
#endif

/* A thread of Java has no stack left for the next call. */
#if CUTS > 0
#define CUT_OFF \
    if \
    :: atomic { cuts > 0 -> cuts--; goto cut_off } \
    :: true \
    fi;
#else
#define CUT_OFF
#endif

#define NEXT_TO_LOOK_AT \
    do \
    :: i < upto && (!(looked & BIT(i)) || i == me || SKIPPED(i)) -> i++ \
    :: else -> break \
    od
#ifdef M_DRAIN_SKIPS_SECOND_OF_GROUP
#define SKIPPED(i) ((i) > 0 && GROUP((i) - 1) == GROUP(i))
#else
#define SKIPPED(i) false
#endif

inline enter_shared() {
    CHECK(I1, in_x == 0);
    CHECK(I7, !died_inside);
    in_s = in_s | ME;
    try = false;
    NOT_PARKED;
    FORGET_TURNS;
    CHECK_READERS;
    PASSES;
    OVERTAKES
}
