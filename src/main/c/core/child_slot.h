/*
 * child_slot.h - the child word of a backend slot: whom the postmaster means the slot for, and
 * whether he has left in order.  Who may move it from what to what is in layout.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_CHILD_SLOT_H
#define LWSHM_CORE_CHILD_SLOT_H

#include "core/handle.h"
#include "lwshm/postmaster.h"

/* LWSHM_E_PARAMETERS unless the segment and a slot of its children are the ones meant. */
int child_slot_check_meant(const lwshm_segment *segment,
                           const struct lwshm_backend_parameters *parameters);

/* ASSIGNED becomes ACTIVE; LWSHM_E_PARAMETERS if the slot is not meant for `launch`, or no more. */
int child_slot_activate(lwshm_segment *segment, uint32_t slot, uint32_t launch);

/* Takes that back, when the slot itself could not be taken. */
void child_slot_deactivate(lwshm_segment *segment, uint32_t slot, uint32_t launch);

/* ACTIVE becomes LEFT.  Before the slot is freed, and when nothing is held any more. */
void child_slot_leave(lwshm_segment *segment, uint32_t slot, uint32_t launch);

/* The same for a slot that is known to be this process's, whatever its launch. */
void child_slot_leave_own(lwshm_segment *segment, uint32_t slot);

/* True if a record of the slot says that its backend is inside a lock exclusively. */
bool child_slot_is_inside(const lwshm_segment *segment, uint32_t slot);

/* The process that is joined in a slot, 0 if none is. */
int32_t child_slot_pid(const lwshm_segment *segment, uint32_t slot);

#endif
