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
 *   MODES      what they do: SHARED | EXCLUSIVE | TRY_SHARED | TRY_EXCLUSIVE;
 *              MODES0 … MODES3 for one of them
 *   KILLS      how many backends are killed      MORTAL  mask of those that may be
 *   REAPERS    recoverers apart from the backends
 *   RKILLS     how many of those are killed; another one starts in its place
 *   REUSE      how often a slot that recovery has freed is joined again
 *   RECOVER    a waiter whose sleep ran out recovers whom it finds in its way.  Sleeps run
 *              out only while a dead backend has a record: I6 leans on no other time-out
 *   SPURIOUS   sleeps run out at any time
 *   LEAVE      how many waiters give up, at any time (time-out, interrupt)
 *   STARVER    a waiter that was passed over may name itself the starver
 *   UNREPAIRED repair of a poisoned lock may fail: it is released as it is
 *   UNCONTENDED  shared by lwshm_lwlock_acquire(): whatever stands in W is for the slow path
 *   BITS       backends a bit of RB: 1 own bits, 2 the first alone, 3 one for all
 *
 * and a mutant (spec/mutants) is one more, M_…: a line removed or moved.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#define SHARED        1
#define EXCLUSIVE     2
#define TRY_SHARED    4
#define TRY_EXCLUSIVE 8

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
#ifndef LEAVE
#define LEAVE 0
#endif
#ifndef BITS
#define BITS 1
#endif

/* ---- shared memory ---- */

/* W.  The owner is named by slot and generation, the starver by its slot alone. */
#define OWNER(i, g) ((i) + 1 | (g) << 3)
#define SLOT(o)     (((o) & 7) - 1)
#define OGEN(o)     ((o) >> 3)
byte owner, starver;
bool poison, xwait, swait, dpark;

#if BITS == 1
#define GROUP(i) (i)
#elif BITS == 2
#define GROUP(i) ((i) > 0)
#else
#define GROUP(i) 0
#endif
#define BIT(i) (1 << GROUP(i))
byte RB;

#define REC_N   1
#define REC_S   2
#define REC_XIN 3
#define RECORD(kind, g) ((kind) | (g) << 2)
#define KIND(r) ((r) & 3)
#define GEN(r)  ((r) >> 2)
byte rec[N];

/* The slot's identity word: a generation, and taken (joined or dead) or free. */
byte gen[N];
byte taken;

/*
 * A futex counter only goes up, and is only ever compared with what was read from it.
 * So its value is kept as the set of backends whose reading is still what stands there:
 * reading it adds oneself, counting it up empties the set.  Sleepers are a set, too: the
 * kernel's order among them is not relied upon.
 */
byte xcur, scur, dcur;
byte xq, sq, dq;

/* ---- what the model knows and the protocol does not ---- */

byte alive;        /* backends whose process lives; "proven dead" asks this */
byte retired;      /* backends that want nothing any more */
byte in_x, in_s;   /* live holders */
bool died_inside;  /* an exclusive holder died inside and nothing was repaired since */
byte kills = KILLS, rkills = RKILLS, reuse = REUSE, leaves = LEAVE;
#ifdef STARVER
byte overtaken;    /* acquisitions by others since the starver was named */
#endif

/* An assertion that carries its invariant's name into pan's message. */
bit I1, I2, I3, I4, I6, I7, I8;
#define CHECK(invariant, condition) assert((condition) || invariant)

#define ME      (1 << me)
#define MYOWNER OWNER(me, gen[me])
#define I_STARVE (starver == me + 1)
#define MYRECORD(kind) RECORD(kind, gen[me])
#define DEAD(i) (!(alive & 1 << (i)))
#ifdef M_NEWCOMER_IGNORES_STARVER
#define OTHER_STARVES false
#else
#define OTHER_STARVES (starver != 0 && !I_STARVE)
#endif
/* lock_blocks() */
#define BLOCKED (owner != 0 || POISONED && !repairs || OTHER_STARVES)
/* is_poisoned(): the acquire ends here, and the caller is told. */
#define TOLD (poison && owner == 0 && !repairs)
#define WORD_IS_0 (owner == 0 && starver == 0 && !poison && !xwait && !swait && !dpark)

#ifdef M_SHARED_IGNORES_POISON
#define POISONED false
#else
#define POISONED poison
#endif

/* Every live shared holder has its bit in RB, or an owner is at work that looks at it. */
#define GROUPS_IN_S ((in_s & 1 -> BIT(0) : 0) | (in_s & 2 -> BIT(1) : 0) | \
                     (in_s & 4 -> BIT(2) : 0) | (in_s & 8 -> BIT(3) : 0))
#define CHECK_READERS CHECK(I3, owner != 0 || (GROUPS_IN_S & ~RB) == 0)

/* ---- being killed ---- */

#define MAY_DIE (me < N && kills > 0 && (MORTAL & ME) || me >= N && rkills > 0)

inline bury() {
    d_step {
        if
        :: me < N ->
            kills--;
            alive = alive & ~ME;
            died_inside = died_inside || (in_x & ME);
            in_x = in_x & ~ME;
            in_s = in_s & ~ME;
            /* The kernel takes it out of its queues by itself. */
            xq = xq & ~ME; sq = sq & ~ME; dq = dq & ~ME;
            xcur = xcur & ~ME; scur = scur & ~ME; dcur = dcur & ~ME;
        :: else -> rkills--
        fi;
        old = 0; nobody = false; looked = 0; i = 0; try = false; repairs = false; named = false;
        d = 0; g = 0; seen = 0
    }
}

#define KILLED    atomic { MAY_DIE -> bury(); goto died }
/* The `true` is needed: Spin merges an if that begins an option with the if around it, and
   then `else` would mean that being killed is not possible, either. */
#define STEP(...) if :: KILLED :: atomic { true -> __VA_ARGS__ } fi

/* ---- futexes, as the kernel has them ---- */

#define READ_COUNTER(cur) cur = cur | ME
#define FORGET_READING(cur) cur = cur & ~ME
#define COUNT_UP(cur) cur = 0
/* Compares and enqueues in one; the sleeper goes on when it is no longer in the queue. */
#define FUTEX_WAIT(cur, q) \
    if \
    :: cur & ME -> cur = cur & ~ME; q = q | ME \
    :: else \
    fi
#define WAKE_ALL(q) q = 0
#define WAKE_ONE(q, nobody) \
    nobody = (q == 0); \
    if \
    :: q & 1 -> q = q & ~1 \
    :: q & 2 -> q = q & ~2 \
    :: q & 4 -> q = q & ~4 \
    :: q & 8 -> q = q & ~8 \
    :: q == 0 \
    fi

#ifdef M_WAKE_BEFORE_COUNT
#define COUNT_AND_WAKE_ALL(cur, q) STEP(WAKE_ALL(q)); STEP(COUNT_UP(cur))
#elif defined(M_NO_COUNT)
#define COUNT_AND_WAKE_ALL(cur, q) STEP(WAKE_ALL(q))
#else
#define COUNT_AND_WAKE_ALL(cur, q) STEP(COUNT_UP(cur)); STEP(WAKE_ALL(q))
#endif

#if defined(SPURIOUS)
#define SLEEP_MAY_END true
#elif defined(RECOVER)
#define DEAD_RECORD(i) (DEAD(i) && rec[i] != 0)
#if N == 2
#define SLEEP_MAY_END (DEAD_RECORD(0) || DEAD_RECORD(1))
#elif N == 3
#define SLEEP_MAY_END (DEAD_RECORD(0) || DEAD_RECORD(1) || DEAD_RECORD(2))
#else
#define SLEEP_MAY_END (DEAD_RECORD(0) || DEAD_RECORD(1) || DEAD_RECORD(2) || DEAD_RECORD(3))
#endif
#else
#define SLEEP_MAY_END false
#endif

/* ---- waking: lock_wake() ---- */

#define OWES_S 1
#define OWES_X 2
#define STARVED 4
#define OWED ((swait -> OWES_S : 0) | (xwait -> OWES_X : 0) | (starver != 0 -> STARVED : 0))

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
    STEP(swait = false);
    COUNT_AND_WAKE_ALL(scur, sq)
#endif
}

inline wake_all_writers() {
#if defined(M_XWAIT_OFF_LAST)
    COUNT_AND_WAKE_ALL(xcur, xq);
    STEP(xwait = false)
#elif defined(M_XWAIT_STAYS)
    COUNT_AND_WAKE_ALL(xcur, xq)
#else
    STEP(xwait = false);
    COUNT_AND_WAKE_ALL(xcur, xq)
#endif
}

inline wake() {
    if
    :: old & OWES_S ->
        wake_readers()
    :: else
    fi;
    if
#ifdef M_WAKE_ONE_BESIDE_STARVER
    :: old & OWES_X ->
#else
    :: (old & OWES_X) && !(old & STARVED) ->
#endif
        STEP(WAKE_ONE(xq, nobody));
#ifndef M_NO_FALLBACK
        if
        :: nobody -> nobody = false; wake_all_writers()
        :: else
        fi
#else
        nobody = false
#endif
#ifndef M_WAKE_ONE_BESIDE_STARVER
    :: (old & OWES_X) && (old & STARVED) -> wake_all_writers()
#endif
    :: else
    fi;
    old = 0
}

/* lock_end_starving(): its name, if it still stands there, and both flags off in one RMW. */
#ifdef M_STARVER_TAKES_ANY_NAME_OFF
#define NAME_OFF CHECK(I8, starver == 0 || I_STARVE); starver = 0
#else
#define NAME_OFF if :: I_STARVE -> starver = 0 :: else fi
#endif
#ifdef M_STARVER_OFF_KEEPS_FLAGS
#define STARVER_OFF NAME_OFF; named = false
#else
#define STARVER_OFF NAME_OFF; named = false; xwait = false; swait = false
#endif
/* Who has named itself wakes everybody when it is through, even if a recoverer that came far
   too late has taken the name off, and was killed before it woke anybody. */
#ifdef M_NAME_LOST_WAKES_NOBODY
#define ENDS_STARVING I_STARVE
#else
#define ENDS_STARVING (named || I_STARVE)
#endif

inline wake_all_of_both() {
#ifndef M_STARVER_WAKES_WRITERS_ONLY
    COUNT_AND_WAKE_ALL(scur, sq);
#endif
#ifndef M_STARVER_WAKES_READERS_ONLY
    COUNT_AND_WAKE_ALL(xcur, xq)
#endif
}

/* ---- recovery of slot d at generation g: lock_end_record(), backend_slot_free() ---- */

inline owner_off() {
#ifdef M_RECOVERY_IGNORES_OWNER_GENERATION
    if
    :: owner != 0 && SLOT(owner) == d ->
#else
    if
    :: owner == OWNER(d, g) ->
#endif
        CHECK(I4, DEAD(SLOT(owner)) && OGEN(owner) == gen[d]);
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
#ifndef M_RECOVERY_LEAVES_STARVER
    if
    :: starver == d + 1 ->
        /* A recoverer that comes far too late may take an heir's name; it wakes it, too. */
        CHECK(I4, DEAD(d) || gen[d] != g);
        starver = 0
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
    :: rec[d] == seen -> CHECK(I4, DEAD(d) && GEN(seen) == gen[d]); rec[d] = new \
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
            CHECK(I4, rec[d] == 0 && owner != OWNER(d, g) && starver != d + 1);
            taken = taken & ~(1 << d);
            gen[d] = NEXT(g)
        :: else
        fi)
}

inline recover() {
#ifdef M_FREE_EARLY
    STEP(
        if
        :: gen[d] == g && (taken & 1 << d) && DEAD(d) -> taken = taken & ~(1 << d); gen[d] = g + 1
        :: else
        fi);
#endif
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
    seen = 0;
#ifndef M_FREE_EARLY
    free_slot();
#endif
    d = 0; g = 0
}

#define UNRECOVERED(i) (DEAD(i) && (taken & 1 << (i)))

#define NONE 7
/* Who is dead and in the way, as W says: owner first, then starver. */
#define LOOK_AT_WORD \
    if \
    :: owner != 0 && DEAD(SLOT(owner)) -> \
        d = SLOT(owner); g = OGEN(owner) \
    :: else -> \
        if \
        :: starver != 0 && DEAD(starver - 1) -> \
            d = starver - 1; g = gen[d] \
        :: else -> d = NONE \
        fi \
    fi
/* The reader that the drain waits for. */
#define LOOK_AT_READER \
    if \
    :: KIND(rec[i]) == REC_S && DEAD(i) -> d = i; g = GEN(rec[i]) \
    :: else -> d = NONE \
    fi

#if defined(RECOVER) || defined(SPURIOUS)
#define ON_TIME_OUT(q, LOOK) \
    :: atomic { (q & ME) && SLEEP_MAY_END -> q = q & ~ME; LOOK } \
        if \
        :: d == NONE -> d = 0 \
        :: d != NONE -> recover() \
        fi
#else
#define ON_TIME_OUT(q, LOOK)
#endif

#if LEAVE > 0
#define ON_LEAVING(q) :: atomic { leaves > 0 -> leaves--; q = q & ~ME; goto leave_empty_handed }
#define ON_LEAVING_DRAIN :: atomic { leaves > 0 -> leaves--; dq = dq & ~ME; goto give_up_drain }
#else
#define ON_LEAVING(q)
#define ON_LEAVING_DRAIN
#endif

#ifdef STARVER
#define NAME_STARVER \
    if \
    :: starver == 0 -> starver = me + 1; named = true; overtaken = 0 \
    :: true \
    fi
#define OVERTAKES \
    if \
    :: starver != 0 && !I_STARVE -> overtaken++; CHECK(I8, overtaken <= 1) \
    :: else \
    fi
#else
#define NAME_STARVER skip
#define OVERTAKES skip
#endif

/* ---- a backend ---- */

#define MODES_OF(i) ((i) == 0 -> MODES0 : ((i) == 1 -> MODES1 : ((i) == 2 -> MODES2 : MODES3)))

/* What a process keeps for itself; bury() clears it. */
#define LOCALS \
    byte old;         /* what wake() owes: bits of W as they were */ \
    bool nobody;      /* wake-one found nobody */ \
    byte looked;      /* the bits of RB that the drain is about */ \
    byte i;           /* the slot that the drain looks at */ \
    bool try;         /* does not wait */ \
    bool repairs;     /* POISON does not stop it */ \
    bool named;       /* it has named itself the starver */ \
    byte d, g, seen   /* the slot and generation it recovers; the record as last read */

#define NEXT_TO_LOOK_AT \
    do \
    :: i < N && (!(looked & BIT(i)) || i == me || SKIPPED(i)) -> i++ \
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
    CHECK_READERS;
    OVERTAKES
}

proctype backend(byte me)
{
    LOCALS;

idle:
    if
    :: KILLED
    :: atomic { true -> retired = retired | ME; goto left }
    :: atomic { MODES_OF(me) & SHARED -> goto begin_shared }
    :: atomic { MODES_OF(me) & TRY_SHARED -> try = true; goto begin_shared }
    :: atomic { MODES_OF(me) & EXCLUSIVE -> goto begin_exclusive }
    :: atomic { MODES_OF(me) & TRY_EXCLUSIVE -> try = true; goto begin_exclusive }
    /* lwlock_acquire_poisoned(): by the callback's caller or by acquireForRepair. */
    :: atomic { poison -> repairs = true; rec[me] = MYRECORD(REC_N); goto slow_exclusive }
    fi;

    /* -- shared: acquire_shared(), enter_shared() -- */

begin_shared:
#ifdef M_WORD_READ_BEFORE_RECORD
    STEP(if :: BLOCKED -> rec[me] = MYRECORD(REC_S); goto slow_shared :: else fi);
    STEP(rec[me] = MYRECORD(REC_S));
    STEP(if :: RB & BIT(me) -> enter_shared(); goto inside_shared :: else fi);
    STEP(RB = RB | BIT(me); enter_shared(); goto inside_shared);
#endif
    STEP(rec[me] = MYRECORD(REC_S));
#ifndef M_NO_FIRST_READ
    STEP(
        if
        :: BLOCKED -> goto slow_shared
        :: !BLOCKED
#ifdef UNCONTENDED
        /* Whatever stands in W, even if it does not keep readers out */
        :: !BLOCKED && !WORD_IS_0 && !try -> goto slow_shared
#endif
        fi);
#endif
#ifndef M_NO_BIT
    STEP(
        if
#ifdef M_REREAD_ONLY_WITHOUT_BIT
        :: RB & BIT(me) -> enter_shared(); goto inside_shared
#else
        :: RB & BIT(me) -> goto read_again
#endif
        :: else
        fi);
#ifdef M_NO_SECOND_READ
    STEP(RB = RB | BIT(me); enter_shared(); goto inside_shared);
#endif
    STEP(RB = RB | BIT(me));
#endif
read_again:
    STEP(
        if
        :: BLOCKED -> goto slow_shared
        :: else -> enter_shared()
        fi;
        if
        :: ENDS_STARVING
        :: else -> goto inside_shared
        fi);
#ifdef STARVER
    /* The starver got in. */
#ifndef M_STARVER_STAYS
    STEP(STARVER_OFF);
#ifndef M_STARVER_IN_WITHOUT_WAKE
    wake_all_of_both();
#endif
#endif
#endif

inside_shared:
#ifdef M_WORD_READ_BEFORE_RETRACTION
    STEP(old = dpark);
#endif
    /* Release does what a try that has failed does: retracts, and zeroes the record. */
    STEP(
        CHECK(I2, rec[me] == MYRECORD(REC_S));
        in_s = in_s & ~ME;
        try = true;
#ifdef M_RELEASE_SHARED_TO_ZERO
        rec[me] = 0);
#else
        rec[me] = MYRECORD(REC_N));
#endif
    goto retracted;

    /* -- shared, blocked: retract_shared(), lwlock_wait_shared() -- */

slow_shared:
#ifdef M_NO_RETRACTION
    goto retraction_done;
#endif
#ifdef M_WORD_READ_BEFORE_RETRACTION
    STEP(old = dpark);
#endif
    STEP(
        CHECK(I4, rec[me] == MYRECORD(REC_S));
        rec[me] = MYRECORD(REC_N));
#ifdef M_SLOW_SHARED_WITHOUT_WAKE
    goto retraction_done;
#endif
retracted:
#ifdef M_WORD_READ_BEFORE_RETRACTION
    STEP(if :: old -> old = 0 :: else -> goto retraction_done fi);
#else
    STEP(if :: dpark :: else -> goto retraction_done fi);
#endif
    COUNT_AND_WAKE_ALL(dcur, dq);
retraction_done:
    if
    :: try -> STEP(rec[me] = 0; try = false; named = false; goto idle)
    :: else
    fi;
    do
    :: KILLED
    ON_LEAVING(sq)
    ON_TIME_OUT(sq, LOOK_AT_WORD)
#ifdef M_SFUT_READ_LATE
    :: atomic { !(sq & ME) -> skip }
#else
    :: atomic { !(sq & ME) -> READ_COUNTER(scur) }
#endif
       STEP(
            if
            :: !BLOCKED -> FORGET_READING(scur); goto begin_shared
            :: BLOCKED && TOLD -> goto leave_empty_handed
            :: BLOCKED && !TOLD ->
#ifndef M_NO_SWAIT
                swait = true;
#endif
                NAME_STARVER
            fi);
#ifdef M_SFUT_READ_LATE
       STEP(READ_COUNTER(scur));
#endif
       STEP(FUTEX_WAIT(scur, sq))
    od;

    /* -- exclusive: acquire_exclusive(), lwlock_wait_exclusive() -- */

begin_exclusive:
#ifndef M_RECORD_AFTER_CAS
    STEP(rec[me] = MYRECORD(REC_N));
#endif
#ifdef M_RB_READ_BEFORE_WORD
    STEP(looked = RB);
#endif
    STEP(
        if
        :: try && !BLOCKED -> owner = MYOWNER
        :: try && BLOCKED -> goto nothing_owed
        :: !try && WORD_IS_0 -> owner = MYOWNER
        :: !try && !WORD_IS_0 ->
#ifdef M_RECORD_AFTER_CAS
            rec[me] = MYRECORD(REC_N);
#endif
            goto slow_exclusive
        fi);
#ifdef M_RECORD_AFTER_CAS
    STEP(rec[me] = MYRECORD(REC_N));
#endif
    goto drain;

slow_exclusive:
    do
    :: KILLED
    ON_LEAVING(xq)
    ON_TIME_OUT(xq, LOOK_AT_WORD)
#ifdef M_XFUT_READ_LATE
    :: atomic { !(xq & ME) -> skip }
#else
    :: atomic { !(xq & ME) -> READ_COUNTER(xcur) }
#endif
#ifdef M_RB_READ_BEFORE_WORD
       STEP(looked = RB);
#endif
       STEP(
            if
            :: !BLOCKED ->
                owner = MYOWNER;
#ifndef M_STARVER_OWNS_AND_STAYS
                if :: I_STARVE -> starver = 0 :: else fi;
                named = false;
#endif
#ifdef M_XWAIT_DROPPED
                xwait = false;
#endif
#ifdef M_POISON_DROPPED
                poison = false;
#endif
                FORGET_READING(xcur);
                goto drain
            :: BLOCKED && TOLD -> goto leave_empty_handed
            :: BLOCKED && !TOLD ->
#ifndef M_NO_XWAIT
                xwait = true;
#endif
                NAME_STARVER
            fi);
#ifdef M_XFUT_READ_LATE
       STEP(READ_COUNTER(xcur));
#endif
       STEP(FUTEX_WAIT(xcur, xq))
    od;

    /* -- we own W: drain() -- */

drain:
#ifdef M_XIN_BEFORE_DRAIN
    STEP(rec[me] = MYRECORD(REC_XIN));
#endif
    STEP(
        CHECK(I4, owner == MYOWNER);
#ifndef M_RB_READ_BEFORE_WORD
        looked = RB;
#endif
#ifdef M_RB_CLEARED_BEFORE_DRAIN
        RB = 0;
#endif
        NEXT_TO_LOOK_AT;
        if
        :: looked == 0 -> goto all_left
        :: looked != 0 && i >= N -> goto drained
        :: else
        fi);
drain_look:
    STEP(
        if
        :: KIND(rec[i]) != REC_S -> goto this_one_left
        :: KIND(rec[i]) == REC_S && try -> goto give_up_drain
        :: else
        fi);
    do
    :: KILLED
    ON_LEAVING_DRAIN
    ON_TIME_OUT(dq, LOOK_AT_READER)
#ifdef M_DFUT_READ_LATE
    :: atomic { !(dq & ME) -> skip }
#else
    :: atomic { !(dq & ME) -> READ_COUNTER(dcur) }
#endif
#if !defined(M_NO_DPARK) && !defined(M_DPARK_AFTER_LOOK)
       STEP(dpark = true);
#endif
       STEP(if :: KIND(rec[i]) != REC_S -> FORGET_READING(dcur); goto this_one_left :: else fi);
#ifdef M_DPARK_AFTER_LOOK
       STEP(dpark = true);
#endif
#ifdef M_DFUT_READ_LATE
       STEP(READ_COUNTER(dcur));
#endif
       STEP(FUTEX_WAIT(dcur, dq))
    od;
this_one_left:
    atomic { i++; NEXT_TO_LOOK_AT; if :: i < N -> goto drain_look :: else fi };
drained:
#ifdef M_RB_CLEARED_WHOLE
    STEP(i = 0; looked = 0; RB = 0; CHECK_READERS);
#else
    STEP(i = 0; RB = RB & ~looked; looked = 0; CHECK_READERS);
#endif
#ifndef M_DRAIN_LEAVES_DPARK
    STEP(dpark = false);
#endif
all_left:
    STEP(
        CHECK(I4, owner == MYOWNER);
        CHECK(I1, (in_x | in_s) == 0);
        CHECK(I7, poison == died_inside && (repairs || !poison));
        OVERTAKES;
        i = 0;
        try = false;
#ifndef M_XIN_AFTER_ENTERING
        rec[me] = MYRECORD(REC_XIN);
#endif
        in_x = in_x | ME;
        if
        :: poison
        :: else -> goto inside_exclusive
        fi);

    /* Repaired and marked consistent, or released as it is. */
    if
    :: KILLED
#ifdef UNREPAIRED
    :: atomic { true -> goto inside_exclusive }
#endif
    :: atomic { true -> poison = false; died_inside = false; goto inside_exclusive }
    fi;

inside_exclusive:
#ifdef M_XIN_AFTER_ENTERING
    STEP(rec[me] = MYRECORD(REC_XIN));
#endif
#ifdef M_FLAGS_READ_BEFORE_RELEASE
    STEP(old = OWED);
#endif
#ifdef M_WAKE_BEFORE_RELEASE
    STEP(old = OWED);
    wake();
#endif
    STEP(
        CHECK(I2, owner == MYOWNER && rec[me] == MYRECORD(REC_XIN));
        in_x = in_x & ~ME;
#if !defined(M_FLAGS_READ_BEFORE_RELEASE) && !defined(M_WAKE_BEFORE_RELEASE)
        old = OWED;
#endif
#ifdef M_RELEASE_DROPS_FLAGS
        xwait = false; swait = false;
#endif
        owner = 0;
        CHECK_READERS);
#ifdef M_ZERO_BEFORE_WAKE
    STEP(rec[me] = 0);
#endif
owing:
    wake();
nothing_owed:
    STEP(
        CHECK(I4, rec[me] == 0 || GEN(rec[me]) == gen[me]);
        try = false; repairs = false; named = false; rec[me] = 0;
        goto idle);

    /* -- giving up -- */

give_up_drain:
    STEP(
        CHECK(I4, owner == MYOWNER);
        FORGET_READING(dcur);
#ifdef M_GIVE_UP_CLEARS_RB
        RB = RB & ~looked;
#endif
        i = 0; looked = 0;
#ifndef M_GIVE_UP_KEEPS_DPARK
        dpark = false;
#endif
#ifndef M_GIVE_UP_WITHOUT_WAKE
        old = OWED;
#endif
        owner = 0;
        CHECK_READERS;
        goto owing);

leave_empty_handed:
    STEP(
        FORGET_READING(xcur); FORGET_READING(scur);
#if !defined(M_LEAVE_WITHOUT_WAKE)
        if
#ifdef M_TOLD_LEAVES_WITHOUT_WAKE
        :: owner == 0 && !poison -> old = OWED & ~OWES_S
#else
        :: owner == 0 -> old = OWED & ~OWES_S
#endif
        :: else
        fi
#endif
        );
    wake();
#ifdef M_STARVER_LEAVES_NAME
    goto nothing_owed;
#endif
    STEP(if :: ENDS_STARVING -> STARVER_OFF :: else -> goto nothing_owed fi);
#ifndef M_STARVER_LEAVES_WITHOUT_WAKE
    wake_all_of_both();
#endif
    goto nothing_owed;

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

/* ---- a recoverer apart: the postmaster, Segment.reapDead() ---- */

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
    goto end_reaper
}

/* ---- all of them, and what must hold when nothing can move any more ---- */

init {
    byte i;
    atomic {
        for (i : 0 .. N - 1) {
            alive = alive | 1 << i;
            run backend(i)
        }
        taken = alive;
        for (i : N .. N + REAPERS - 1) {
            run reaper(i)
        }
        i = 0
    }
    atomic {
        timeout ->
        /* Nobody waits for ever… */
        CHECK(I6, (alive & ~retired) == 0);
        /* … and nothing is left behind. */
#if REAPERS > 0
        CHECK(I4, (taken & ~alive) == 0);
#endif
#if REAPERS > 0 || KILLS == 0
        CHECK(I4, owner == 0 && starver == 0 && !dpark);
        CHECK(I7, poison == died_inside);
        for (i : 0 .. N - 1) {
            CHECK(I4, rec[i] == 0)
        }
#endif
    }
}
