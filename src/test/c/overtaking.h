/*
 * overtaking.h - a waiter that is overtaken as often as a test wants.
 *
 * A waiter is overtaken if a release wakes it, and another backend has the lock before the waiter
 * looks.  That is a matter of luck between processes, so here the lock's words are changed as that
 * release would have changed them, while the lock is held.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OVERTAKING_H
#define OVERTAKING_H

#include "actor.h"
#include "core/layout.h"

/* Wakes what is parked for the lock in that mode, as a release does.  False if nothing was parked.
   The lock has an exclusive holder that goes on holding it. */
bool overtake(struct lwlock *lock, enum lwshm_lwlock_mode mode);

/* Overtakes the waiter until it has named itself the starving waiter. */
void starve(const lwshm_segment *segment, uint64_t lock, const struct actor *waiter,
            enum lwshm_lwlock_mode mode);

#endif
