/*
 * postmaster.c - what a postmaster and its children tell each other through the segment, besides
 * the children's slots.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lwshm/postmaster.h"

#include "core/handle.h"
#include "core/header.h"

int lwshm_postmaster_stop_mode(const lwshm_segment *s)
{
    if (!is_open(s))
        return fail_closed(s);
    uint32_t mode = __atomic_load_n(&header_of(s)->stop_mode, __ATOMIC_ACQUIRE);
    return mode <= LWSHM_STOP_IMMEDIATE ? (int)mode : LWSHM_STOP_NONE;
}

int lwshm_postmaster_set_stop_mode(lwshm_segment *s, enum lwshm_stop_mode mode)
{
    if (!is_open(s))
        return fail_closed(s);
    if ((uint32_t)mode > LWSHM_STOP_IMMEDIATE)
        return fail(LWSHM_E_INVALID, "stop mode is %u; it takes 0 (none) to 3 (immediate)",
                    (uint32_t)mode);
    __atomic_store_n(&header_of(s)->stop_mode, (uint32_t)mode, __ATOMIC_RELEASE);
    return LWSHM_OK;
}

int lwshm_segment_check(const lwshm_segment *s)
{
    if (!is_open(s))
        return fail_closed(s);
    const struct segment_header *header = header_of(s);
    uint32_t state = __atomic_load_n(&header->state, __ATOMIC_ACQUIRE);
    int r = header->magic == SEGMENT_MAGIC && (state == SEGMENT_CREATING ||
                                               state == SEGMENT_ADOPTING || state == SEGMENT_READY)
                ? header_check(header, s->size)
                : LWSHM_E_FOREIGN;
    /* This process has found all well before, so it is no other version's, or place's, now. */
    return r == LWSHM_OK || r == LWSHM_E_CORRUPT
               ? r
               : fail(LWSHM_E_CORRUPT, "the segment is damaged: its header is not a segment's any "
                                       "more");
}

int lwshm_segment_poisoned(const lwshm_segment *s, uint64_t *locks, uint32_t capacity)
{
    uint32_t count = 0;
    if (!is_open(s))
        return fail_closed(s);
    for (uint32_t i = 0; i < s->max_lwlocks; i++) {
        uint64_t lock = s->region[LWSHM_REGION_LWLOCKS] + (uint64_t)i * sizeof(struct lwlock);
        if ((__atomic_load_n(&lock_at(s, lock)->word, __ATOMIC_ACQUIRE) & LOCK_POISON) == 0)
            continue;
        if (count < capacity)
            locks[count] = lock;
        count++;
    }
    return (int)count;
}
