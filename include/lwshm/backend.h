/*
 * backend.h - backends: a locking thread's slot in the segment.
 *
 * A thread joins before it takes its first lock and leaves when it is done.  While
 * it is joined, its slot in shared memory says which locks it holds or wants, so
 * that others can see it, and can clean up after it if it is killed.
 *
 * A backend is used by one thread at a time, as a rule the one that joined it.
 * After fork() it stays the parent's: in the child it answers LWSHM_E_CLOSED.  (Not so after
 * _Fork() or a clone() of one's own, which tell no library.)
 *
 * Source: PostgreSQL's PGPROC (src/backend/storage/lmgr/proc.c); the reuse of dead
 * slots is lwshm's own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_BACKEND_H
#define LWSHM_BACKEND_H

#include <stdint.h>

#include "lwshm/segment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lwshm_backend lwshm_backend;

/*
 * Takes a backend slot.  If none is free, the slots of all processes that are proven dead
 * are recovered first; what they held exclusively becomes poisoned.
 *
 * Errors: LWSHM_E_LIMIT (all max_backends slots are taken), LWSHM_E_CLOSED.
 */
int lwshm_backend_join(lwshm_segment *segment, lwshm_backend **backend);

/*
 * Ends the backend, gives its slot back and frees the handle.  Shared holds are released.
 *
 * A lock that the backend still holds exclusively becomes poisoned: what the lock guards may be
 * half-changed.  That is a bug of the caller, and no error here: returns how many locks became
 * poisoned, 0 in an orderly leave.  A postmaster's child that leaves so counts as crashed.
 * lwshm_backend_release_all() first, if the data are known to be whole.
 *
 * Errors: LWSHM_E_INVALID, LWSHM_E_CLOSED; the handle stays.
 */
int lwshm_backend_leave(lwshm_backend *backend);

/*
 * Ends a backend whose thread has ended without leaving, as if it had been killed: shared holds
 * end, and what it holds exclusively becomes poisoned, since it may be half-changed.  By any
 * thread of the process that joined, when no other uses the backend any more; frees the handle.
 */
int lwshm_backend_abandon(lwshm_backend *backend);

/* Releases every lock that the backend holds; returns how many there were. */
int lwshm_backend_release_all(lwshm_backend *backend);

/* How many locks the backend holds. */
int lwshm_backend_held_locks(const lwshm_backend *backend);

/* A backend slot, as anyone may see it. */
struct lwshm_backend_info {
    uint32_t slot;       /* 0 .. max_backends - 1 */
    uint32_t generation; /* how often the slot was given back, modulo 2^24 */
    int32_t pid;         /* of the process that joined */
    uint32_t held_locks;
    uint64_t wait_lock; /* offset of the lock or semaphore it waits for; 0: of none */
    uint32_t wait_mode; /* enum lwshm_lwlock_mode, if it waits for a lock; else 0 */
    uint32_t reserved;
    int64_t wait_since;   /* CLOCK_MONOTONIC, nanoseconds, if it waits */
    uint64_t slot_offset; /* where the slot lies in the segment */
};

/* What `backend` is. */
int lwshm_backend_info(const lwshm_backend *backend, struct lwshm_backend_info *info);

/*
 * Reads the slots of all joined backends, this process's and others', into at most
 * `capacity` elements; returns how many there are.  Takes no lock and disturbs
 * nobody, so each element is of its own moment.
 */
int lwshm_backend_list(const lwshm_segment *segment, struct lwshm_backend_info *infos,
                       uint32_t capacity);

#ifdef __cplusplus
}
#endif

#endif
