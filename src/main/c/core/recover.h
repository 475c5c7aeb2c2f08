/*
 * recover.h - cleaning up after the dead.
 *
 * Any process may do it, any number at once, and each may be killed doing it: every step
 * is a compare-and-swap that carries the dead one's generation, and may be repeated.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_RECOVER_H
#define LWSHM_CORE_RECOVER_H

#include "core/handle.h"

/* If the backend in slot `i` is of a process that is proven dead: ends all it held, and
   frees the slot.  `thorough` looks for processes that live on without the segment, too
   (an exec), which takes longer. */
bool recover_if_dead(lwshm_segment *segment, uint32_t i, bool thorough);

/* Ends what the backend in slot `i` holds, and moves the slot from `identity` to free. */
void recover_slot(lwshm_segment *segment, uint32_t i, uint64_t identity);

/* Ends every backend of the process in entry `process`, and frees the entry from `identity`.  That
   it is dead has been proven; returns how many backends it recovered. */
uint32_t recover_process(lwshm_segment *segment, uint32_t process, uint64_t identity);

/* Ends the backend in slot `i`, if there is one, whoever it is: all the segment's are dead. */
void recover_any(lwshm_segment *segment, uint32_t i);

/* All backends and entries of dead processes; returns how many backends it recovered. */
uint32_t recover_all(lwshm_segment *segment);

/* Ends every backend that this process has joined: only when none of their threads can
   reach the segment any more. */
void recover_own(lwshm_segment *segment);

#endif
