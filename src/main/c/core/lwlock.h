/*
 * lwlock.h - the parts of an acquire that acquires of other kinds are made of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LWLOCK_H
#define LWSHM_CORE_LWLOCK_H

#include "core/handle.h"

/* os_monotonic_ns() in so many nanoseconds; now, if there are none. */
int64_t lwlock_deadline_in(int64_t timeout_ns);

/* As lwshm_lwlock_acquire(), until os_monotonic_ns() is `deadline_ns` (0: without end):
   LWSHM_OK, LWLOCK_TIMED_OUT, or an error. */
int lwlock_acquire_until(lwshm_backend *backend, uint64_t lock, enum lwshm_lwlock_mode mode,
                         int64_t deadline_ns);

/* The first step of an acquire: LWSHM_OK, LWLOCK_TIMED_OUT (and the record is N), or an error. */
int lwlock_begin_in_steps(lwshm_backend *backend, uint64_t lock, enum lwshm_lwlock_mode mode,
                          int64_t deadline_ns);

/* Exclusively, poisoned or not, as a whole or its first step.  Returns the same. */
int lwlock_acquire_poisoned(lwshm_backend *backend, uint64_t lock, int64_t deadline_ns, bool steps);

/* Has the poisoned lock's tranche repair it.  LWSHM_OK if it need not be, or was;
   LWLOCK_TIMED_OUT if another was at it all the time. */
int lwlock_repair(lwshm_backend *backend, uint64_t lock, int64_t deadline_ns);

#endif
