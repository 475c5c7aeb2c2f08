/*
 * lwlock_slow.h - an acquire from wherever it stands, whatever may be in the way or wrong.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LWLOCK_SLOW_H
#define LWSHM_CORE_LWLOCK_SLOW_H

#include "core/handle.h"

/* os_monotonic_ns() in `timeout_ns`, as a deadline: 0 for LWSHM_FOREVER. */
int64_t lwlock_deadline_in(int64_t timeout_ns);

/* lwshm_lwlock_acquire_slow() until os_monotonic_ns() is `deadline_ns` (0: without end): LWSHM_OK,
   LWLOCK_TIMED_OUT, or an error. */
int lwlock_acquire_until(lwshm_backend *backend, uint64_t lock, enum lwshm_lwlock_mode mode,
                         int64_t deadline_ns, unsigned flags);

/* True if a holder of the lock died inside and nobody has repaired what it guards. */
bool lwlock_is_poisoned(const lwshm_backend *backend, uint64_t lock);

/* Ends an acquire or release whose thread threw on the way.  The record is N.  Wakes all waiters,
   whom it may have owed that. */
void lwlock_end_cut_off(lwshm_backend *backend, uint64_t *record);

/* Releases, whichever record says that the lock is held. */
int lwlock_release_any(lwshm_backend *backend, uint64_t lock);

#endif
