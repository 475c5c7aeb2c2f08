/*
 * membership.pml - the members file of a directory (byte 0, the members' bytes, the record), the
 * segments that are made for it, and their process entries.
 *
 * A STEP is one system call, or one access to shared memory; before each of them the process may be
 * killed, which ends its locks and mappings at once, or with DYING its locks only some time later.
 *
 *   P processes   E entries   ROUNDS calls by each process   KILLS deaths
 *   CALLS      a mask: 1 create, 2 attach, 4 open
 *   IPCRM      so often somebody removes the segment that the record names
 *   REAP       a member looks whether another is dead (recover_all)
 *   DYING      a killed process keeps its locks until the kernel is done; death_prove() may see that
 *              it runs no more
 *   IMPATIENT  a member that leaves may go without byte 0, and then without deleting
 *   GIVES_UP   an adopter may leave without having published
 *
 *   M1  one live segment
 *   M2  a live member is not taken for dead, and nobody frees what is its own
 *   M3  who enters finds an entry that is free
 *   M4  who enters is in the directory's segment
 *   M5  one creator or adopter at a time, and no member meanwhile
 *   M6  nothing stays behind, nothing is stuck
 *   M7  nothing is removed, and nothing adopted, that should not be
 *
 * M_NAME is a mutant; spec/mutants says which invariant it breaks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef P
#define P 3
#endif
#ifndef E
#define E 2
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef IPCRM
#define IPCRM 0
#endif
#ifndef CALLS
#define CALLS 7
#endif
#ifndef S
#define S 4       /* segments that can be made; 0 is none */
#endif

#define NEW 1
#define READY 2
#define ADOPTING 3

#define GHOST 255 /* has a lock: a killed process that the kernel has not finished with */

/* kernel: locks.  0 free, else process + 1; readers as a mask */
byte w0, r0;
byte w[E], r[E];
/* kernel: segments */
bool exists[S+1], removed[S+1];
byte attached[S+1];                 /* mask of processes */
byte keyed;                         /* segment that stands on the directory's key */
/* the file's record */
byte record; bool intent;
/* the segments' memory */
byte state[S+1];
byte entry0[S+1], entry1[S+1];      /* identity: occupancy */
byte slot0[S+1], slot1[S+1];        /* what the occupant holds: its occupancy + generation */
/* the model's knowledge */
byte made;                          /* segments made so far */
byte kills = KILLS, rms = IPCRM;
byte member_of[P], entry_of[P], ident_of[P];   /* live members */
byte inside;                        /* creators and adopters at work */
bool killed_any;
#if defined(IMPATIENT) || defined(GIVES_UP)
#define may_stay true
#else
#define may_stay false
#endif
byte born;
byte done;

bit M1, M2, M3, M4, M5, M6, M7;
#define CHECK(m, c) assert((c) || m)

#define ME (1 << me)
#define SELF (me + 1)
#define GET(a, s, i) ((i) == 0 -> a##0[s] : a##1[s])
#define SET(a, s, i, v) if :: (i) == 0 -> a##0[s] = v :: else -> a##1[s] = v fi
#if E == 1
#define ANY_W (w[0] != 0)
#else
#define ANY_W (w[0] != 0 || w[1] != 0)
#endif

#ifdef M_IDENTITY_IS_PID
#define NEW_IDENTITY SELF
#else
#define NEW_IDENTITY (born + P + 1)
#endif

#define LOCALS byte s, i, x, k, old, own

inline drop_mapping(g) {
    attached[g] = attached[g] & ~ME;
    if :: removed[g] && attached[g] == 0 -> exists[g] = false :: else fi
}

inline bury() {
    d_step {
        kills--; killed_any = true;
#ifdef DYING
        if :: w0 == SELF -> w0 = GHOST :: else fi;
#else
        if :: w0 == SELF -> w0 = 0 :: else fi;
#endif
        r0 = r0 & ~ME;
        k = 0;
        do
        :: k < E ->
#ifdef DYING
            if :: w[k] == SELF -> w[k] = GHOST :: else fi;
#else
            if :: w[k] == SELF -> w[k] = 0 :: else fi;
#endif
            r[k] = r[k] & ~ME;
            k++
        :: else -> break
        od;
        k = 1;
        do :: k <= S -> if :: attached[k] & ME -> drop_mapping(k) :: else fi; k++ :: else -> break od;
        member_of[me] = 0; entry_of[me] = 0; ident_of[me] = 0;
        inside = inside & ~ME;
        s = 0; i = 0; x = 0; k = 0; old = 0; own = 0
    }
}
/* That a killed process comes back as another is what its number is used again for. */
#define KILLED atomic { kills > 0 -> bury(); goto start }
#define STEP(...) if :: KILLED :: atomic { true -> __VA_ARGS__ } fi

/* live members in another segment than g */
inline check_alone(g) {
    k = 0;
    do
    :: k < P ->
        CHECK(M1, member_of[k] == 0 || member_of[k] == g);
        k++
    :: else -> break
    od;
    k = 0
}

/* Is occupancy x of entry i of segment g a live member's? */
inline check_dead(g, ii, xx) {
    k = 0;
    do
    :: k < P -> CHECK(M2, !(member_of[k] == g && entry_of[k] == ii && ident_of[k] == xx)); k++
    :: else -> break
    od;
    k = 0
}
/* and what a recoverer frees is nobody's who lives */
inline check_slot_dead(g, ii) {
    k = 0;
    do
    :: k < P -> CHECK(M2, !(member_of[k] == g && entry_of[k] == ii && GET(slot, g, ii) != 0)); k++
    :: else -> break
    od;
    k = 0
}

/* The dead one's traces: slots first, each by CAS after looking at the entry again. */
inline recover_entry(g) {
    STEP(old = GET(slot, g, i));
    STEP(
        if
        :: GET(entry, g, i) != x -> old = 0
        :: else
        fi);
    if
    :: old != 0 ->
        STEP(
            if
            :: GET(slot, g, i) == old -> check_slot_dead(g, i); SET(slot, g, i, 0)
            :: else
            fi)
    :: else
    fi;
    STEP(if :: GET(entry, g, i) == x -> check_dead(g, i, x); SET(entry, g, i, 0) :: else fi);
    old = 0
}

/* A process of that identity runs.  (A pid may be another's by now: M_IDENTITY_IS_PID.) */
#if P == 2
#define lives(x) (ident_of[0] == x || ident_of[1] == x)
#else
#define lives(x) (ident_of[0] == x || ident_of[1] == x || ident_of[2] == x)
#endif

/* A member of s looks whether entry i is a dead one's; uses k = nothing. */
inline reap() {
#ifdef M_PROOF_BY_TEST
    if
    :: i != entry_of[me] ->
        STEP(if :: w[i] == 0 -> x = 1 :: else -> x = 0 fi);
        if
        :: x != 0 ->
            STEP(x = GET(entry, s, i); if :: x != 0 -> check_dead(s, i, x) :: else fi);
            if :: x != 0 -> recover_entry(s) :: else fi
        :: else
        fi
    :: else
    fi;
#else
    /* the proof: to have the byte, read-locked */
    if
    :: i != entry_of[me] ->
        STEP(if :: w[i] == 0 -> r[i] = r[i] | ME; x = 1 :: else -> x = 0 fi);
#ifdef DYING
        if
        :: x == 0 ->
            /* runs_no_more(): the identity, the look at its process, the identity again */
            STEP(x = GET(entry, s, i));
            if
            :: x != 0 ->
                STEP(if :: lives(x) -> x = 0 :: else fi);
#ifndef M_IDENTITY_NOT_READ_AGAIN
                if
                :: x != 0 -> STEP(if :: GET(entry, s, i) != x -> x = 0 :: else fi)
                :: else
                fi;
#endif
                if :: x != 0 -> recover_entry(s) :: else fi
            :: else
            fi;
            x = 0
        :: else
        fi;
#endif
        if
        :: x != 0 ->
            STEP(x = GET(entry, s, i); if :: x != 0 -> check_dead(s, i, x) :: else fi);
            if :: x != 0 -> recover_entry(s) :: else fi;
            STEP(r[i] = r[i] & ~ME)
        :: else
        fi
    :: else
    fi;
#endif
    x = 0
}

/* Takes an entry of segment s: i, or E if there is none.  Byte first. */
inline enter() {
    i = 0;
    do
    :: i < E ->
#ifdef M_IDENTITY_FIRST
        STEP(x = GET(entry, s, i));
        if
        :: x == 0 ->
            STEP(if :: GET(entry, s, i) == 0 -> x = NEW_IDENTITY; SET(entry, s, i, x) :: else -> x = 0 fi);
            if
            :: x != 0 ->
                STEP(if :: w[i] == 0 && (r[i] & ~ME) == 0 -> w[i] = SELF :: else fi;
                     born++; member_of[me] = s; entry_of[me] = i; ident_of[me] = x; x = 0);
                break
            :: else -> i++
            fi
        :: else -> x = 0; i++
        fi
#else
        STEP(x = 0; if :: w[i] == 0 && (r[i] & ~ME) == 0 -> w[i] = SELF; x = 1 :: else fi);
        if
        :: x == 0 -> i++
        :: else ->
            STEP(x = GET(entry, s, i));
            if
            :: x != 0 -> /* its byte is ours: it is dead */
                atomic { check_dead(s, i, x) };
                recover_entry(s)
            :: else
            fi;
            STEP(
                CHECK(M3, GET(entry, s, i) == 0);
                x = NEW_IDENTITY; SET(entry, s, i, x);
                born++;
                member_of[me] = s; entry_of[me] = i; ident_of[me] = x; x = 0;
                check_alone(s);
#ifdef NOM4
                skip);
#else
                CHECK(M4, record == s));
#endif
            break
        fi
#endif
    :: else -> break
    od
}

inline unlock0() {
    STEP(if :: w0 == SELF -> w0 = 0 :: else fi; r0 = r0 & ~ME; inside = inside & ~ME)
}

inline lock0x() {
    if
    :: KILLED
    :: atomic { w0 == 0 && r0 == 0 -> w0 = SELF }
    fi
}
inline lock0s() {
    if
    :: KILLED
    :: atomic { w0 == 0 -> r0 = r0 | ME }
    fi
}

/* shmctl(IPC_RMID) */
inline rmid(g) {
    if
    :: exists[g] && !removed[g] ->
        removed[g] = true;
        if :: attached[g] == 0 -> exists[g] = false :: else fi;
        if :: keyed == g -> keyed = 0 :: else fi
    :: else
    fi
}

/* Under byte 0, nobody is in: makes a segment and enters it; s. */
inline make() {
    /* what a creator killed half-way left on the key, and the orphan */
#ifndef M_NO_INTENT
    STEP(if :: intent && keyed != 0 -> s = keyed; rmid(s) :: else fi);
#endif
    STEP(s = record; if :: s != 0 -> rmid(s) :: else fi);
    STEP(record = 0; intent = true);
    STEP(
        made++; CHECK(M5, made <= S);
        exists[made] = true; keyed = made; s = made);
    STEP(attached[s] = attached[s] | ME; state[s] = NEW);
    /* the record, before anybody may believe that the directory has no segment */
    STEP(record = s; intent = false);
#ifdef M_BYTE0_BACK_BEFORE_OWN_BYTE
    unlock0();
#endif
    enter();
#ifndef M_BYTE0_BACK_BEFORE_OWN_BYTE
    unlock0();
#endif
    /* initializes, and publishes */
    STEP(SET(slot, s, entry_of[me], ident_of[me]));
    STEP(state[s] = READY)
}

proctype process(byte me)
{
    LOCALS;
    byte rounds = ROUNDS;
    bool gives_up;

start:
    do
    :: atomic { rounds > 0 -> rounds--; i = 0; x = 0; s = 0; old = 0; gives_up = false;
        if
        :: CALLS & 1 -> goto create
        :: CALLS & 2 -> goto attach
        :: CALLS & 4 -> goto open
        fi }
    :: atomic { rounds == 0 || rounds > 0 -> goto ended }
    od;

create:
    lock0x();
#ifdef M_CREATE_ASKS_THE_SEGMENT
    STEP(if :: keyed != 0 && attached[keyed] != 0 -> x = 1 :: else -> x = 0 fi);
#else
    STEP(x = (ANY_W -> 1 : 0));
#endif
    if
    :: x != 0 -> x = 0; unlock0(); goto start /* SegmentInUse */
    :: else
    fi;
    atomic { inside = inside | ME; CHECK(M5, inside == ME) };
making:
    make();
    goto member;

open:
    lock0x();
    STEP(x = (ANY_W -> 1 : 0); s = record);
    if
    :: x != 0 -> /* live */
        x = 0;
        if :: s == 0 -> unlock0(); goto start :: else fi;
        goto enter_live
    :: else
    fi;
    atomic { inside = inside | ME; CHECK(M5, inside == ME) };
    if :: s == 0 -> goto making :: else fi;
    /* an orphan? */
    STEP(if :: exists[s] -> attached[s] = attached[s] | ME; x = 1 :: else -> x = 0 fi);
    if :: x == 0 -> goto making :: else -> x = 0 fi;
#ifndef M_ADOPTS_UNREADY
    STEP(x = state[s]);
    if
    :: x == NEW || x == 0 -> /* never published: replaced */
        STEP(x = 0; drop_mapping(s));
        goto making
    :: else -> x = 0
    fi;
#else
    STEP(CHECK(M7, state[s] != NEW));
#endif
    /* adopts: all are dead */
    STEP(state[s] = ADOPTING);
#ifdef M_BYTE0_BACK_BEFORE_OWN_BYTE
    unlock0();
#endif
    i = 0;
    do
    :: i < E ->
        STEP(x = GET(entry, s, i));
        if
        :: x != 0 -> atomic { check_dead(s, i, x) }; recover_entry(s)
        :: else
        fi;
        i++
    :: else -> break
    od;
    enter();
    STEP(CHECK(M5, (inside & ~ME) == 0));
    unlock0();
    STEP(SET(slot, s, entry_of[me], ident_of[me]));
    /* its subsystems adopt; then it publishes */
#ifdef GIVES_UP
    STEP(if :: state[s] = READY :: gives_up = true fi);
#else
    STEP(state[s] = READY);
#endif
    goto member;

attach:
#ifdef M_ATTACH_WITHOUT_BYTE0
    skip;
#else
    lock0s();
#endif
    STEP(s = record; x = (ANY_W -> 1 : 0));
    if
    :: s == 0 || x == 0 -> x = 0; unlock0(); goto start /* none, or an orphan: refused */
    :: else -> x = 0
    fi;
enter_live:
    STEP(if :: exists[s] -> attached[s] = attached[s] | ME; x = 1 :: else -> x = 0 fi);
    if :: x == 0 -> unlock0(); goto start :: else -> x = 0 fi;
    STEP(x = state[s]);
    if
    :: x != READY -> STEP(x = 0; drop_mapping(s)); unlock0(); goto start /* not ready: try again */
    :: else -> x = 0
    fi;
    enter();
    if
    :: i == E -> STEP(drop_mapping(s)); unlock0(); goto start /* all entries are taken */
    :: else
    fi;
    unlock0();
    STEP(SET(slot, s, entry_of[me], ident_of[me]));

member:
#ifdef REAP
    /* looks after one other, or not */
    if
    :: i = 0
#if E > 1
    :: i = 1
#endif
    :: i = E
    fi;
    if :: i < E -> reap() :: else fi;
#endif
    /* leaves: byte 0, backends, the identity, the byte */
#ifdef IMPATIENT
    if
    :: lock0x()
    :: skip
    fi;
#else
#ifndef M_LEAVES_WITHOUT_BYTE0
    lock0x();
#endif
#endif
    STEP(i = entry_of[me]; CHECK(M2, GET(slot, s, i) == ident_of[me] && GET(entry, s, i) == ident_of[me]);
         SET(slot, s, i, 0));
#ifdef M_UNLOCKS_FIRST
    STEP(w[i] = 0);
    STEP(CHECK(M2, GET(entry, s, i) == ident_of[me]); SET(entry, s, i, 0);
         member_of[me] = 0; entry_of[me] = 0; ident_of[me] = 0);
#else
    STEP(CHECK(M2, GET(entry, s, i) == ident_of[me]); SET(entry, s, i, 0);
         member_of[me] = 0; entry_of[me] = 0; ident_of[me] = 0);
    STEP(CHECK(M2, w[i] == SELF); w[i] = 0);
#endif
    STEP(drop_mapping(s));
    /* remove_if_last(): if the record still names what it was in, and it is not being adopted */
#ifdef M_LEAVES_WITHOUT_BYTE0
    STEP(x = (ANY_W -> 1 : 0));
#else
    if
    :: w0 == SELF -> STEP(x = (ANY_W -> 1 : 0))
    :: else -> x = 1
    fi;
#endif
#ifndef M_DELETES_WHAT_IS_BEING_ADOPTED
    if :: gives_up -> x = 1 :: else fi;
#endif
    if
#ifdef M_DELETES_WHAT_THE_RECORD_NAMES
    :: x == 0 ->
        own = s;
        STEP(s = record);
        if
        :: s != 0 ->
            STEP(CHECK(M7, s == own); rmid(s));
            STEP(record = 0)
        :: else
        fi
#else
    :: x == 0 && record == s ->
        CHECK(M7, !gives_up);
#ifdef M_RECORD_OFF_FIRST
        STEP(record = 0);
        STEP(rmid(s))
#else
        STEP(rmid(s));
        STEP(if :: record == s -> record = 0 :: else fi)
#endif
#endif
    :: else
    fi;
    gives_up = false;
    x = 0; s = 0;
    unlock0();
    goto start;
ended:
    done++
}

proctype ipcrm()
{
    byte n;
end_ipcrm:
    do
    :: atomic { rms > 0 && record != 0 && exists[record] && !removed[record] -> rms--; n = record; rmid(n); n = 0 }
    od
}

#ifdef DYING
proctype kernel()
{
    byte n;
end_kernel:
    do
    :: atomic { w0 == GHOST -> w0 = 0 }
    :: atomic { w[0] == GHOST -> w[0] = 0 }
#if E > 1
    :: atomic { w[1] == GHOST -> w[1] = 0 }
#endif
    od
}
#endif

init {
    byte n;
    atomic {
        for (n : 0 .. P - 1) { run process(n) }
#if IPCRM > 0
        run ipcrm();
#endif
#ifdef DYING
        run kernel()
#else
        skip
#endif
    }
    atomic {
        timeout ->
        CHECK(M6, done == P);
        CHECK(M6, w0 == 0 && r0 == 0);
        for (n : 0 .. E - 1) { CHECK(M6, w[n] == 0 && r[n] == 0) }
        /* a segment that stays is named by the record or found by the key, and there was a death */
        for (n : 1 .. S) {
            CHECK(M6, !exists[n] || (killed_any || may_stay) && (n == record || intent && keyed == n))
        }
    }
}
