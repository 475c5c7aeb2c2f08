/*
 * backend_slot.pml - process entries (process_entry.c) and backend slots (backend.c):
 * claimed, given back, and reclaimed from the dead by several helpers at once.
 *
 * P processes attach, join, hold something, leave and detach, over and over; any may be
 * killed at any step, reclaiming included, and a fresh process with an identity of its
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
bool record[SLOTS];                      /* holds something */

/* ---- what the model knows ---- */

byte born = P;
bool dead[P + KILLS + 1];
byte entry_of[ENTRIES];                  /* identity of the live process that has it, or 0 */
byte slot_of[SLOTS];
byte kills = KILLS;

bit B1, B2, B3;
#define CHECK(invariant, condition) assert((condition) || invariant)

#define KILLED \
    atomic { \
        kills > 0 -> \
        kills--; dead[self] = true; born++; \
        if :: my_entry != NONE -> entry_of[my_entry] = 0 :: else fi; \
        if :: my_slot != NONE -> slot_of[my_slot] = 0 :: else fi; \
        self = born; my_entry = NONE; my_slot = NONE; \
        e = 0; s = 0; who = 0; seen = 0; all = false; \
        goto start \
    }
#define STEP(...) if :: KILLED :: atomic { true -> __VA_ARGS__ } fi
#define NONE 7

#ifdef M_GENERATION_STAYS
#define NEXT(g) (g)
#else
#define NEXT(g) (((g) + 1) & 15)
#endif

/* backend_slots_reclaim(): slots of entry e, which a dead process `who` has.  An entry's
   slots are all looked at, one after another. */
inline reclaim_slots() {
    all = true;
    s = 0;
    do
    :: s < SLOTS ->
look_again:
#ifdef M_ENTRY_LOOKED_AT_FIRST
        STEP(if :: entry[e] != who -> all = false; goto entry_done :: else fi);
#endif
        STEP(
            seen = slot[s];
            if
            :: STATE(seen) == FREE || PROCESS(seen) != e -> goto next_slot
            :: else
            fi);
#if !defined(M_ENTRY_NOT_LOOKED_AT) && !defined(M_ENTRY_LOOKED_AT_FIRST)
        STEP(if :: entry[e] != who -> all = false; goto entry_done :: else fi);
#endif
        STEP(
            if
            :: STATE(seen) == JOINED && slot[s] == seen ->
                CHECK(B1, slot_of[s] == 0);
                slot[s] = SLOT(DEAD, e, GENERATION(seen));
                seen = slot[s]
            :: STATE(seen) == JOINED && slot[s] != seen ->
                /* Another helper may have marked it, and may die before it frees it. */
#ifdef M_LOST_RACE_COUNTS_AS_DONE
                goto next_slot
#else
                goto look_again
#endif
            :: STATE(seen) != JOINED
            fi);
        /* Recovery, as it will be: only of the generation that is known to be dead. */
        STEP(if :: slot[s] == seen -> record[s] = false :: else fi);
        /* holds_nothing() */
#ifndef M_RECORD_NOT_LOOKED_AT
        STEP(if :: record[s] -> all = false; goto next_slot :: else fi);
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
    od
}

proctype process(byte me)
{
    byte self = me + 1;
    byte my_entry = NONE, my_slot = NONE;
    byte e, s, who, seen, rounds;
    bool all;

start:
    if
    :: rounds == ROUNDS -> goto finished
    :: rounds < ROUNDS -> rounds++
    fi;

    /* -- process_enter(): claim(), else reclaim and again -- */
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

    /* -- lwshm_backend_join(): claim(), else reclaim and again -- */
join:
    s = 0;
    do
    :: KILLED
    :: atomic { s < SLOTS && STATE(slot[s]) == FREE -> seen = slot[s] }
       STEP(
            if
            :: slot[s] == seen ->
                CHECK(B1, slot_of[s] == 0);
                CHECK(B2, !record[s]);
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
    STEP(record[my_slot] = true);
    STEP(CHECK(B1, record[my_slot]); record[my_slot] = false);

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

    /* -- processes_reclaim(); afterwards who found no room gives up: LWSHM_E_LIMIT -- */
reclaim:
    e = 0;
    do
    :: e < ENTRIES ->
        STEP(
            who = entry[e];
            if
            :: who == 0 || !dead[who] -> goto next_entry
            :: else
            fi);
#ifdef M_ENTRY_FREED_FIRST
        STEP(if :: entry[e] == who -> entry[e] = 0 :: else fi);
#endif
        reclaim_slots();
entry_done:
        if
        :: all ->
            STEP(
                if
#ifdef M_ENTRY_FREED_WITHOUT_CAS
                :: true -> CHECK(B1, entry_of[e] == 0); entry[e] = 0
#else
                :: entry[e] == who -> CHECK(B1, entry_of[e] == 0); entry[e] = 0
                :: else
#endif
                fi)
        :: !all
        fi;
next_entry:
        all = false; seen = 0; s = 0; who = 0;
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
    bool all;
start:
    do
    :: e < ENTRIES ->
        who = entry[e];
        if
        :: who != 0 && dead[who] -> reclaim_slots(); entry[e] = 0
        :: else
        fi;
entry_done:
        e++
    :: else -> break
    od;
    for (s : 0 .. SLOTS - 1) {
        CHECK(B3, STATE(slot[s]) == FREE && !record[s])
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
