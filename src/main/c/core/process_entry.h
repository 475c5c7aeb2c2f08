/*
 * process_entry.h - entering the processes of a segment, and leaving.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_PROCESS_ENTRY_H
#define LWSHM_CORE_PROCESS_ENTRY_H

#include "core/handle.h"
#include "core/members.h"

/*
 * Enters this process, taking back entries of the dead if need be.  The caller holds the
 * directory's lock (NULL: a private segment).  LWSHM_E_LIMIT if all entries are taken by the living.
 */
int process_enter(lwshm_segment *segment, const struct directory_lock *lock);

/* Gives this process's entry back, and then the lock on its byte. */
void process_leave(lwshm_segment *segment);

/* The same in two steps.  Between them the identity is 0, and the lock still keeps others out of the
   entry. */
void process_sign_off(lwshm_segment *segment);
void process_let_go(lwshm_segment *segment);

/* Takes the first step back. */
int process_sign_on_again(lwshm_segment *segment);

#endif
