/*
 * tranche.h - tranches: named arrays of LWLocks.
 *
 * A tranche's name is what a waiter is said to wait for.  Its locks lie side by
 * side in the segment's lock array, one a cache line, free and ready at once.
 * Tranches are made at start or later, and never unmade.
 *
 * Any thread of any attached process.
 *
 * Source: PostgreSQL, src/backend/storage/lmgr/lwlock.c (named tranches).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_TRANCHE_H
#define LWSHM_TRANCHE_H

#include <stdbool.h>
#include <stdint.h>

#include "lwshm/backend.h"
#include "lwshm/segment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names of tranches are UTF-8, 1 to 63 bytes. */
#define LWSHM_TRANCHE_NAME_MAX 63

/* The distance between two locks of a tranche, in bytes. */
#define LWSHM_LWLOCK_SIZE 64u

struct lwshm_tranche {
    uint64_t offset; /* of its first lock, in bytes from the segment's start */
    uint32_t locks;  /* how many it has */
    uint32_t id;     /* its number, 0 and up in the order of their making */
    char name[LWSHM_TRANCHE_NAME_MAX + 1];
};

/*
 * Finds the tranche `name`, or makes it with `locks` (1 or more) free locks.
 * *found says which.
 *
 * Errors: LWSHM_E_INVALID (name, count), LWSHM_E_SIZE_MISMATCH (it exists with
 * another count), LWSHM_E_LIMIT (max_tranches or max_lwlocks is used up).
 */
int lwshm_tranche_init(lwshm_segment *segment, const char *name, uint32_t locks, bool *found,
                       struct lwshm_tranche *tranche);

/* Finds the tranche `name`; LWSHM_E_NOT_FOUND if there is none. */
int lwshm_tranche_find(const lwshm_segment *segment, const char *name,
                       struct lwshm_tranche *tranche);

/* The tranche number `id`; LWSHM_E_NOT_FOUND past the last one. */
int lwshm_tranche_get(const lwshm_segment *segment, uint32_t id, struct lwshm_tranche *tranche);

/* The offset of lock `index` of a tranche; 0, which is no lock, if it has not so many. */
static inline uint64_t lwshm_tranche_lock(const struct lwshm_tranche *tranche, uint32_t index)
{
    return index < tranche->locks ? tranche->offset + (uint64_t)index * LWSHM_LWLOCK_SIZE : 0;
}

/*
 * Puts right what a lock guards whose holder died inside.  Called under the lock, which
 * `backend` holds exclusively, by the thread that is acquiring it.  Returns 0 if the data
 * are consistent now; anything else leaves the lock poisoned, and the acquire returns
 * LWSHM_E_OWNER_DIED.  It may take other locks in the usual order; it must neither acquire nor
 * release this one.
 */
typedef int lwshm_repair(lwshm_backend *backend, uint64_t lock, void *argument);

/* Has `repair` (NULL: nobody) called for the locks of a tranche, in this process. */
int lwshm_tranche_on_repair(lwshm_segment *segment, const struct lwshm_tranche *tranche,
                            lwshm_repair *repair, void *argument);

/*
 * How a waiter for a lock of the tranche spins before it parks.
 *
 * LWSHM_SPINS_LEARNED, the default: waiters try out now and then in which way all backends
 * together acquire more, and keep to that: parking at once, looking at the lock 100 times, or
 * looking once after a longer pause.  To set it again forgets what was learned.  0: they never
 * spin.  Otherwise they look so many times, up to LWSHM_SPINS_MAX, with one pause of the processor
 * between two looks.  It holds for all processes, from their next wait on; on a machine with one
 * processor no waiter ever spins.
 *
 * Errors: LWSHM_E_NOT_FOUND (no such tranche), LWSHM_E_INVALID.
 */
#define LWSHM_SPINS_LEARNED (-1)
#define LWSHM_SPINS_MAX 65535
int lwshm_tranche_set_spins(lwshm_segment *segment, uint32_t id, int32_t turns);

/* Buckets of a histogram of waits: bucket i counts those of 2^i microseconds and more, but less
   than 2^(i+1); the first one also those that were shorter, the last one all longer ones. */
#define LWSHM_WAIT_BUCKETS 32

/* What has happened to the locks of a tranche since the segment was made. */
struct lwshm_tranche_statistics {
    uint64_t exclusive; /* acquisitions in that mode */
    uint64_t shared;
    uint64_t slow_exclusive; /* of those, the ones that had to wait */
    uint64_t slow_shared;
    uint64_t waits;      /* times that a backend slept, whether it got the lock or not */
    uint64_t wait_ns;    /* time slept, in all */
    uint64_t recoveries; /* holds of dead backends that were ended */
    uint64_t poisonings; /* of those, the ones whose data may be half-changed */
    uint32_t spins;      /* how often a waiter looks at present before it parks */
    uint32_t pauses;     /* of the processor, before each of these looks */
    uint64_t wait_histogram[LWSHM_WAIT_BUCKETS];
};

/*
 * Sums up what the backends have counted, while they go on counting: always on, and free for
 * them.  Any thread of any attached process.  LWSHM_E_NOT_FOUND past the last tranche.
 */
int lwshm_tranche_statistics(const lwshm_segment *segment, uint32_t id,
                             struct lwshm_tranche_statistics *statistics);

#ifdef __cplusplus
}
#endif

#endif
