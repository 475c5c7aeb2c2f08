/*
 * allocating.h - a test of whether one user of the allocator waits for another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_TEST_ALLOCATING_H
#define LWSHM_TEST_ALLOCATING_H

#include "fixture.h"

/*
 * Checks that while this thread has the right to allocate by `holder`, another thread of this
 * process that calls `alloc` with `other` waits, and then allocates.  `alloc` is
 * lwshm_shmem_alloc(), of any copy of the library.
 */
void check_that_allocator_excludes(lwshm_segment *holder, __typeof__(lwshm_shmem_alloc) *alloc,
                                   lwshm_segment *other);

#endif
