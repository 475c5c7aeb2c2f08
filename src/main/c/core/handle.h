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
#include "core/patience.h"
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

/* A starving waiter that was seen to leave the lock free. */
struct idler {
    uint64_t lock;    /* 0: none was seen */
    int64_t since_ns; /* os_monotonic_ns() of the first such look */
    int32_t slot;
};

/* How far a wait has come; kept between its steps, so that the next step goes on there. */
struct waited {
    uint64_t lock; /* 0: there is none */
    struct patience patience;
    uint32_t turns; /* how often the waiter was overtaken */
    bool has_slept; /* in the kernel, or between two steps */
    bool starves;   /* it has named itself the starving waiter */
};

#define SPIN_WAYS 3 /* that a trial compares */

/* A trial of spinning that this backend conducts; see lwlock_spin.c. */
struct spin_trial {
    struct tranche_entry *tranche; /* NULL: it conducts none */
    uint32_t id;                   /* of the tranche */
    uint32_t waits;                /* of this backend, in any tranche */
    int64_t began_ns;
    int64_t lease_ns;      /* tranche_entry.next_trial while the trial is this backend's */
    int64_t since_ns;      /* when the present window began */
    uint64_t acquisitions; /* of the tranche, by then */
    uint32_t way;          /* that waiters spin in the present window */
    uint32_t rounds;       /* of one window for each way, that are over */
    bool out[SPIN_WAYS];   /* clearly worse than another way: no more windows */
    double got[SPIN_WAYS]; /* acquisitions in the windows of a way */
    double took_ns[SPIN_WAYS];
};

struct lwshm_backend {
    lwshm_segment *segment;
    struct backend_slot *slot;
    uint64_t owner;                    /* what W's owner bits are when it is us */
    uint64_t generation;               /* in the bits where a record has it */
    uint64_t reader_bit;               /* ours in RB */
    struct tranche_counters *counters; /* by tranche */
    char *base;                        /* of the segment: stays while a backend is joined */
    uint64_t *records;                 /* of the slot */
    uint64_t lwlocks;                  /* the segment's, for the fast path: their offset, */
    uint32_t max_lwlocks;              /* their number, */
    uint32_t max_tranches;
    unsigned fork_count; /* and os_fork_count */
    uint32_t index_mask; /* max_held_locks - 1 */
    uint32_t number;     /* of the slot */
    uint32_t launch;     /* of the child that this process is; 0: it is none */
    struct waited waited;
    struct idler idler;
    struct patience tries; /* of acquires that gave up without a look */
    struct spin_trial trial;
};

static inline struct segment_header *header_at(char *base)
{
    return (struct segment_header *)base;
}

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

/* So many slots, the first ones, may have been joined at some time. */
static inline uint32_t segment_joined_slots(const lwshm_segment *s)
{
    /* seq_cst: pairs with the raise in claim(), before the join */
    uint32_t joined = __atomic_load_n(&header_of(s)->joined_slots, __ATOMIC_SEQ_CST);
    return joined < s->max_backends ? joined : s->max_backends;
}

/* What the backends of slot `i` have counted, by tranche. */
static inline struct tranche_counters *counters_at(const lwshm_segment *s, uint32_t i)
{
    return (void *)((char *)slot_at(s, i) + backend_slot_counters(s->max_held_locks));
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
