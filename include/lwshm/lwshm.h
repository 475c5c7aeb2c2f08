/*
 * lwshm.h - PostgreSQL's shared memory for the processes of one host.
 *
 * Caveats first:
 *   - A segment is shared by processes of one IPC and one PID namespace.
 *   - Areas are never freed or moved: a segment is sized once, when it is made.
 *   - Store offsets in a segment, never pointers.
 *   - Locks are not reentrant, and belong to a backend, not to a process.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_LWSHM_H
#define LWSHM_LWSHM_H

#include "lwshm/backend.h"
#include "lwshm/child.h"
#include "lwshm/dead_segment.h"
#include "lwshm/layout.h"
#include "lwshm/lwlock.h"
#include "lwshm/postmaster.h"
#include "lwshm/process.h"
#include "lwshm/segment.h"
#include "lwshm/semaphore.h"
#include "lwshm/shmem.h"
#include "lwshm/status.h"
#include "lwshm/tranche.h"
#include "lwshm/version.h"

#endif
