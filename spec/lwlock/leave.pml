/*
 * leave.pml - the part of a backend of lwlock.pml that gives up waiting in either mode, ends a step
 * of a wait, or ends a call that was cut off.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

    /* -- giving up: abandon_drain(), leave_empty_handed() -- */

give_up_drain:
    STEP(
        CHECK(I4, owner == MYOWNER);
#ifdef M_GIVE_UP_CLEARS_RB
        RB = RB & ~looked;
#endif
        i = 0; looked = 0; upto = 0;
#ifndef M_GIVE_UP_KEEPS_DPARK
        dpark = false;
#endif
#ifndef M_GIVE_UP_WITHOUT_WAKE
        old = WAITERS_IN_W;
#endif
        owner = 0;
        CHECK_READERS;
        goto owing);

leave_empty_handed:
#ifdef M_LEAVE_WITHOUT_WAKE
    WAKING_OFF;
#else
    if
    :: HAS_PARKED -> pass_on()
    :: else
    fi;
#endif
#if STEPS > 0
    if
    :: stays -> stays = false; goto slow_exclusive
#if AWAY > 0
    :: atomic { stays && !named -> stays = false; forget(); stopped = stopped | ME; goto left }
#endif
    :: else
    fi;
#endif
#ifdef M_STARVING_LEAVES_NAME
    goto nothing_owed;
#endif
    STEP(if :: ENDS_STARVING -> STARVING_OFF :: else -> goto look fi);
#ifndef M_STARVING_LEAVES_WITHOUT_WAKE
    wake_all_of_both();
#endif
look:
#ifdef LOOKS
    /* lwlock_wait_look(): a try that has failed, again and again. */
    if
    :: try ->
#ifdef M_LOOKS_WITHOUT_RECORD
        STEP(rec[me] = 0);
#endif
        atomic { LOOK_AT_WORD };
        look_around(LOOK_AT_STARVING)
    :: true
    fi;
#endif
    goto nothing_owed;

#if CUTS > 0
    /* -- a call that was cut off: release() again if the record says XIN, else releaseAll() -- */

cut_off:
    leaves_s = false;
    if
    :: KIND(rec[me]) == REC_XIN ->
        /* release_exclusive(): W names another, or nobody. */
        STEP(
            CHECK(I2, owner != MYOWNER);
#ifdef M_CUT_OFF_RELEASES_AGAIN
            owner = 0;
#endif
#ifdef M_CUT_OFF_OWES_NOTHING
            old = 0
#else
            old = WAITERS_IN_W
#endif
            );
        goto owing
    :: else
    fi;
#ifndef M_CUT_OFF_ZEROES_RECORD
    d = me; g = gen[me];
    end_record();
    d = 0; g = 0;
#endif
    goto nothing_owed;
#endif
