/*
 * shmem.h - making a struct that is whole before anybody finds it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_SHMEM_H
#define LWSHM_CORE_SHMEM_H

#include "core/handle.h"
#include "lwshm/shmem.h"

/* Fills in a fresh struct, which is zeros so far and which nobody else knows. */
typedef void shmem_init(void *area, const void *argument);

/* lwshm_shmem_init_struct(), and `init` is called before a fresh struct can be found. */
int shmem_init_struct(lwshm_segment *segment, const char *name, uint64_t size, shmem_init *init,
                      const void *argument, bool *found, struct lwshm_area *area);

#endif
