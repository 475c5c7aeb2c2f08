/*
 * lwlock_disown.h - what acquire has to know of disowned locks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_LWLOCK_DISOWN_H
#define LWSHM_CORE_LWLOCK_DISOWN_H

#include "core/handle.h"

/* Zeroes a record of ours that says we have disowned the lock, if it was released since by one
   that was killed before it could do that.  Before we acquire it again: our name in W must
   not be taken for the old hold. */
void lwlock_forget_disowned(lwshm_backend *backend, uint64_t lock);

#endif
