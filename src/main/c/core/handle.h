/*
 * handle.h - what a process keeps for itself about a segment and a backend.
 *
 * Nothing of this lies in shared memory.  The numbers of the segment's header are
 * copied here once they have been checked, so that a header damaged later misleads
 * nobody.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_HANDLE_H
#define LWSHM_CORE_HANDLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/layout.h"
#include "core/status.h"
#include "lwshm/backend.h"
#include "lwshm/lwlock.h"
#include "os/members_file.h"
#include "os/process.h"

/* What this process has asked to be called for a tranche. */
struct repairer {
    lwshm_repair *repair;
    void *argument;
};

struct lwshm_segment {
    char *base; /* stays after a detach that keeps the address: a thread may be using it */
    bool open;  /* attached; atomic */
    uint64_t size;
    uint64_t region[LWSHM_REGION_COUNT];
    uint32_t max_processes, max_backends, max_held_locks;
    uint32_t max_tranches, max_lwlocks, max_structs;
    uint32_t max_children; /* slots below are theirs alone */
    uint32_t mode;         /* permission bits of the segment */
    uint64_t slot_size;
    uint64_t identity; /* of this process in its entry */
    uint32_t process;  /* its entry */
    uint32_t joined;   /* backends of this handle; atomic */
    bool closing;      /* nobody joins any more; atomic */
    bool ending;       /* its sleepers give up: it is about to be fenced off; atomic */
    bool spins;        /* waiting on another processor makes sense */
    bool is_creator;
    bool is_adopter;
    unsigned fork_count; /* os_fork_count when the handle was made */
    unsigned plain_at;   /* that, or HANDLE_HINDERED; see segment_review(); atomic */
    int32_t shmid, key;
    char *data_dir;                 /* NULL: private */
    struct os_members_file members; /* where the kernel's locks are; not for a private one */
    os_file_hold *hold;             /* the one on this process's byte */
    uint64_t nonce;                 /* what the members file's record calls the segment */
    pthread_mutex_t allocating;     /* among the threads that use this handle */
    struct lock_order *lock_order;  /* NULL until it is first asked for; see lock_order.h */
    bool checks_lock_order;         /* atomic */
    struct repairer *repairers;     /* by tranche id, max_tranches of them */
    struct lwshm_segment_info info; /* what does not change */
};

/* How far a wait in steps has come, so that the next step goes on there. */
struct waited {
    uint64_t lock;    /* 0: there is none */
    int64_t sleep_ns; /* as in struct attempt */
    int64_t look_ns;
    uint32_t turns;
    bool has_slept;
    bool starves;
};

/* The latest acquisitions that found their way blocked; see lwlock_rush.c. */
struct rush {
    const struct tranche_counters *counters; /* of the locks in question */
    uint64_t exclusive;                      /* as counted there, at the first of them */
    int64_t since_ns;                        /* when that was */
    uint32_t slow;                           /* how many they are */
};

struct lwshm_backend {
    lwshm_segment *segment;
    struct backend_slot *slot;
    uint64_t owner;                    /* what W's owner bits are when it is us */
    uint64_t generation;               /* in the place where a record has it */
    uint64_t reader_bit;               /* ours in RB */
    struct tranche_counters *counters; /* by tranche */
    char *base;                        /* of the segment: stays while a backend is joined */
    uint64_t *records;                 /* of the slot */
    uint64_t lwlocks;                  /* the segment's, for the fast path: their offset, */
    uint32_t max_lwlocks;              /* their number, */
    uint32_t max_tranches;
    unsigned fork_count; /* and os_fork_count */
    uint32_t place_mask; /* max_held_locks - 1 */
    uint32_t number;     /* of the slot */
    uint32_t launch;     /* of the child that this process is; 0: it is none */
    struct waited waited;
    struct rush rush;
};

static inline struct segment_header *header_of(const lwshm_segment *s)
{
    return (struct segment_header *)s->base;
}

static inline void *at(const lwshm_segment *s, uint64_t offset)
{
    return s->base + offset;
}

static inline struct process_entry *process_at(const lwshm_segment *s, uint32_t i)
{
    return (struct process_entry *)at(s, s->region[LWSHM_REGION_PROCESSES]) + i;
}

static inline struct backend_slot *slot_at(const lwshm_segment *s, uint32_t i)
{
    return at(s, s->region[LWSHM_REGION_BACKENDS] + i * s->slot_size);
}

static inline struct tranche_entry *tranche_at(const lwshm_segment *s, uint32_t i)
{
    return (struct tranche_entry *)at(s, s->region[LWSHM_REGION_TRANCHES]) + i;
}

static inline struct index_entry *index_at(const lwshm_segment *s, uint32_t i)
{
    return (struct index_entry *)at(s, s->region[LWSHM_REGION_SHMEM_INDEX]) + i;
}

static inline struct lwlock *lock_at(const lwshm_segment *s, uint64_t lock)
{
    return at(s, lock);
}

/* True if `lock` is the offset of one of so many locks, the first of which is at `lwlocks`. */
static inline bool is_lock_among(uint64_t lock, uint64_t lwlocks, uint32_t count)
{
    uint64_t distance = lock - lwlocks;
    /* A rotation: what is no multiple of a lock's size gets upper bits, and is too large. */
    return (distance / sizeof(struct lwlock) | distance << (64 - LOCK_SIZE_BITS)) < count;
}

/* True if `lock` is the offset of a lock of the segment. */
static inline bool is_lock(const lwshm_segment *s, uint64_t lock)
{
    return is_lock_among(lock, s->region[LWSHM_REGION_LWLOCKS], s->max_lwlocks);
}

/* True if the handle may be used: attached, and not inherited by a fork. */
static inline bool is_open(const lwshm_segment *s)
{
    return s != NULL && __atomic_load_n(&s->open, __ATOMIC_ACQUIRE) &&
           s->fork_count == os_fork_count;
}

#define HANDLE_HINDERED (~0u)

/* To be called whenever open, ending or checks_lock_order has changed: sums them up, and
   whether a fork has happened, in the one word that the fast path of a lock looks at. */
void segment_review(lwshm_segment *s);

/* True if the handle may be used, is not being closed, and needs no checks of lock order. */
static inline bool is_plain(const lwshm_segment *s)
{
    return __atomic_load_n(&s->plain_at, __ATOMIC_ACQUIRE) == os_fork_count;
}

/* Says why it may not. */
int fail_closed(const lwshm_segment *s);

#endif
