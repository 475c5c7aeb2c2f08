/*
 * random.h - random numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_RANDOM_H
#define LWSHM_OS_RANDOM_H

#include <stdint.h>

/* A number that no other process gets, and never 0. */
uint64_t os_random(void);

#endif
