/*
 * lwlock_spin.h - how often a waiter looks at a lock before it parks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LWLOCK_SPIN_H
#define LWSHM_CORE_LWLOCK_SPIN_H

#include "core/handle.h"

/* So often, after so many pauses of the processor each time, does a waiter look before it parks. */
struct spin {
    uint32_t turns, pauses;
};

/* How a waiter for this lock spins; and one more step of the trial that finds out, if this backend
   conducts it or one is due. */
struct spin lwlock_spin(lwshm_backend *backend, const struct lwlock *lock);

/* Leaves the lock alone for so many pauses of the processor.  A long pause lets other threads have
   the processor now and then: the lock's owner may be waiting for just this one. */
void spin_pause(uint32_t pauses);

#endif
