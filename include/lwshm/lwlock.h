/*
 * lwlock.h - lightweight locks in shared memory, shared or exclusive.
 *
 * A lock is named by its byte offset in the segment (lwshm_tranche_lock()).  The
 * backend's record is the hold: see docs/lock-protocol.md for how it works and
 * why.  Not reentrant.  Shared holders do not write to the lock's cache line.
 *
 * A lock whose holder was killed is recovered by whoever waits for it.  If the holder was
 * inside exclusively, the lock is then poisoned: an acquire in either mode runs the repair
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

/* Acquires the lock, sleeping for `timeout_ns` at most: 1 if it did, 0 if the time ran out.
   0 or less does not sleep at all.  Errors as acquire. */
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
 * Acquires the lock exclusively if that needs no waiting: 1.  Otherwise waits until whoever
 * is in has left, and returns 0 without the lock: another has done meanwhile what the lock
 * was wanted for, perhaps.  Errors as acquire.  (PostgreSQL: LWLockAcquireOrWait.)
 */
int lwshm_lwlock_acquire_or_wait(lwshm_backend *backend, uint64_t lock);

/*
 * A lock has a 64-bit variable, through which an exclusive holder can tell waiters how far
 * it is.  It is 0 at first, and what was last written later.
 * (PostgreSQL: LWLockWaitForVar, LWLockUpdateVar, LWLockReleaseClearVar.)
 */

/* Waits while the lock is held exclusively and its variable is `old`.  1: it is not held
   exclusively; 0: the variable is *value now.  LWSHM_E_OWNER_DIED if the holder died inside,
   LWSHM_E_ALREADY_HELD if this backend is the holder. */
int lwshm_lwlock_wait_for_var(lwshm_backend *backend, uint64_t lock, uint64_t old, uint64_t *value);

/* Sets the variable and wakes who waits for that.  The backend holds the lock exclusively,
   or hears LWSHM_E_NOT_HELD. */
int lwshm_lwlock_update_var(lwshm_backend *backend, uint64_t lock, uint64_t value);

/* Sets the variable and releases the lock.  Errors as update_var. */
int lwshm_lwlock_release_clear_var(lwshm_backend *backend, uint64_t lock, uint64_t value);

/*
 * Disowns the lock: it stays held, but this backend can no longer release it, and any other
 * can, once, with lwshm_lwlock_release_disowned().  If this backend dies or leaves before
 * that, the lock is recovered as if it held it still.
 * (PostgreSQL: LWLockDisown, LWLockReleaseDisowned.)
 */
int lwshm_lwlock_disown(lwshm_backend *backend, uint64_t lock);

/* Releases a lock that some backend has disowned; LWSHM_E_NOT_HELD if none has. */
int lwshm_lwlock_release_disowned(lwshm_backend *backend, uint64_t lock);

/*
 * Waiting in steps, for who must not sleep for long at a time: a thread that looks now and then
 * whether it was interrupted, or one of many that take turns on one thread of the kernel.
 *
 * Each of these does what the function without "step" in its name does, but sleeps for `step_ns`
 * at most (0 or less: looks once, and does not sleep), and returns 0 then.  The wait is not
 * over: the backend stays in line, with all that the wait has got it so far, as if it were
 * asleep.  Call again with the same arguments, soon, for others may be waiting for this one;
 * or end the wait with lwshm_lwlock_cancel().  Until then, any other acquire of the lock by this
 * backend answers LWSHM_E_ALREADY_HELD, though nothing is held.
 */

/* 1: acquired.  Errors as acquire, which end the wait. */
int lwshm_lwlock_acquire_step(lwshm_backend *backend, uint64_t lock, enum lwshm_lwlock_mode mode,
                              int64_t step_ns);

/* 1: acquired, exclusively; lwshm_lwlock_info() says whether it is poisoned.  Errors likewise. */
int lwshm_lwlock_acquire_for_repair_step(lwshm_backend *backend, uint64_t lock, int64_t step_ns);

/* 1: it is not held exclusively; 0: the variable is *value now, or, if that is `old`, the step is
   over.  Errors as wait_for_var, which end the wait. */
int lwshm_lwlock_wait_for_var_step(lwshm_backend *backend, uint64_t lock, uint64_t old,
                                   int64_t step_ns, uint64_t *value);

/* Ends a wait whose last step returned 0: as a time-out does.  Harmless if there is none. */
int lwshm_lwlock_cancel(lwshm_backend *backend, uint64_t lock);

/* How the backend holds the lock: an enum lwshm_lwlock_mode, or 0 if not at all. */
int lwshm_lwlock_is_held_by(const lwshm_backend *backend, uint64_t lock);

/* A lock, as anyone may see it at one moment. */
struct lwshm_lwlock_info {
    int32_t owner;        /* slot of the exclusive holder (or of one that drains), -1 if none */
    uint32_t shared;      /* backends that hold it shared */
    uint32_t has_waiters; /* 1 if somebody may be parked */
    uint32_t tranche;     /* id of its tranche */
    int32_t starver;      /* slot of the waiter that all others queue behind, -1 if none */
    uint32_t is_poisoned; /* 1 if a holder died inside and nobody has repaired it */
};

/* Looks at a lock without touching it. */
int lwshm_lwlock_info(const lwshm_segment *segment, uint64_t lock, struct lwshm_lwlock_info *info);

/*
 * Has this process check, on every acquire from now on, that tranches are always locked in one
 * order, and locks of one tranche by rising offset: 1 turns it on, 0 off.  An acquire that
 * sleeps and whose order contradicts what any backend of this process has done before returns
 * LWSHM_E_LOCK_ORDER instead, naming both tranches, whether or not a deadlock would have come
 * of it this time.  A time-out of 0 is checked as others are; lwshm_lwlock_try_acquire() is not, nor
 * what waits without acquiring: acquire_or_wait and wait_for_var.  Costs about a microsecond an
 * acquire: for tests.  A binding with a fast path
 * of its own takes all acquires through here while it is on.
 */
int lwshm_segment_check_lock_order(lwshm_segment *segment, int on);

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
