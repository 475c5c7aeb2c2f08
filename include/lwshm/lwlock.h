/*
 * lwlock.h - lightweight locks in shared memory, shared or exclusive.
 *
 * A lock is named by its byte offset in the segment (lwshm_tranche_lock()).  The
 * backend's record is the hold: see docs/lock-protocol.md for how it works and
 * why.  Not reentrant.  Shared holders do not write to the lock's cache line.
 *
 * A lock whose holder was killed is recovered by the processes that wait for it.  If the holder
 * was inside exclusively, the lock is then poisoned: an acquire in either mode runs the repair
 * callback of its tranche, or, if there is none, returns LWSHM_E_OWNER_DIED.
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

/* `timeout_ns` without end. */
#define LWSHM_FOREVER INT64_MAX

/* Acquires the lock, sleeping for `timeout_ns` at most: 1 if it did, 0 if the time ran out.
   0 or less does not sleep at all, LWSHM_FOREVER as long as it takes.  Errors as acquire. */
int lwshm_lwlock_acquire_timed(lwshm_backend *backend, uint64_t lock, enum lwshm_lwlock_mode mode,
                               int64_t timeout_ns);

/*
 * Acquires the lock exclusively, poisoned or not: 1 if it is poisoned, so that what it guards
 * has to be put right and lwshm_lwlock_mark_consistent() called before it is released; 0 if
 * it is not, or no longer.  Runs no repair callback.  Errors as acquire.
 */
int lwshm_lwlock_acquire_for_repair(lwshm_backend *backend, uint64_t lock);

/* Declares what the lock guards to be consistent.  LWSHM_E_NOT_HELD unless the backend
   holds it exclusively.  A lock that is released without stays poisoned. */
int lwshm_lwlock_mark_consistent(lwshm_backend *backend, uint64_t lock);

/* Releases the lock, whichever way it is held.  LWSHM_E_NOT_HELD if it is not. */
int lwshm_lwlock_release(lwshm_backend *backend, uint64_t lock);

/*
 * Acquires the lock exclusively if that needs no waiting: 1.  Otherwise waits until the holders
 * have left, and returns 0 without the lock: perhaps they have done meanwhile what the lock was
 * wanted for.  If the holder died inside, and its data were repaired, acquires the lock as well: 1.
 * Errors as acquire.  (PostgreSQL: LWLockAcquireOrWait.)
 */
int lwshm_lwlock_acquire_or_wait(lwshm_backend *backend, uint64_t lock);

/* How the backend holds the lock: an enum lwshm_lwlock_mode, or 0 if not at all. */
int lwshm_lwlock_is_held_by(const lwshm_backend *backend, uint64_t lock);

/* A lock, as anyone may see it at one moment. */
struct lwshm_lwlock_info {
    int32_t owner;        /* slot of the exclusive holder (or of one that drains), -1 if none */
    uint32_t shared;      /* backends that hold it shared */
    uint32_t has_waiters; /* 1 if a waiter may be parked */
    uint32_t tranche;     /* id of its tranche */
    int32_t starving;     /* slot of the waiter that all others queue behind, -1 if none */
    uint32_t is_poisoned; /* 1 if a holder died inside and the data were not repaired since */
};

/* Looks at a lock without touching it. */
int lwshm_lwlock_info(const lwshm_segment *segment, uint64_t lock, struct lwshm_lwlock_info *info);

/*
 * Has this process check, on every acquire from now on, that tranches are always locked in one
 * order, and locks of one tranche by rising offset: 1 turns it on, 0 off.  An acquire that may
 * sleep and whose order contradicts what any backend of this process has done before returns
 * LWSHM_E_LOCK_ORDER instead, naming both tranches, whether or not a deadlock would have come
 * of it this time.  Not checked is what closes no circle of waits: lwshm_lwlock_try_acquire(), a
 * time-out of 0 or less, and lwshm_lwlock_await_release().  Costs about a microsecond an acquire:
 * for tests.  A binding with a fast path of its own takes all acquires through
 * lwshm_lwlock_acquire_slow() while it is on.
 */
int lwshm_segment_check_lock_order(lwshm_segment *segment, int on);

/*
 * For bindings that run the fast path themselves, on the words described in
 * docs/memory-layout.md, and for threads that must not sleep for long at a time: because they look
 * now and then whether they were interrupted, or take turns on one thread of the kernel.
 */

enum lwshm_lwlock_flag {
    /*
     * A time-out ends a step of the wait, not the wait.  The backend stays in line, with all that
     * the wait has got it so far, as if it were asleep.  Call again with the same arguments,
     * soon, for others may be waiting for this one; or end the wait with lwshm_lwlock_cancel().
     */
    LWSHM_LW_STEP = 1,
    /* Poison does not stop it, and runs no repair callback: lwshm_lwlock_info() tells of it.
       With LWSHM_LW_EXCLUSIVE only. */
    LWSHM_LW_REPAIR = 2
};

/*
 * Acquires the lock from where the backend's record of it stands.  No record: from the beginning.
 * N: goes on, after the caller's fast path has written that record and was not alone with the
 * lock, or after an earlier step.  `flags` are enum lwshm_lwlock_flag, or-ed.
 *
 * 1: acquired; 0: `timeout_ns` ran out (0 or less looks once, and does not sleep).  Errors as
 * acquire, and LWSHM_E_INVALID if the backend is waiting for the lock in the other mode.  An error
 * ends the wait.
 */
int lwshm_lwlock_acquire_slow(lwshm_backend *backend, uint64_t lock, enum lwshm_lwlock_mode mode,
                              int64_t timeout_ns, unsigned flags);

/*
 * Waits, acquiring nothing, until no backend holds the lock exclusively: 1, or 0 if `timeout_ns`
 * ran out.  `flags` may have LWSHM_LW_STEP.
 *
 * Errors: LWSHM_E_OWNER_DIED (the holder died inside), LWSHM_E_ALREADY_HELD (this backend holds
 * or wants the lock itself).
 */
int lwshm_lwlock_await_release(lwshm_backend *backend, uint64_t lock, int64_t timeout_ns,
                               unsigned flags);

/* Ends a wait whose last step returned 0, as a time-out does; or an acquire or release of which the
   record still says N because the caller threw half-way.  Harmless if there is neither. */
int lwshm_lwlock_cancel(lwshm_backend *backend, uint64_t lock);

/*
 * Goes on with a release after its first step: the record still covers the wake-ups owed, and is N,
 * or may still be XIN after a release of exclusive.  `word` is the lock word as the caller's last
 * step read it: before its owner was taken off, if the lock was held exclusively.
 */
int lwshm_lwlock_release_slow(lwshm_backend *backend, uint64_t lock, uint64_t word);

#ifdef __cplusplus
}
#endif

#endif
