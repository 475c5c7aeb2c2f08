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

/* Moves a slot from `identity` to free, one generation on; false if it was no longer so. */
bool backend_slot_free(struct backend_slot *slot, uint64_t identity);

/* Takes back the slots that process entry `process`, which a dead process with
   `identity` has, still refers to.  False if one of them holds something. */
bool backend_slots_reclaim(lwshm_segment *segment, uint32_t process, uint64_t identity);

/* Ends every backend that this process has joined: what they hold is released on their
   behalf.  Only when none of their threads can reach the segment any more. */
void backend_slots_end(lwshm_segment *segment);

#endif
