/*
 * allocator.pml - the allocator word (allocator.c) and what is published under it
 * (make() in shmem.c, and in tranche.c, which does the same).
 *
 * P processes ask for a struct each, by name; any may be killed at any step, and a fresh
 * process with an identity of its own starts in its place.  A reader looks into the
 * index all the time, without the word.
 *
 *   P      processes          KILLS  how many are killed
 *   NAMES  different names asked for
 *   EXEC   how often a process calls exec: it lives on under the same identity, without
 *          what it was about to do, attaches anew, and asks again
 *
 * Invariants: A1 one live process at a time has the right; A2 what counts in the index is
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
#ifndef EXEC
#define EXEC 0
#endif
#define ENTRIES (NAMES + KILLS)

/* ---- shared memory ---- */

byte allocator;              /* identity of the process that has the right, or 0 */
byte free_offset;
byte struct_count;
byte name[ENTRIES], offset[ENTRIES];   /* 0: not written; names and offsets count from 1 */

/* ---- what the model knows ---- */

byte inside;                 /* mask of live processes that have the right */
byte done;                   /* mask of processes that have their struct */
byte born = P;               /* identities given so far: 1 … born */
byte dead[P + KILLS + 1];    /* by identity; the kernel knows */
byte kills = KILLS, execs = EXEC;

/* os_process_is_dead() */
#if defined(M_TAKEN_FROM_THE_LIVING)
#define IS_DEAD(identity) true
#elif defined(M_EXEC_IS_DEATH)
bool unmapped[P + KILLS + 1];
#define IS_DEAD(identity) (dead[identity] || unmapped[identity])
#else
#define IS_DEAD(identity) dead[identity]
#endif
#ifdef M_EXEC_IS_DEATH
#define MAP(how) unmapped[self] = !(how)
#else
#define MAP(how) skip
#endif

bit A1, A2, A3, A4, A5;
#define CHECK(invariant, condition) assert((condition) || invariant)

#define ME (1 << me)

/* A fresh process starts over; one that has called exec does so under its old name. */
#define KILLED \
    atomic { \
        kills > 0 -> \
        kills--; inside = inside & ~ME; dead[self] = true; born++; self = born; \
        i = 0; count = 0; at = 0; owner = 0; \
        goto start \
    }
#define EXECED \
    atomic { \
        execs > 0 -> \
        execs--; inside = inside & ~ME; MAP(false); \
        i = 0; count = 0; at = 0; owner = 0; \
        goto start \
    }
#define STEP(...) if :: KILLED :: EXECED :: atomic { true -> __VA_ARGS__ } fi

inline enter() {
    CHECK(A1, inside == 0);
    inside = inside | ME
}

proctype process(byte me; byte wanted)
{
    byte self = me + 1;      /* identity */
    byte owner, i, count, at;

start:
    STEP(MAP(true));
    /* -- allocator_enter() -- */
    do
    :: KILLED
    :: EXECED
    :: atomic { allocator == 0 -> allocator = self; enter(); goto have_right }
    :: atomic { allocator == self -> enter(); goto have_right }
#ifndef M_NO_TAKE_OVER
    :: atomic { allocator != 0 && IS_DEAD(allocator) -> owner = allocator }
#ifdef M_TAKEN_OVER_WITHOUT_CAS
       STEP(allocator = self; enter(); owner = 0; goto have_right)
#else
       STEP(
            if
            :: allocator == owner -> allocator = self; owner = 0; enter(); goto have_right
            :: else -> owner = 0
            fi)
#endif
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
        CHECK(A1, inside == ME && allocator == self);
        inside = 0; allocator = 0; done = done | ME; i = 0; count = 0; at = 0)
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
            run process(i, i % NAMES + 1)
        }
        run reader();
        i = 0
    }
    atomic { timeout -> CHECK(A5, done == (1 << P) - 1); CHECK(A5, struct_count == NAMES) }
}
