/*
 * lwlock_spin.h - how often a waiter looks at a lock before it parks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LWLOCK_SPIN_H
#define LWSHM_CORE_LWLOCK_SPIN_H

#include "core/handle.h"

/* The turns that a waiter for this lock spins, and one more step of the trial that finds out
   whether to spin, if this backend conducts it or one is due. */
uint32_t lwlock_spin_turns(lwshm_backend *backend, const struct lwlock *lock);

/* Lets the other thread of the processor's core run for a moment. */
static inline void spin_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
