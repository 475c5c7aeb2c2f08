/*
 * backend_slot.pml - process entries (process_entry.c) and backend slots (backend.c):
 * claimed, given back, and recovered from the dead (recover.c) by several helpers at once.
 *
 * P processes attach, join, hold something, leave and detach, over and over; any may be
 * killed at any step, recovery included, and a fresh process with an identity of its
 * own starts in its place.  Recovery of what the dead one held is one step here
 * (lock_end_record()); lwlock.pml has it in full.
 *
 *   P       processes        ENTRIES  process entries      SLOTS  backend slots
 *   KILLS   how many are killed      ROUNDS  how often each process attaches
 *
 * Invariants: B1 entries and slots of a living process are its own; B2 what is claimed is
 * clean; B3 nothing is lost: once all is quiet, a helper finds everything of the dead.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef P
#define P 3
#endif
#ifndef ENTRIES
#define ENTRIES 2
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif

/* ---- shared memory ---- */

byte entry[ENTRIES];                     /* identity, 0: free */
#define FREE   0
#define JOINED 1
#define DEAD   2
#define SLOT(state, process, g) ((state) | (process) << 2 | (g) << 4)
#define STATE(s)      ((s) & 3)
#define PROCESS(s)    ((s) >> 2 & 3)
#define GENERATION(s) ((s) >> 4)
byte slot[SLOTS];                        /* identity word: state, process entry, generation */
byte record[SLOTS];                      /* generation + 1 of who holds something, or 0 */

/* ---- what the model knows ---- */

byte born = P;
bool dead[P + KILLS + 1];
byte entry_of[ENTRIES];                  /* identity of the live process that has it, or 0 */
byte slot_of[SLOTS];
byte kills = KILLS;

bit B1, B2, B3;
#define CHECK(invariant, condition) assert((condition) || invariant)

#ifdef M_EXEC_KEEPS_IDENTITY
/* A process that runs another program has the segment no more, and is as good as dead; if
   that attaches in its turn, it does so under the same pid and start time. */
bool unmapped[P + KILLS + 1];
byte execs = 1;
#define EXECED \
    :: atomic { \
        execs > 0 && my_entry != NONE -> \
        execs--; unmapped[self] = true; \
        entry_of[my_entry] = 0; \
        if :: my_slot != NONE -> slot_of[my_slot] = 0 :: else fi; \
        my_entry = NONE; my_slot = NONE; e = 0; s = 0; who = 0; seen = 0; \
        goto start \
    }
#define MAP unmapped[self] = false
#define IS_DEAD(identity) (identity != 0 && (dead[identity] || unmapped[identity]))
#else
#define EXECED
#define MAP skip
#define IS_DEAD(identity) (identity != 0 && dead[identity])
#endif

#define KILLED \
    atomic { \
        kills > 0 -> \
        kills--; dead[self] = true; born++; \
        if :: my_entry != NONE -> entry_of[my_entry] = 0 :: else fi; \
        if :: my_slot != NONE -> slot_of[my_slot] = 0 :: else fi; \
        self = born; my_entry = NONE; my_slot = NONE; \
        e = 0; s = 0; who = 0; seen = 0; \
        goto start \
    }
#define STEP(...) if :: KILLED EXECED :: atomic { true -> __VA_ARGS__ } fi
#define NONE 7

#ifdef M_GENERATION_STAYS
#define NEXT(g) (g)
#else
#define NEXT(g) (((g) + 1) & 15)
#endif

/* recover_slot(), of every slot of entry e, which the dead process `who` has, one after another:
   recover_process().  Then the entry itself. */
inline recover_process() {
    s = 0;
#ifdef M_ENTRY_FREED_FIRST
    STEP(if :: entry[e] == who -> entry[e] = 0 :: else fi);
#endif
    do
    :: s < SLOTS ->
#ifdef M_ENTRY_LOOKED_AT_FIRST
        STEP(if :: entry[e] != who -> goto entry_done :: else fi);
#endif
        STEP(
            seen = slot[s];
            if
            :: STATE(seen) == FREE || PROCESS(seen) != e -> goto next_slot
            :: else
            fi);
#if !defined(M_ENTRY_NOT_LOOKED_AT) && !defined(M_ENTRY_LOOKED_AT_FIRST)
        STEP(if :: entry[e] != who -> goto entry_done :: else fi);
#endif
        STEP(
            if
            :: STATE(seen) == JOINED && slot[s] == seen ->
                CHECK(B1, slot_of[s] == 0);
                slot[s] = SLOT(DEAD, e, GENERATION(seen));
                seen = slot[s]
            :: STATE(seen) == JOINED && slot[s] != seen ->
                /* Another helper marked it; but it may have died since. */
#ifdef M_LOST_RACE_COUNTS_AS_DONE
                goto next_slot
#else
                seen = SLOT(DEAD, e, GENERATION(seen));
                if
                :: slot[s] == seen
                :: else -> goto next_slot
                fi
#endif
            :: STATE(seen) != JOINED
            fi);
        /* lock_end_record(): a record carries its generation. */
#ifndef M_RECORD_STAYS
        STEP(
            if
            :: record[s] == GENERATION(seen) + 1 -> CHECK(B1, slot_of[s] == 0); record[s] = 0
            :: else
            fi);
#endif
        /* backend_slot_free() */
        STEP(
            if
            :: slot[s] == seen ->
                CHECK(B1, slot_of[s] == 0);
                slot[s] = SLOT(FREE, 0, NEXT(GENERATION(seen)))
            :: else
            fi);
next_slot:
        s++
    :: else -> break
    od;
    STEP(
        if
#ifdef M_ENTRY_FREED_WITHOUT_CAS
        :: true -> CHECK(B1, entry_of[e] == 0); entry[e] = 0
#else
        :: entry[e] == who -> CHECK(B1, entry_of[e] == 0); entry[e] = 0
        :: else
#endif
        fi);
entry_done:
    s = 0; seen = 0; who = 0
}

proctype process(byte me)
{
    byte self = me + 1;
    byte my_entry = NONE, my_slot = NONE;
    byte e, s, who, seen, rounds;

start:
    if
    :: rounds == ROUNDS -> goto finished
    :: rounds < ROUNDS -> rounds++
    fi;

    /* -- process_enter(): claim(), else recover_all() and again -- */
    STEP(MAP);
    do
    :: KILLED
    :: atomic { e < ENTRIES && entry[e] == 0 ->
            CHECK(B1, entry_of[e] == 0);
            entry[e] = self; entry_of[e] = self; my_entry = e; e = 0;
            break
       }
    :: atomic { e < ENTRIES && entry[e] != 0 -> e++ }
    :: e >= ENTRIES -> break
    od;
    if
    :: my_entry == NONE -> e = 0; goto reclaim
    :: my_entry != NONE
    fi;

    /* -- lwshm_backend_join(): claim(), else recover_all() and again -- */
join:
    s = 0;
    do
    :: KILLED
    :: atomic { s < SLOTS && STATE(slot[s]) == FREE -> seen = slot[s] }
       STEP(
            if
            :: slot[s] == seen ->
                CHECK(B1, slot_of[s] == 0);
                CHECK(B2, record[s] == 0);
                slot[s] = SLOT(JOINED, my_entry, GENERATION(seen));
                slot_of[s] = self; my_slot = s
            :: else
            fi);
       if
       :: my_slot != NONE -> break
       :: my_slot == NONE -> s++
       fi
    :: atomic { s < SLOTS && STATE(slot[s]) != FREE -> s++ }
    :: s >= SLOTS -> break
    od;
    s = 0; seen = 0;
    if
    :: my_slot == NONE -> goto reclaim
    :: my_slot != NONE
    fi;

    /* -- holds something, and no more -- */
    STEP(record[my_slot] = GENERATION(slot[my_slot]) + 1);
    STEP(CHECK(B1, record[my_slot] != 0); record[my_slot] = 0);

    /* -- lwshm_backend_leave(), process_leave() -- */
    STEP(
        CHECK(B1, STATE(slot[my_slot]) == JOINED && PROCESS(slot[my_slot]) == my_entry);
        slot[my_slot] = SLOT(FREE, 0, NEXT(GENERATION(slot[my_slot])));
        slot_of[my_slot] = 0; my_slot = NONE);
leave:
    STEP(
        CHECK(B1, entry[my_entry] == self);
        entry[my_entry] = 0; entry_of[my_entry] = 0; my_entry = NONE);
    goto start;

    /* -- recover_all(); afterwards who found no room gives up: LWSHM_E_LIMIT -- */
reclaim:
    e = 0;
    do
    :: e < ENTRIES ->
        STEP(
            who = entry[e];
            if
            :: IS_DEAD(who)
            :: else -> who = 0; goto next_entry
            fi);
        recover_process();
next_entry:
        e++
    :: else -> break
    od;
    e = 0;
    if
    :: my_entry != NONE -> goto leave
    :: my_entry == NONE -> goto start
    fi;

finished:
    skip
}

/* Once all is quiet, one helper more, which nobody kills, must find everything. */
proctype last_helper()
{
    byte self, my_entry = NONE, my_slot = NONE, e, s, who, seen;
start:
    do
    :: e < ENTRIES ->
        who = entry[e];
        if
        :: IS_DEAD(who) -> recover_process()
        :: else
        fi;
        e++
    :: else -> break
    od;
    for (s : 0 .. SLOTS - 1) {
        CHECK(B3, STATE(slot[s]) == FREE && record[s] == 0)
    }
    for (e : 0 .. ENTRIES - 1) {
        CHECK(B3, entry[e] == 0)
    }
}

init {
    byte i;
    atomic {
        for (i : 0 .. P - 1) {
            run process(i)
        }
    }
    atomic { timeout -> kills = 0; run last_helper() }
}
