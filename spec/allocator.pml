/*
 * allocator.pml - the allocator word (allocator.c) and what is published under it
 * (make() in shmem.c, and in tranche.c, which does the same).
 *
 * P members ask for a struct each, by name; any may be killed at any step, and a fresh one starts in
 * its entry.  Members are copies of the library: C of them in a row make one process and die
 * together.  A reader looks into the index all the time, without the word.
 *
 *   P      members            KILLS  how many processes are killed
 *   NAMES  different names asked for
 *   C      copies of the library in a process
 *
 * The word names an occupant: its entry, and how often that was taken.  The kernel's lock on the
 * entry's byte tells whether the occupant lives.  A process that calls exec loses that lock, so to
 * the model it has been killed.
 *
 * Invariants: A1 one live member at a time has the right; A2 what counts in the index is
 * whole; A3 areas do not overlap; A4 a name stands once; A5 nobody waits for ever.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef P
#define P 3
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef NAMES
#define NAMES 2
#endif
#ifndef C
#define C 1
#endif
#define ENTRIES (NAMES + C * KILLS)

/* ---- shared memory ---- */

byte allocator;              /* the occupant that has the right, or 0 */
byte free_offset;
byte struct_count;
byte name[ENTRIES], offset[ENTRIES];   /* 0: not written; names and offsets count from 1 */
byte identity[P];            /* of the occupant of each entry, or 0 */

/* ---- the kernel ---- */

byte locked;                 /* mask of entries whose byte is locked */
byte proofs[P];              /* by entry: how many have read-locked its byte */

/* ---- what the model knows ---- */

byte inside;                 /* mask of live members that have the right */
byte done;                   /* mask of members that have their struct */
byte killed;                 /* mask of members that are to die with their process */
byte taken[P];               /* how often each entry was taken */
byte kills = KILLS;

bit A1, A2, A3, A4, A5;
#define CHECK(invariant, condition) assert((condition) || invariant)

#define ME (1 << me)
/* The members of one process. */
#define PROCESS (((1 << C) - 1) << (me / C * C))

/* allocator_word().  Occupants of entry 0 are 1, P + 1, 2P + 1 …; those of entry 1 are 2, P + 2 …
   HAS_LEFT: the first half of is_gone(). */
#define entry_of(word) (((word) - 1) % P)
#if defined(M_WORD_NAMES_THE_PROCESS)
#define WORD (me / C * C + 1)
#define HAS_LEFT(word) ((word) == WORD)   /* taken for one's own of before */
#elif defined(M_WORD_NAMES_THE_ENTRY)
#define WORD (me + 1)
#define HAS_LEFT(word) (identity[entry_of(word)] == 0)
#else
#define WORD self
#define HAS_LEFT(word) (identity[entry_of(word)] != (word))
#endif

/* death_prove(): to have the byte, read-locked.  A member does not try its own. */
#ifdef M_TAKEN_FROM_THE_LIVING
#define IS_DEAD(entry) true
#else
#define IS_DEAD(entry) ((entry) != me && (locked & 1 << (entry)) == 0)
#endif

inline bury() {
    inside = inside & ~ME; locked = locked & ~ME; killed = killed & ~ME;
    i = 0; count = 0; at = 0; owner = 0;
    if :: proves != P -> proofs[proves]--; proves = P :: else fi
}

/* The kernel ends one thread after another; then a fresh process starts over. */
#define KILLED \
    atomic { \
        (kills > 0 && killed == 0) || (killed & ME) != 0 -> \
        if \
        :: (killed & ME) == 0 -> kills--; killed = PROCESS & ~done \
        :: else \
        fi; \
        bury(); \
        goto start \
    }
#define STEP(...) if :: KILLED :: atomic { true -> __VA_ARGS__ } fi

inline enter() {
    CHECK(A1, inside == 0);
    inside = inside | ME
}

proctype member(byte me; byte wanted)
{
    byte self;               /* occupant */
    byte owner, i, count, at;
    byte proves = P;         /* whose byte it has read-locked */

start:
    /* -- process_enter(): the byte, then the dead one's identity off, then its own -- */
    if
    :: KILLED
    :: atomic { proofs[me] == 0 -> locked = locked | ME }
    fi;
    STEP(identity[me] = 0);
    STEP(self = me + 1 + P * taken[me]; taken[me]++; identity[me] = self);

    /* -- allocator_enter() -- */
    do
    :: KILLED
    :: atomic { allocator == 0 -> allocator = WORD; enter(); goto have_right }
#ifndef M_NO_TAKE_OVER
       /* is_gone(); a look that finds nothing changes nothing, and is left out */
    :: atomic {
            allocator != 0 && (HAS_LEFT(allocator) || IS_DEAD(entry_of(allocator))) ->
            owner = allocator
       }
       STEP(i = HAS_LEFT(owner));
       if
       :: i == 0 ->
            STEP(
                if
                :: IS_DEAD(entry_of(owner)) ->
                    proves = entry_of(owner); proofs[proves]++; i = 1
                :: else
                fi);
            if
            :: proves != P -> STEP(proofs[proves]--; proves = P)
            :: else
            fi
       :: else
       fi;
       if
       :: i != 0 ->
            i = 0;
#ifdef M_TAKEN_OVER_WITHOUT_CAS
            STEP(allocator = WORD; owner = 0; enter(); goto have_right)
#else
            STEP(
                if
                :: allocator == owner -> allocator = WORD; owner = 0; enter(); goto have_right
                :: else -> owner = 0
                fi)
#endif
       :: else -> owner = 0
       fi
#endif
    od;

have_right:
    /* -- find() -- */
    STEP(count = struct_count);
    do
    :: i < count ->
        STEP(
            if
            :: name[i] == wanted -> goto have_struct
            :: else -> i++
            fi)
    :: i >= count -> break
    od;
    i = 0;

    /* -- make(), bump() -- */
#ifdef M_COUNT_FIRST
    STEP(struct_count = count + 1);
#endif
    STEP(at = free_offset);
#ifndef M_BUMP_LAST
    STEP(free_offset = at + 1);
#endif
    STEP(name[count] = 0; offset[count] = 0);
    STEP(name[count] = wanted);
    STEP(offset[count] = at + 1);
#ifndef M_COUNT_FIRST
    STEP(CHECK(A1, inside == ME); struct_count = count + 1);
#endif
#ifdef M_BUMP_LAST
    STEP(free_offset = at + 1);
#endif

have_struct:
    /* -- allocator_leave() -- */
    STEP(
        CHECK(A1, inside == ME && allocator == WORD);
        inside = 0; allocator = 0; done = done | ME; killed = killed & ~ME;
        i = 0; count = 0; at = 0)
}

/* lwshm_shmem_index_find(), lwshm_shmem_allocations(): whoever looks, at any time. */
proctype reader()
{
    byte i, j, count;
end_reader:
    do
    :: atomic { count == 0 && struct_count > 0 -> count = struct_count; i = 0 }
    :: atomic {
            count > 0 && i < count ->
            CHECK(A2, name[i] != 0 && offset[i] != 0);
            CHECK(A3, offset[i] <= free_offset);
            j = 0;
            do
            :: j < i ->
                CHECK(A3, offset[j] != offset[i]);
                CHECK(A4, name[j] != name[i]);
                j++
            :: else -> break
            od;
            j = 0;
            i++
       }
    :: atomic { count > 0 && i >= count -> count = 0; i = 0 }
    od
}

init {
    byte i;
    atomic {
        for (i : 0 .. P - 1) {
            run member(i, i % NAMES + 1)
        }
        run reader();
        i = 0
    }
    atomic { timeout -> CHECK(A5, done == (1 << P) - 1); CHECK(A5, struct_count == NAMES) }
}
