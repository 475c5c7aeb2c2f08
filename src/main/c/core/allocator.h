/*
 * allocator.h - one process at a time changes the index and the tranches.
 *
 * The right to do so is a word in the header that names the process that has it, by its entry and
 * how often that was taken.  (Two copies of the library in one process have an entry each.)  If the
 * process is killed, the next takes the word over: whatever is changed under it is published by a
 * single store at the end, so nothing is ever found half-done.  A mutex in the handle keeps the
 * threads that use it apart.
 *
 * (An LWLock would need a backend, which a process may not have yet.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_ALLOCATOR_H
#define LWSHM_CORE_ALLOCATOR_H

#include "core/handle.h"

/* Takes the right, waiting for a live process that has it.  LWSHM_E_CLOSED if the segment
   is being closed. */
int allocator_enter(lwshm_segment *segment);

/* Gives it back. */
void allocator_leave(lwshm_segment *segment);

#endif
