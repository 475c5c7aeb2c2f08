/*
 * shared.pml - the part of a backend of lwlock.pml that acquires and releases shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

    /* -- enter_shared() -- */

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
        :: !BLOCKED -> enter_shared()
        fi;
        if
        :: ENDS_STARVING
        :: else -> goto inside_shared
        fi);
#ifdef STARVING
    /* The starving waiter got in. */
#ifndef M_STARVING_STAYS
    STEP(STARVING_OFF);
#ifndef M_STARVING_IN_WITHOUT_WAKE
    wake_all_of_both();
#endif
#endif
#endif

inside_shared:
#ifdef M_WORD_READ_BEFORE_RETRACTION
    STEP(old = dpark);
#endif
    /* Release retracts, and zeroes the record. */
    STEP(
        CHECK(I2, rec[me] == MYRECORD(REC_S));
        in_s = in_s & ~ME;
        leaves_s = true;
#ifdef M_RELEASE_SHARED_TO_ZERO
        rec[me] = 0);
#else
        rec[me] = MYRECORD(REC_N));
#endif
    goto retracted;

    /* -- blocked: the fast path writes N, or retract_shared(); lwlock_wait_shared() -- */

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
    CUT_OFF
#ifdef M_WORD_READ_BEFORE_RETRACTION
    STEP(if :: old -> old = 0 :: else -> goto retraction_done fi);
#else
    STEP(if :: dpark :: else -> goto retraction_done fi);
#endif
    COUNT_AND_WAKE_ALL(dcur, dq);
retraction_done:
    if
    :: leaves_s -> leaves_s = false; goto nothing_owed
    :: else
    fi;
    do
    :: KILLED
    STOPPED
    ON_LEAVING(sq)
    ON_TIME_OUT(sq, LOOK_AT_WORD, LOOK_AT_STARVING)
#ifdef M_SFUT_READ_LATE
    :: atomic { !(sq & ME) -> skip }
#else
    :: atomic { !(sq & ME) -> READ_COUNTER(scur) }
#endif
       STEP(
            if
            :: !BLOCKED -> FORGET_READING(scur); goto begin_shared
            :: BLOCKED && (TOLD || try) -> FORGET_READING(scur); goto leave_empty_handed
#if STEPS > 0
            /* A step ends.  The next one finds N and goes on behind the retraction. */
            :: BLOCKED && !TOLD && !try && steps > 0 ->
                steps--;
                FORGET_READING(scur);
                goto retracted
#endif
            :: BLOCKED && !TOLD && !try ->
                COUNT_TURN(SWAIT_IS_OFF);
#ifndef M_NO_SWAIT
                swait = true;
#endif
#ifdef M_READER_TAKES_WAKING_OFF
                waking = false;
#endif
                NAME_STARVING
            fi);
#ifdef M_SFUT_READ_LATE
       STEP(READ_COUNTER(scur));
#endif
       STEP(FUTEX_WAIT(scur, sq); PARKED(sq))
    od;

    /* -- acquires nothing, has no record: lwlock_wait_released() -- */

begin_await:
#ifdef AWAITS
#ifdef M_AWAIT_POISON_NOT_TOLD
#define IS_TOLD false
#else
#define IS_TOLD poison
#endif
    do
    :: KILLED
    STOPPED
#if LEAVE > 0
    :: atomic { leaves > 0 -> leaves--; sq = sq & ~ME; goto idle }
#endif
    /* It has no record, so it may recover the dead, but takes no name off. */
#ifdef M_AWAIT_UNNAMES
    ON_TIME_OUT(sq, LOOK_AT_WORD, LOOK_AT_STARVING)
#else
    ON_TIME_OUT(sq, LOOK_AT_WORD, skip)
#endif
#ifdef M_AWAIT_READS_SFUT_LATE
    :: atomic { !(sq & ME) -> skip }
#else
    :: atomic { !(sq & ME) -> READ_COUNTER(scur) }
#endif
       STEP(
            if
            :: owner == 0 ->
                /* LWSHM_E_OWNER_DIED, or it says that the lock was released. */
                CHECK(I7, IS_TOLD == died_inside);
                FORGET_READING(scur);
                goto idle
            :: owner != 0 ->
#ifndef M_AWAIT_SETS_NO_SWAIT
                swait = true
#endif
            fi);
#ifdef M_AWAIT_READS_SFUT_LATE
       STEP(READ_COUNTER(scur));
#endif
       STEP(FUTEX_WAIT(scur, sq))
    od;
#endif
