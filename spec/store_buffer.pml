/*
 * store_buffer.pml - the store-load pairs of the LWLock protocol on a machine with store buffers
 * (total store order, as x86_64 has it).
 *
 * Each process has a FIFO buffer of stores.  A store goes into the buffer, and reaches memory at
 * any later time.  A load takes the process's own newest store to that address, or else memory.
 * An RMW, and a fence, wait until the buffer is empty; so does a system call.
 *
 * The pairs, each a store and then a load of another address, on both sides:
 *
 *   reader: record S | reads W            writer: CAS of W | reads the records
 *   reader: record N | reads DPARK        writer: DPARK on | reads the record
 *   joiner: raises joined_slots, record S | reads W
 *                                         writer: CAS of W | reads joined_slots
 *
 * Writers have the first slots.  All slots are of one group, whose bit in RB is set.  A process
 * that is blocked waits until W is 0; only the drain parks.  lwlock.pml has the rest.
 *
 *   WRITERS, READERS   how many of each     LATE   how many of the readers join late
 *   ROUNDS             how often each acquires
 *   CLEAR              the bit in RB is not set at first
 *
 * Invariants: I1 a writer inside excludes all others; I6 when nothing moves, nobody waits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef READERS
#define READERS 1
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define P (WRITERS + READERS)

/* ---- memory ---- */

#define W      0   /* owner's slot + 1 */
#define DPARK  1   /* a bit of W: the RMWs on either leave the other alone */
#define RB     2
#define JOINED 3
#define REC(i) (4 + (i))
#define ADDRESSES (4 + P)
byte mem[ADDRESSES];

#define N   1
#define S   2
#define XIN 3

/* ---- store buffers ---- */

#define LENGTH 4
byte length[P];
byte address[P * LENGTH];
byte value[P * LENGTH];

inline store(a, v) {
    atomic {
        length[me] < LENGTH ->
        address[me * LENGTH + length[me]] = a;
        value[me * LENGTH + length[me]] = v;
        length[me]++
    }
}

/* Into x, which must not be `k`. */
inline load(a, x) {
    d_step {
        x = mem[a];
        k = 0;
        do
        :: k < length[me] ->
            if
            :: address[me * LENGTH + k] == a -> x = value[me * LENGTH + k]
            :: else
            fi;
            k++
        :: else -> break
        od;
        k = 0
    }
}

#define FENCE (length[me] == 0)
#define RMW(...) atomic { FENCE -> __VA_ARGS__ }

/* Writes the oldest store of a process to memory, at any time. */
proctype buffer(byte me)
{
    byte k;

end_buffer:
    do
    :: d_step {
        length[me] > 0 ->
        mem[address[me * LENGTH]] = value[me * LENGTH];
        k = 1;
        do
        :: k < length[me] ->
            address[me * LENGTH + k - 1] = address[me * LENGTH + k];
            value[me * LENGTH + k - 1] = value[me * LENGTH + k];
            k++
        :: else -> break
        od;
        length[me]--;
        address[me * LENGTH + length[me]] = 0;
        value[me * LENGTH + length[me]] = 0;
        k = 0
       }
    od
}

/* ---- what the model knows ---- */

byte in_x, in_s, ended;
byte dcur, dq;     /* dfut's counter and queue, as in lwlock.pml */

bit I1, I6;
#define CHECK(invariant, condition) assert((condition) || invariant)
#define ME (1 << me)

/* ---- a writer: own_at_once(), drain(), release ---- */

proctype writer(byte me)
{
    byte round, upto, i, x, k;

    do
    :: round == ROUNDS -> break
    :: round < ROUNDS ->
        round++;
        store(REC(me), N);
#ifdef M_JOINED_LOADED_BEFORE_WORD
        load(JOINED, upto);
#endif
#ifdef M_OWNER_BY_STORE
        mem[W] == 0;
        store(W, me + 1);
#else
        atomic { FENCE && mem[W] == 0 -> mem[W] = me + 1 };
#endif
        load(RB, x);
        if
        :: x == 0 -> goto drained
        :: else
        fi;
#ifndef M_JOINED_LOADED_BEFORE_WORD
        load(JOINED, upto);
#endif
        i = 0;
        do
        :: i >= upto -> break
        :: i < upto && i == me -> i++
        :: i < upto && i != me ->
            load(REC(i), x);
            do
            :: x != S -> break
            :: x == S ->
                dcur = dcur | ME;
#ifdef M_DPARK_BY_STORE
                store(DPARK, 1);
#else
                RMW(mem[DPARK] = 1);
#endif
                load(REC(i), x);
                if
                :: x != S -> dcur = dcur & ~ME
                :: else ->
                    /* futex wait: compares and enqueues in one */
                    RMW(if :: dcur & ME -> dcur = dcur & ~ME; dq = dq | ME :: else fi);
                    (dq & ME) == 0;
                    load(REC(i), x)
                fi
            od;
            i++
        od;
        RMW(mem[RB] = 0);
        RMW(mem[DPARK] = 0);
drained:
        store(REC(me), XIN);
        atomic { CHECK(I1, in_x == 0 && in_s == 0); in_x++ };
        in_x--;
        RMW(mem[W] = 0);
        store(REC(me), 0);
        i = 0; x = 0; upto = 0
    od;
    ended++
}

/* ---- a reader: enter_shared(), retract_shared() ---- */

#define IS_LATE (me >= P - LATE)
inline raise_joined() {
#ifdef M_JOINED_BY_STORE
    load(JOINED, x);
    if
    :: x < me + 1 -> store(JOINED, me + 1)
    :: else
    fi
#else
    RMW(if :: mem[JOINED] < me + 1 -> mem[JOINED] = me + 1 :: else fi)
#endif
}

proctype reader(byte me)
{
    byte round, x, k, k1;

    if
    :: IS_LATE ->
#ifndef M_JOINED_AFTER_THE_FENCE
        raise_joined();
#endif
        /* claim(): the CAS of the slot's identity */
        FENCE
    :: else
    fi;
    do
    :: round == ROUNDS -> break
    :: round < ROUNDS ->
again:
        store(REC(me), S);
#ifndef M_S_UNFENCED
        FENCE;
#endif
#ifdef M_JOINED_AFTER_THE_FENCE
        store(JOINED, me + 1);
#endif
        load(W, x);
        if
        :: x != 0 -> goto retract
        :: else
        fi;
        load(RB, x);
        if
        :: x == 0 ->
#ifdef M_BIT_BY_STORE
            store(RB, 1)
#else
            RMW(mem[RB] = 1)
#endif
        :: else
        fi;
        load(W, x);
        if
        :: x != 0 -> goto retract
        :: else
        fi;
        atomic { CHECK(I1, in_x == 0); in_s++ };
        in_s--;
        round++;
        x = 0;
retract:
        store(REC(me), N);
#ifdef M_N_UNFENCED
        if
        :: x != 0 -> FENCE
        :: else
        fi;
#elif defined(M_RETRACTION_UNFENCED)
        if
        :: x == 0 -> FENCE
        :: else
        fi;
#else
        FENCE;
#endif
        load(DPARK, k1);
        if
        :: k1 != 0 -> RMW(dcur = 0); RMW(dq = 0); k1 = 0
        :: else
        fi;
        if
        :: x != 0 -> x = 0; mem[W] == 0; goto again
        :: else -> store(REC(me), 0)
        fi
    od;
    ended++
}

/* ---- all of them ---- */

init {
    byte i;
    atomic {
        for (i : 0 .. P - 1) {
            run buffer(i);
            if
            :: i < WRITERS -> run writer(i)
            :: else -> run reader(i)
            fi
        }
        mem[JOINED] = P - LATE;
#ifndef CLEAR
        mem[RB] = 1;
#endif
        i = 0
    }
    atomic { timeout -> CHECK(I6, ended == P) }
}
