/*
 * checksum.h - what tells damage: FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_CHECKSUM_H
#define LWSHM_CORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t fnv1a(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3ull;
    return hash;
}

#endif
