/*
 * lwlock_variable.pml - waiting for a holder without becoming one: lwlock_wait_released(),
 * lwshm_lwlock_update_var(), lwshm_lwlock_release_clear_var().
 *
 * Two holders take the lock in turn, update its variable, and release it or stay inside for
 * ever; two waiters wait until the variable is another than what they knew, or the lock is
 * released.  Holders and waiters may be killed at any step; a recoverer ends what the dead hold.
 * Acquiring is one step: lwlock.pml has it in full.
 *
 *   HOLDERS, WAITERS   how many of them    KILLS  how many are killed
 *   ROUNDS  how often each takes the lock, or waits
 *
 * Invariants: V1 when nothing can move, nobody sleeps whose lock is free or whose variable is
 * another; V2 the variable is what the holder has made it; V3 nobody is told "released" of a lock
 * whose holder died inside.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef KILLS
#define KILLS 1
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef HOLDERS
#define HOLDERS 2
#endif
#ifndef WAITERS
#define WAITERS 2
#endif

/* ---- shared memory ---- */

byte owner;                  /* slot + 1 */
bool poison, swait;
byte variable;
byte owes;                   /* holders with a record: XIN, kept until the last wake-up */
byte cur, q;                 /* sfut: whose reading is current, and who sleeps, as in lwlock.pml */

/* ---- what the model knows ---- */

byte alive;
bool died_inside;
byte old[HOLDERS + WAITERS]; /* what a waiter knows */
byte kills = KILLS;

bit V1, V2, V3;
#define CHECK(invariant, condition) assert((condition) || invariant)

#define ME (1 << me)
#define DEAD(i) (!(alive & 1 << (i)))

inline bury() {
    d_step {
        kills--;
        alive = alive & ~ME; cur = cur & ~ME; q = q & ~ME;
        died_inside = died_inside || owner == me + 1;
        old[me] = 0; mine = 0; seen = 0; wakes = false; rounds = 0
    }
}
#define KILLED    atomic { kills > 0 -> bury(); goto died }
#define STEP(...) if :: KILLED :: atomic { true -> __VA_ARGS__ } fi
#define LOCALS \
    byte mine;               /* the variable, as the holder has made it */ \
    byte seen;               /* the owner, as the waiter has read it */ \
    bool wakes;              /* SWAIT was on */ \
    byte rounds

/* lock_wake() */
inline wake_readers() {
    STEP(swait = false);
#ifdef M_VAR_WAKE_BEFORE_COUNT
    STEP(q = 0);
    STEP(cur = 0)
#else
    STEP(cur = 0);
    STEP(q = 0)
#endif
}

proctype holder(byte me)
{
    LOCALS;
    do
    :: rounds < ROUNDS ->
        rounds++;
end_acquires:
        if
        :: KILLED
        /* Repairs what it finds poisoned. */
        :: atomic {
                owner == 0 ->
                owes = owes | ME; owner = me + 1; mine = variable; poison = false; died_inside = false
           }
        fi;

        /* -- update_var() -- */
#ifdef M_VAR_FLAG_READ_BEFORE_STORE
        STEP(wakes = swait);
#endif
        STEP(CHECK(V2, variable == mine); mine = me + 1; variable = mine);
#ifndef M_VAR_FLAG_READ_BEFORE_STORE
        STEP(wakes = swait);
#endif
#ifdef M_UPDATE_WAKES_NOBODY
        wakes = false;
#endif
        if
        :: wakes -> wakes = false; wake_readers()
        :: else
        fi;
        if
        :: KILLED
        :: true
        :: goto stays
        fi;

        /* -- release_clear_var() -- */
#ifndef M_CLEARED_AFTER_RELEASE
        STEP(CHECK(V2, variable == mine); variable = 0);
#endif
        STEP(wakes = swait; owner = 0);
#ifdef M_CLEARED_AFTER_RELEASE
        STEP(variable = 0);
#endif
        if
        :: wakes -> wakes = false; wake_readers()
        :: else
        fi;
        STEP(owes = owes & ~ME)
    :: else -> break
    od;
    goto died;
end_stays:
stays:
    do
    :: KILLED
    od;
died:
    skip
}

/* lwlock_wait_released() */
proctype waiter(byte me)
{
    LOCALS;
next:
    if
    :: rounds == ROUNDS -> goto died
    :: rounds < ROUNDS -> rounds++
    fi;
    STEP(old[me] = variable);
end_asleep:
    do
    :: KILLED
#ifdef M_VAR_COUNTER_READ_LATE
    :: atomic { !(q & ME) -> skip }
#else
    :: atomic { !(q & ME) -> cur = cur | ME }
#endif
       STEP(
            if
#ifndef M_VAR_POISON_NOT_TOLD
            :: poison && owner == 0 -> cur = cur & ~ME; goto next
#define TOLD (poison && owner == 0)
#else
#define TOLD false
#endif
            :: owner == 0 && !TOLD -> CHECK(V3, !died_inside); cur = cur & ~ME; goto next
            :: else -> seen = owner; wakes = swait
            fi);
       STEP(if :: variable != old[me] -> cur = cur & ~ME; wakes = false; goto next :: else fi);
       if
       :: wakes -> wakes = false
       :: !wakes ->
            STEP(
                if
#ifndef M_VAR_SWAIT_WITHOUT_CAS
                :: owner != seen || swait -> cur = cur & ~ME; goto once_more
#endif
                :: else ->
#ifndef M_VAR_NO_SWAIT
                    swait = true
#endif
                fi)
       fi;
#ifdef M_VAR_COUNTER_READ_LATE
       STEP(cur = cur | ME);
#endif
#ifndef M_VAR_NOT_READ_AGAIN
       STEP(if :: variable != old[me] -> cur = cur & ~ME; goto once_more :: else fi);
#endif
       STEP(if :: cur & ME -> cur = cur & ~ME; q = q | ME :: else fi);
once_more:
       seen = 0
    od;
died:
    skip
}

/* lock_end_record() */
proctype reaper()
{
    byte d;
end_reaper:
    do
    :: atomic { (owes & 1) && DEAD(0) -> d = 0 } goto recover
    :: atomic { (owes & 2) && DEAD(1) -> d = 1 } goto recover
    od;
recover:
    if
    :: atomic { owner == d + 1 -> owner = 0; poison = true }
    :: atomic { owner != d + 1 -> skip }
    fi;
#ifndef M_VAR_RECOVERY_WAKES_NOBODY
    cur = 0;
    q = 0;
#endif
    atomic { owes = owes & ~(1 << d); d = 0; goto end_reaper }
}

init {
    byte i;
    atomic {
        alive = (1 << HOLDERS + WAITERS) - 1;
        for (i : 0 .. HOLDERS - 1) {
            run holder(i)
        }
        for (i : HOLDERS .. HOLDERS + WAITERS - 1) {
            run waiter(i)
        }
        run reaper();
        i = 0
    }
    atomic {
        timeout ->
        for (i : HOLDERS .. HOLDERS + WAITERS - 1) {
            CHECK(V1, !(q & 1 << i) || owner != 0 && variable == old[i])
        }
    }
}
