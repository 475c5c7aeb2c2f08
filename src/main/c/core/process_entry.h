/*
 * process_entry.h - the processes of a segment.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_PROCESS_ENTRY_H
#define LWSHM_CORE_PROCESS_ENTRY_H

#include "core/handle.h"

/* Enters this process, taking back entries of the dead if need be; LWSHM_E_LIMIT if all
   are taken by the living. */
int process_enter(lwshm_segment *segment);

/* Gives this process's entry back. */
void process_leave(lwshm_segment *segment);

#endif
