/*
 * backend_slot.h - the identity word of a backend slot, and who may change it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_BACKEND_SLOT_H
#define LWSHM_CORE_BACKEND_SLOT_H

#include "core/handle.h"

#define SLOT_PROCESS_SHIFT 8
#define SLOT_GENERATION_SHIFT 24
#define SLOT_GENERATION_MASK 0xffffffull

static inline uint64_t slot_identity(enum backend_state state, uint32_t process,
                                     uint64_t generation)
{
    return (uint64_t)state | (uint64_t)process << SLOT_PROCESS_SHIFT |
           (generation & SLOT_GENERATION_MASK) << SLOT_GENERATION_SHIFT;
}

static inline enum backend_state slot_state(uint64_t identity)
{
    return (enum backend_state)(identity & 0xff);
}

static inline uint32_t slot_process(uint64_t identity)
{
    return (identity >> SLOT_PROCESS_SHIFT) & 0xffff;
}

static inline uint64_t slot_generation(uint64_t identity)
{
    return identity >> SLOT_GENERATION_SHIFT & SLOT_GENERATION_MASK;
}

/* Moves a slot from `identity` to free, one generation on.  False if it was no longer so. */
static inline bool backend_slot_free(struct backend_slot *slot, uint64_t identity)
{
    uint64_t next = slot_identity(BACKEND_FREE, 0, slot_generation(identity) + 1);
    /* release: pairs with the acquire CAS in claim() */
    return __atomic_compare_exchange_n(&slot->identity, &identity, next, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

#endif
