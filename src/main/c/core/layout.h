/*
 * layout.h - everything that stands in a segment, and nothing else.
 *
 * This is the one place where the layout is written down for the machine;
 * docs/memory-layout.md says the same for people, and lwshm_layout_field() for
 * tests and bindings.  Any change here changes LWSHM_ABI_VERSION.
 *
 * Only offsets are stored, in bytes from the segment's start.  Little-endian.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LAYOUT_H
#define LWSHM_CORE_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "lwshm/segment.h"
#include "lwshm/shmem.h"
#include "lwshm/tranche.h"

#define CACHE_LINE 64u
/* x86 fetches lines in pairs, so what must not share a line is kept a pair apart. */
#define CACHE_LINE_PAIR 128u

/* ---- identity: one word ----
 *
 *   bits  0..21   pid (Linux allows 2^22), as the process knows itself
 *   bits 22..63   of a process: its start time, in clock ticks since boot (/proc/<pid>/stat field 22)
 *                 of an occupant of a process entry: the entry's `occupancies` since it came, or
 *                 in a private segment the start time, too
 *
 * 0 is nobody.
 */
#define IDENTITY_PID_BITS 22

/* ---- header ---- */

#define SEGMENT_MAGIC 0x4745534d4853574cull /* "LWSHMSEG" */

enum segment_state {
    SEGMENT_CREATING = 1,
    SEGMENT_READY = 2,
    SEGMENT_DEAD = 3,    /* about to be removed */
    SEGMENT_ADOPTING = 4 /* was READY; its adopter is not done with it */
};

#define SEGMENT_HUGE_PAGES 1u /* bit of segment_header.flags */

struct segment_header {
    /* Written once by the creator, covered by the checksum. */
    uint64_t magic;
    uint32_t abi_version;
    uint32_t header_size;
    uint64_t total_size;   /* of the segment, a multiple of the page size */
    uint64_t data_dir_dev; /* 0 and 0 for a private segment */
    uint64_t data_dir_ino;
    uint64_t creator;   /* identity of a process */
    int64_t created_at; /* microseconds since 1970 */
    uint32_t generation;
    uint32_t flags;
    uint8_t boot_id[16];
    uint64_t pid_namespace; /* inodes of /proc/self/ns/pid (bits 0..31) and .../time (32..63) */
    uint32_t max_processes;
    uint32_t max_backends;
    uint32_t max_held_locks; /* a power of two */
    uint32_t max_tranches;
    uint32_t max_lwlocks;
    uint32_t max_structs;
    uint32_t max_children; /* the first so many backend slots are a postmaster's children's */
    uint32_t reserved;
    uint64_t nonce;       /* of the members file's record; these are 0 for a private segment */
    uint64_t members_dev; /* which file that is */
    uint64_t members_ino;
    uint64_t area_bytes;  /* room for areas, as asked for */
    uint64_t fingerprint; /* of what the segment is made for: the options' description */
    uint64_t region[LWSHM_REGION_COUNT]; /* offsets; follow from the numbers above */
    uint64_t checksum;                   /* FNV-1a of all bytes before it */

    /* Changes. */
    uint32_t state;     /* enum segment_state; READY is the creator's or adopter's last store */
    uint32_t stop_mode; /* enum lwshm_stop_mode; the postmaster's to write */
    uint32_t reserved2[6];
    /* The backend slots that were ever joined are among the first joined_slots.  A joiner raises
       it before its join can be seen; it never falls. */
    uint32_t joined_slots;
    uint32_t reserved4[15];
    uint64_t allocator;   /* 0, or the occupant that is allocating: bits 0..15 its entry + 1, 16..57
                               bits 22..63 of its identity */
    uint64_t free_offset; /* first byte that belongs to no area */
    uint32_t struct_count;  /* entries of the index that count; stored after the entry */
    uint32_t tranche_count; /* likewise */
    uint32_t reserved3[10];
};
static_assert(offsetof(struct segment_header, boot_id) == 64, "second line");
static_assert(offsetof(struct segment_header, region) == 160, "regions");
static_assert(offsetof(struct segment_header, checksum) == 216, "checksum");
static_assert(offsetof(struct segment_header, state) == 224, "state");
static_assert(offsetof(struct segment_header, stop_mode) == 228, "stop mode");
static_assert(offsetof(struct segment_header, joined_slots) == 256, "a line that rarely changes");
static_assert(offsetof(struct segment_header, allocator) == 320, "allocator");
static_assert(sizeof(struct segment_header) == 384, "header");

/* ---- process entry ---- */

/*
 * In a directory's segment only the process that has write-locked the entry's byte of the members
 * file changes the entry, but for whoever recovers it: that one sets the identity to 0.  The other
 * words are written before the identity, so they belong to it if it is the same before and after
 * they are read.  In a private segment the entry is claimed by a CAS of the identity from 0.
 */
struct process_entry {
    uint64_t identity;    /* 0: free */
    int64_t attached_at;  /* microseconds since 1970 */
    uint64_t process;     /* identity of the process, in its own namespaces */
    uint64_t namespaces;  /* its PID namespace (bits 0..31) and time namespace (32..63) */
    uint64_t occupancies; /* how often the entry was taken */
    uint64_t reserved[3];
};
static_assert(sizeof(struct process_entry) == CACHE_LINE, "one line a process");

/* ---- backend slot ----
 *
 * Its size is backend_slot_size(): this head, the records, then the counters.
 *
 * identity word:
 *   bits  0..7    enum backend_state
 *   bits  8..23   process entry
 *   bits 24..47   generation: how often the slot was given back
 * Invariants: FREE means that all records are 0.  Only JOINED -> FREE and DEAD -> FREE
 * raise the generation.
 *
 * record:
 *   bits  0..1    enum record_kind; the whole word is 0 if the record is free
 *   bits  2..38   lock offset / 64
 *   bit  39       0
 *   bits 40..63   generation of the backend
 * Invariant: a lock has at most one record in a slot.  It stands at the lock's
 * preferred index, (offset / 64) mod max_held_locks, or, if another lock's record
 * stood there, at any index while `spilled` counts it.
 *
 * spilled word:
 *   bits  0..31   how many records do not stand at their preferred index
 *   bits 32..55   generation of the backend that counts
 * Only the backend of that generation changes it, so a late count of a former backend's
 * does not reach the next one's.
 *
 * child word, in slots 0 .. max_children - 1, 0 in others:
 *   bits  0..1    enum lwshm_child_state
 *   bits 32..63   launch
 * It is a dead-man switch: only the child itself moves it from ACTIVE to LEFT, when it is
 * inside no lock, and who recovers a dead one's slot does not touch it.  So a child that has
 * ended and is still ACTIVE has crashed.
 */
enum backend_state {
    BACKEND_FREE = 0,
    BACKEND_JOINED = 1,
    BACKEND_DEAD = 2
};

enum record_kind {
    RECORD_N = 1,  /* wants it exclusive, waits, or owes a wake-up: no shared hold */
    RECORD_S = 2,  /* holds it shared, or is trying to */
    RECORD_XIN = 3 /* is inside, exclusively */
};

#define CHILD_STATE_MASK 3ull
#define CHILD_LAUNCH_SHIFT 32

#define RECORD_KIND_MASK 3ull
#define RECORD_LOCK_SHIFT 2
#define RECORD_GENERATION_SHIFT 40
#define RECORD_LOCK_MASK (((1ull << 39) - 1) & ~RECORD_KIND_MASK)
#define SPILLED_COUNT_MASK 0xffffffffull
#define SPILLED_GENERATION_SHIFT 32

struct backend_slot {
    uint64_t identity;
    uint64_t spilled;
    uint64_t wait_lock; /* offset, 0: waits for none; stored last */
    int64_t wait_since; /* CLOCK_MONOTONIC, nanoseconds */
    uint64_t child;     /* of the postmaster's that is meant to join here */
    uint32_t wait_mode; /* enum lwshm_lwlock_mode; the wait fields are read by monitors only */
    uint32_t reserved;
    uint64_t reserved2[2];
    uint64_t record[]; /* max_held_locks of them, then max_tranches tranche_counters */
};
static_assert(offsetof(struct backend_slot, child) == 32, "child word");
static_assert(offsetof(struct backend_slot, record) == CACHE_LINE, "records on lines of their own");

/* Counted by the slot's backend alone, with plain stores, and never reset: what earlier
   backends of the slot counted stays, so the sum over all slots is the sum of all. */
struct tranche_counters {
    uint64_t exclusive; /* locks of the tranche acquired in that mode */
    uint64_t shared;
    uint64_t slow_exclusive; /* of those, the ones that had to wait */
    uint64_t slow_shared;
};
static_assert(sizeof(struct tranche_counters) == 32, "counters of a tranche");

/* ---- lock ----
 *
 * word W:
 *   bits  0..15   owner's slot + 1; 0: no owner
 *   bits 16..39   owner's generation
 *   bits 40..55   starving waiter's slot + 1; 0: none
 *   bit  56       POISON  data may be half-changed: an exclusive holder died inside
 *   bit  57       XWAIT   a waiter may be parked for exclusive
 *   bit  58       SWAIT   a waiter may be parked for shared
 *   bit  59       DPARK   the owner may be parked, waiting for readers to leave
 *   bit  60       0
 *   bit  61       WAKING  a waiter for exclusive was woken and has not looked at the word since,
 *                         so a release need not wake another.  Invariant: when no backend moves,
 *                         it is off
 * readers RB: bit i: some backend of group i (slot mod 64) may hold it shared.
 */
#define LOCK_OWNER_SLOT_MASK 0xffffull
#define LOCK_OWNER_GENERATION_SHIFT 16
#define LOCK_OWNER_MASK ((1ull << 40) - 1)
#define LOCK_STARVING_SHIFT 40
#define LOCK_STARVING_MASK (0xffffull << LOCK_STARVING_SHIFT)
#define LOCK_POISON (1ull << 56)
#define LOCK_XWAIT (1ull << 57)
#define LOCK_SWAIT (1ull << 58)
#define LOCK_DPARK (1ull << 59)
#define LOCK_WAKING (1ull << 61)

struct lwlock {
    uint64_t word;
    uint64_t readers;
    uint32_t xfut; /* futex words: event counters that only go up */
    uint32_t sfut;
    uint32_t dfut;
    uint16_t tranche;
    uint16_t reserved;
    uint64_t reserved2[4];
};
#define LOCK_SIZE_BITS 6
static_assert(sizeof(struct lwlock) == LWSHM_LWLOCK_SIZE, "one line a lock");
static_assert(sizeof(struct lwlock) == 1 << LOCK_SIZE_BITS, "64 bytes");

/* ---- tranche ---- */

/* Waits by their length: the first bucket holds those under 2 microseconds, each further one
   those under twice the bound before, the last one all others. */
#define WAIT_BUCKETS 32

#define SPIN_TURNS_MASK 0xffffu
#define SPIN_PAUSES_SHIFT 16

struct tranche_entry {
    char name[LWSHM_TRANCHE_NAME_MAX + 1]; /* NUL-padded */
    uint64_t offset;                       /* of the first lock */
    uint32_t locks;
    uint32_t reserved;
    /* What follows is only touched by who has slept or recovers, so it is shared by all. */
    uint64_t wait_ns;    /* slept for its locks, in all */
    uint64_t recoveries; /* holds of the dead that were ended */
    uint64_t poisonings; /* of those, the ones that died inside */
    /* How a waiter spins before it parks; lwlock_spin.c. */
    uint32_t spin;          /* as a trial has it: turns, pauses << SPIN_PAUSES_SHIFT */
    int32_t spins_setting;  /* turns, instead of that; LWSHM_SPINS_LEARNED: none */
    int64_t next_trial;     /* CLOCK_MONOTONIC, nanoseconds: no trial begins before; a lease, too */
    uint32_t trials_agreed; /* the last result, and how many trials in a row had it: 2, or more */
    uint32_t reserved2;
    uint64_t waits[WAIT_BUCKETS];
};
static_assert(sizeof(struct tranche_entry) == 6 * CACHE_LINE, "six lines a tranche");

/* ---- index entry ---- */

struct index_entry {
    char name[LWSHM_STRUCT_NAME_MAX + 1]; /* NUL-padded */
    uint64_t offset;
    uint64_t size; /* as asked for */
};
static_assert(sizeof(struct index_entry) == CACHE_LINE, "one line an entry");

/* Where the counters begin in a slot, and the size of one: whole line pairs. */
static inline uint64_t backend_slot_counters(uint32_t max_held_locks)
{
    return sizeof(struct backend_slot) + 8ull * max_held_locks;
}

static inline uint64_t backend_slot_size(uint32_t max_held_locks, uint32_t max_tranches)
{
    uint64_t bytes = backend_slot_counters(max_held_locks) +
                     sizeof(struct tranche_counters) * (uint64_t)max_tranches;
    return (bytes + CACHE_LINE_PAIR - 1) / CACHE_LINE_PAIR * CACHE_LINE_PAIR;
}

#endif
