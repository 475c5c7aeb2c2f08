/*
 * lwlock.h - lightweight locks in shared memory, shared or exclusive.
 *
 * A lock is named by its byte offset in the segment (lwshm_tranche_lock()).  The
 * backend's record is the hold: see docs/lock-protocol.md for how it works and
 * why.  Not reentrant.  Shared holders do not write to the lock's cache line.
 *
 * `backend` must be used by one thread at a time.  All functions return
 * LWSHM_E_INVALID if `lock` is no lock of the backend's segment, and LWSHM_E_CLOSED
 * if the segment is being closed or the backend is another process's.
 *
 * Source: the LWLock of PostgreSQL, src/backend/storage/lmgr/lwlock.c, for what it
 * offers; the protocol is lwshm's own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_LWLOCK_H
#define LWSHM_LWLOCK_H

#include <stdint.h>

#include "lwshm/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

enum lwshm_lwlock_mode {
    LWSHM_LW_EXCLUSIVE = 1,
    LWSHM_LW_SHARED = 2
};

/*
 * Acquires the lock, sleeping as long as it takes.
 * Errors: LWSHM_E_ALREADY_HELD (at once, never a hang), LWSHM_E_LIMIT (the backend
 * holds max_held_locks already).
 */
int lwshm_lwlock_acquire(lwshm_backend *backend, uint64_t lock, enum lwshm_lwlock_mode mode);

/* Acquires the lock if that needs no waiting: 1 if it did, 0 if not.  Errors as acquire. */
int lwshm_lwlock_try_acquire(lwshm_backend *backend, uint64_t lock, enum lwshm_lwlock_mode mode);

/* Releases the lock, whichever way it is held.  LWSHM_E_NOT_HELD if it is not. */
int lwshm_lwlock_release(lwshm_backend *backend, uint64_t lock);

/* How the backend holds the lock: an enum lwshm_lwlock_mode, or 0 if not at all. */
int lwshm_lwlock_is_held_by(const lwshm_backend *backend, uint64_t lock);

/* A lock, as anyone may see it at one moment. */
struct lwshm_lwlock_info {
    int32_t owner;        /* slot of the exclusive holder (or of one that drains), -1 if none */
    uint32_t shared;      /* backends that hold it shared */
    uint32_t has_waiters; /* 1 if somebody may be parked */
    uint32_t tranche;     /* id of its tranche */
};

/* Looks at a lock without touching it. */
int lwshm_lwlock_info(const lwshm_segment *segment, uint64_t lock, struct lwshm_lwlock_info *info);

/*
 * For bindings that run the uncontended path themselves on the words described in
 * docs/memory-layout.md, and come here for the rest.
 */

/* Goes on with an acquire after its first step: the caller has written the record at
   the lock's preferred place (S for shared, N for exclusive) and found its way blocked. */
int lwshm_lwlock_acquire_contended(lwshm_backend *backend, uint64_t lock,
                                   enum lwshm_lwlock_mode mode);

/* Goes on with a release after its first step: the record still covers the wake-up owed.
   `word` is the lock word as the caller's last step read it. */
int lwshm_lwlock_release_contended(lwshm_backend *backend, uint64_t lock, uint64_t word);

#ifdef __cplusplus
}
#endif

#endif
