/*
 * exclusive.pml - the part of a backend of lwlock.pml that acquires and releases exclusively.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

    /* -- own_at_once(): CAS 0, or flags alone, to the same with an owner -- */

begin_exclusive:
#ifndef M_RECORD_AFTER_CAS
    STEP(rec[me] = MYRECORD(REC_N));
#endif
#ifdef M_RB_READ_BEFORE_WORD
    STEP(looked = RB);
#endif
#if defined(M_JOINED_READ_BEFORE_WORD) || defined(M_ALONE_READ_BEFORE_WORD)
    STEP(upto = joined);
#endif
    STEP(
        if
        :: ONLY_FLAGS ->
#ifdef M_NEWCOMER_TAKES_WAKING_OFF
            waking = false
#elif defined(M_NEWCOMER_DROPS_FLAGS)
            xwait = false; swait = false; waking = false
#endif
        /* Or the second CAS fails, since a flag has come or gone. */
        :: !WORD_IS_0 ->
#ifdef M_RECORD_AFTER_CAS
            rec[me] = MYRECORD(REC_N);
#endif
            goto slow_exclusive
        fi;
        owner = MYOWNER;
        PASSES);
#ifdef M_RECORD_AFTER_CAS
    STEP(rec[me] = MYRECORD(REC_N));
#endif
    CUT_OFF
    goto drain;

    /* -- await_ownership() -- */

slow_exclusive:
    do
    :: KILLED
    STOPPED
    ON_LEAVING(xq)
    ON_TIME_OUT(xq, LOOK_AT_WORD, LOOK_AT_STARVING)
#ifdef M_XFUT_READ_LATE
    :: atomic { !(xq & ME) -> skip }
#else
    :: atomic { !(xq & ME) -> READ_COUNTER(xcur) }
#endif
#ifdef M_RB_READ_BEFORE_WORD
       STEP(looked = RB);
#endif
#ifdef M_JOINED_READ_BEFORE_WORD
       STEP(upto = joined);
#endif
       STEP(
            if
            :: !BLOCKED ->
                owner = MYOWNER;
                PASSES;
                ACQUIRE_WAKING;
#ifndef M_STARVING_OWNS_AND_STAYS
                if :: I_STARVE -> starving = 0 :: else fi;
                named = false;
#endif
#ifdef M_XWAIT_DROPPED
                xwait = false;
#endif
#ifdef M_POISON_DROPPED
                poison = false;
#endif
                FORGET_READING(xcur);
                FORGET_TURNS;
                NOT_PARKED;
                goto drain
            :: BLOCKED && (TOLD || try) -> FORGET_READING(xcur); goto leave_empty_handed
#if STEPS > 0
            /* A step ends before the waiter announces itself. */
            :: BLOCKED && !TOLD && !try && woken && steps > 0 ->
                steps--;
                FORGET_READING(xcur);
                stays = true;
                goto leave_empty_handed
#endif
            :: BLOCKED && !TOLD && !try ->
                COUNT_TURN(WAKING_IS_ON);
#ifndef M_NO_XWAIT
                xwait = true;
#endif
                PARK_WAKING;
                NAME_STARVING
            fi);
#ifdef M_WAKING_OFF_AFTER_ANNOUNCING
       if :: woken -> STEP(waking = false; woken = false) :: else fi;
#endif
#ifdef M_XFUT_READ_LATE
       STEP(READ_COUNTER(xcur));
#endif
       STEP(FUTEX_WAIT(xcur, xq); woken = true; PARKED(xq))
    od;

    /* -- owns W: is_drained(), drain() -- */

drain:
#ifdef M_WAKING_OFF_AFTER_ACQUIRING
    if :: woken -> STEP(waking = false; woken = false) :: else fi;
#endif
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
        if
        :: looked == 0 -> upto = 0; goto all_left
        :: else
        fi
#if LATE > 0
        );
    STEP(
#if !defined(M_JOINED_READ_BEFORE_WORD) && !defined(M_ALONE_READ_BEFORE_WORD)
        upto = joined;
        CHECK(J1, (taken & ~((1 << upto) - 1)) == 0);
#endif
#else
        ; upto = N;
#endif
        if
        /* reads_alone(): there is nothing to look at, and RB stays. */
        :: looked == BIT(me) && ALONE -> looked = 0; upto = 0; goto all_left
        :: else
        fi;
#ifdef M_ALONE_READ_BEFORE_WORD
        upto = joined;
#endif
        NEXT_TO_LOOK_AT;
        if
        :: i >= upto -> goto drained
        :: else
        fi);
drain_look:
    STEP(if :: KIND(rec[i]) != REC_S -> goto this_one_left :: else fi);
    do
    :: KILLED
    ON_LEAVING_DRAIN
    ON_TIME_OUT(dq, LOOK_AT_READER, skip)
#ifdef M_DFUT_READ_LATE
    :: atomic { !(dq & ME) -> skip }
#else
    :: atomic { !(dq & ME) -> READ_COUNTER(dcur) }
#endif
#if !defined(M_NO_DPARK) && !defined(M_DPARK_AFTER_LOOK)
       STEP(dpark = true);
#endif
       STEP(
            if
            :: KIND(rec[i]) != REC_S -> FORGET_READING(dcur); goto this_one_left
            :: KIND(rec[i]) == REC_S && try -> FORGET_READING(dcur); goto give_up_drain
#if STEPS > 0
            :: KIND(rec[i]) == REC_S && !try && steps > 0 ->
                steps--;
                FORGET_READING(dcur);
                i = 0;
                goto drain
#endif
            :: KIND(rec[i]) == REC_S && !try
            fi);
#ifdef M_DPARK_AFTER_LOOK
       STEP(dpark = true);
#endif
#ifdef M_DFUT_READ_LATE
       STEP(READ_COUNTER(dcur));
#endif
       STEP(FUTEX_WAIT(dcur, dq))
    od;
this_one_left:
    atomic { i++; NEXT_TO_LOOK_AT; if :: i < upto -> goto drain_look :: else fi };
drained:
#ifdef M_RB_CLEARED_WHOLE
    STEP(i = 0; upto = 0; looked = 0; RB = 0; CHECK_READERS);
#else
    STEP(i = 0; upto = 0; RB = RB & ~looked; looked = 0; CHECK_READERS);
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

    /* -- release -- */

inside_exclusive:
#ifdef M_XIN_AFTER_ENTERING
    STEP(rec[me] = MYRECORD(REC_XIN));
#endif
#ifdef M_FLAGS_READ_BEFORE_RELEASE
    STEP(old = WAITERS_IN_W);
#endif
#ifdef M_WAKE_BEFORE_RELEASE
    STEP(old = WAITERS_IN_W);
    wake();
#endif
    STEP(
        CHECK(I2, owner == MYOWNER && rec[me] == MYRECORD(REC_XIN));
        in_x = in_x & ~ME;
#if !defined(M_FLAGS_READ_BEFORE_RELEASE) && !defined(M_WAKE_BEFORE_RELEASE)
        old = WAITERS_IN_W;
#endif
#ifdef M_RELEASE_DROPS_FLAGS
        xwait = false; swait = false;
#endif
        owner = 0;
        CHECK_READERS);
#ifdef M_ZERO_BEFORE_WAKE
    STEP(rec[me] = 0);
#endif
#if CUTS > 0
    /* Java writes N before it calls C for the wake-ups. */
    if
    :: true
    :: STEP(rec[me] = MYRECORD(REC_N))
    fi;
    CUT_OFF
#endif
owing:
    wake();
nothing_owed:
    STEP(
        CHECK(I4, rec[me] == 0 || GEN(rec[me]) == gen[me]);
        try = false; repairs = false; named = false; NOT_PARKED; FORGET_TURNS; rec[me] = 0;
        goto idle);
