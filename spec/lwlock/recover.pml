/*
 * recover.pml - recovery in lwlock.pml: lock_end_record(), backend_slot_free(), and what a waiter
 * does whose sleep has run out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/* ---- recovery of slot d at generation g ---- */

/* Dead, or a live backend that ends its own wait in releaseAll. */
#define ENDED(i) (DEAD(i) || (i) == me)

/* word_without() */
inline owner_off() {
#if !defined(M_RECOVERY_KEEPS_WAKING) && !defined(M_RECOVERY_TAKES_OWNERS_WAKING)
    waking = false;
#endif
#ifdef M_RECOVERY_IGNORES_OWNER_GENERATION
    if
    :: owner != 0 && SLOT(owner) == d ->
#else
    if
    :: owner == OWNER(d, g) ->
#endif
        CHECK(I4, ENDED(SLOT(owner)) && OGEN(owner) == gen[d]);
#ifdef M_RECOVERY_TAKES_OWNERS_WAKING
        waking = false;
#endif
#ifndef M_RECOVERY_LEAVES_OWNER
        owner = 0;
#endif
#ifndef M_RECOVERY_LEAVES_DPARK
        dpark = false;
#endif
#ifdef M_POISON_ALWAYS
        poison = true
#elif defined(M_POISON_NEVER) || defined(M_POISON_BY_RECORD)
        skip
#elif defined(M_POISON_LATER)
        nobody = KIND(seen) == REC_XIN
#else
        poison = poison || KIND(seen) == REC_XIN
#endif
    :: else
    fi;
#ifdef M_POISON_BY_RECORD
    poison = poison || KIND(seen) == REC_XIN;
#endif
#ifndef M_RECOVERY_LEAVES_STARVING
    if
    :: starving == d + 1 ->
        /* A recoverer that comes far too late may take an heir's name; it wakes it, too. */
        CHECK(I4, ENDED(d) || gen[d] != g);
        starving = 0
    :: else
    fi;
#endif
    CHECK_READERS
}

inline recovery_wakes() {
#ifdef M_RECOVERY_WAKES_ONE
    STEP(COUNT_UP(xcur)); STEP(WAKE_ONE(xq, nobody); nobody = false);
    STEP(COUNT_UP(scur)); STEP(WAKE_ONE(sq, nobody); nobody = false);
#else
#ifndef M_RECOVERY_FORGETS_WRITERS
    COUNT_AND_WAKE_ALL(xcur, xq);
#endif
#ifndef M_RECOVERY_FORGETS_READERS
    COUNT_AND_WAKE_ALL(scur, sq);
#endif
#endif
#ifndef M_RECOVERY_FORGETS_DRAIN
    COUNT_AND_WAKE_ALL(dcur, dq)
#endif
}

#define CHANGE_RECORD(new) \
    if \
    :: rec[d] == seen -> CHECK(I4, ENDED(d) && GEN(seen) == gen[d]); rec[d] = new \
    :: else \
    fi; \
    seen = rec[d]

#ifdef M_RECOVERY_IGNORES_GENERATION
#define OTHER_GENERATION false
#else
#define OTHER_GENERATION (GEN(seen) != g)
#endif

#ifdef M_REUSED_GENERATION
#define NEXT(g) (g)
#else
#define NEXT(g) ((g) + 1)
#endif

inline free_slot() {
    STEP(
        if
        :: gen[d] == g && (taken & 1 << d) && DEAD(d) ->
            CHECK(I4, rec[d] == 0 && owner != OWNER(d, g) && starving != d + 1);
            taken = taken & ~(1 << d);
            gen[d] = NEXT(g)
        :: else
        fi)
}

/* lock_end_record() */
inline end_record() {
    STEP(seen = rec[d]);
    do
    :: seen == 0 || OTHER_GENERATION -> break
    :: seen != 0 && !OTHER_GENERATION && KIND(seen) == REC_S ->
#ifdef M_RECOVERY_WAKES_BEFORE_N
        recovery_wakes();
        STEP(CHANGE_RECORD(0))
#else
        STEP(CHANGE_RECORD(RECORD(REC_N, g)))
#endif
    :: seen != 0 && !OTHER_GENERATION && KIND(seen) != REC_S ->
#ifdef M_RECOVERY_ZEROES_FIRST
        STEP(
            if
            :: rec[d] == seen -> rec[d] = 0
            :: else
            fi);
#endif
#ifdef M_RECOVERY_WAKES_FIRST
        recovery_wakes();
        STEP(owner_off());
#else
        STEP(owner_off());
#ifdef M_POISON_LATER
        STEP(poison = poison || nobody; nobody = false);
#endif
        recovery_wakes();
#endif
#ifdef M_NO_SECOND_LOOK
        STEP(CHANGE_RECORD(0); seen = 0)
#else
        STEP(CHANGE_RECORD(0))
#endif
    od;
    seen = 0
}

/* recover_slot() */
inline recover() {
#ifdef M_FREE_EARLY
    STEP(
        if
        :: gen[d] == g && (taken & 1 << d) && DEAD(d) -> taken = taken & ~(1 << d); gen[d] = g + 1
        :: else
        fi);
#endif
    end_record();
#ifndef M_FREE_EARLY
    free_slot();
#endif
    d = 0; g = 0
}

#define UNRECOVERED(i) (DEAD(i) && (taken & 1 << (i)))

/* ---- a waiter whose sleep has run out ---- */

#define NONE 7
/* obstacle_in(): the owner, or else another starving waiter.  NONE if that one is alive. */
#define LOOK_AT_WORD \
    if \
    :: owner != 0 && DEAD(SLOT(owner)) -> d = SLOT(owner); g = OGEN(owner) \
    :: owner == 0 && starving != 0 && !I_STARVE && DEAD(starving - 1) -> \
        d = starving - 1; g = gen[d] \
    :: else -> d = NONE \
    fi
/* The reader that the drain waits for. */
#define LOOK_AT_READER \
    if \
    :: KIND(rec[i]) == REC_S && DEAD(i) -> d = i; g = GEN(rec[i]) \
    :: else -> d = NONE \
    fi

#if defined(STARVING) && !defined(M_NO_UNNAME)
#define LOOK_AT_STARVING look_at_starving()
#else
#define LOOK_AT_STARVING skip
#endif

#ifdef M_TIME_OUT_IS_A_TURN
#define NO_TURN skip
#else
#define NO_TURN slept = false
#endif

/* A sleep has run out: look_around().  A look is due by the clock, so it comes after a sleep that
   a wake-up has ended, too. */
#define look_around(IF_ALIVE) \
    if \
    :: d == NONE -> d = 0; IF_ALIVE \
    :: d != NONE -> recover() \
    fi
#ifdef SLEEP_MAY_END
#define ON_TIME_OUT(q, LOOK, IF_ALIVE) \
    :: atomic { (q & ME) && SLEEP_MAY_END -> SLEEP_ENDS q = q & ~ME; NO_TURN; LOOK } \
        look_around(IF_ALIVE) \
    ON_LOOK(q, LOOK, IF_ALIVE)
#else
#define ON_TIME_OUT(q, LOOK, IF_ALIVE) ON_LOOK(q, LOOK, IF_ALIVE)
#endif
#if defined(SPURIOUS) || defined(LOOKS)
#define ON_LOOK(q, LOOK, IF_ALIVE) \
    :: atomic { !(q & ME) -> LOOK } \
        look_around(IF_ALIVE)
#else
#define ON_LOOK(q, LOOK, IF_ALIVE)
#endif
