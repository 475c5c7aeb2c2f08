/*
 * version.h - the version of the library and of what it lays out in shared memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_VERSION_H
#define LWSHM_VERSION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWSHM_VERSION "0.1.0"

/*
 * The version of the segment's layout and of the lock protocol.  Two programs
 * share a segment only if theirs are equal.
 */
#define LWSHM_ABI_VERSION 3u

/* The version of the library that was loaded, which may differ from LWSHM_VERSION. */
const char *lwshm_version(void);

/* The ABI version of the library that was loaded. */
uint32_t lwshm_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif
