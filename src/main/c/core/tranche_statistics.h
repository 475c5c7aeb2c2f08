/*
 * tranche_statistics.h - what a tranche counts that is too rare to be counted by each backend.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_TRANCHE_STATISTICS_H
#define LWSHM_CORE_TRANCHE_STATISTICS_H

#include "core/handle.h"

/* How often the locks of tranche `id` were acquired, by all backends together, in either mode. */
uint64_t tranche_acquisitions(const lwshm_segment *segment, uint32_t id);

/* How waiters for its locks spin: turns, pauses << SPIN_PAUSES_SHIFT.  A setting wins over what a
   trial writes that was begun before it. */
static inline uint32_t tranche_spin(const struct tranche_entry *tranche)
{
    int32_t setting = __atomic_load_n(&tranche->spins_setting, __ATOMIC_RELAXED);
    if (setting == LWSHM_SPINS_LEARNED)
        return __atomic_load_n(&tranche->spin, __ATOMIC_RELAXED);
    return setting <= 0 || setting > LWSHM_SPINS_MAX ? 0
                                                     : (uint32_t)setting | 1u << SPIN_PAUSES_SHIFT;
}

/* A backend has slept for a lock of tranche `id`. */
void tranche_count_wait(lwshm_segment *segment, uint32_t id, int64_t wait_ns);

/* A dead backend's hold of a lock of tranche `id` was ended; `poisoned`: it died inside. */
void tranche_count_recovery(lwshm_segment *segment, uint32_t id, bool poisoned);

#endif
