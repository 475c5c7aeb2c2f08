/*
 * shmem.h - areas of a segment: named structures, the index that finds them, and
 * the account of every byte.
 *
 * Areas are handed out by a bump allocator, aligned to 64 bytes (a cache line),
 * zeroed, and never freed or moved.  They are named by byte offset, which is the
 * same in every process; a pointer is computed for the moment and never stored in
 * the segment.
 *
 * All functions may be called from any thread of any attached process.  Those that
 * allocate exclude one another with a word in the header that names its owner, so
 * one that is killed half-way neither blocks the others nor leaves half an entry.
 *
 * Source: PostgreSQL, src/backend/storage/ipc/shmem.c (ShmemInitStruct,
 * ShmemAlloc, pg_get_shmem_allocations).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_SHMEM_H
#define LWSHM_SHMEM_H

#include <stdbool.h>
#include <stdint.h>

#include "lwshm/segment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names of areas are UTF-8, 1 to 47 bytes. */
#define LWSHM_STRUCT_NAME_MAX 47

/* A named area. */
struct lwshm_area {
    uint64_t offset; /* bytes from the segment's start, a multiple of 64 */
    uint64_t size;   /* bytes, as asked for */
};

/* The bytes that an area of `size` bytes takes: `size` rounded up to 64.
   UINT64_MAX if that overflows. */
uint64_t lwshm_shmem_allocated_size(uint64_t size);

/*
 * Finds the area `name`, or makes it with `size` bytes of zeros.  *found says
 * which.  The caller that made it initialises it.
 *
 * Errors: LWSHM_E_INVALID (name or size), LWSHM_E_SIZE_MISMATCH (it exists with
 * another size), LWSHM_E_LIMIT (no bytes or no index entry left).
 */
int lwshm_shmem_init_struct(lwshm_segment *segment, const char *name, uint64_t size, bool *found,
                            struct lwshm_area *area);

/* Finds the area `name`; LWSHM_E_NOT_FOUND if there is none. */
int lwshm_shmem_index_find(const lwshm_segment *segment, const char *name, struct lwshm_area *area);

/* Allocates `size` bytes that have no name; its offset is known to the caller alone.
   Errors as for lwshm_shmem_init_struct. */
int lwshm_shmem_alloc(lwshm_segment *segment, uint64_t size, struct lwshm_area *area);

/* The address, in this process and until it detaches, of a byte offset; NULL unless
   [offset, offset + size) lies inside the segment. */
void *lwshm_shmem_pointer(const lwshm_segment *segment, uint64_t offset, uint64_t size);

enum lwshm_allocation_kind {
    LWSHM_ALLOCATION_FIXED = 0,     /* a fixed region: header, processes, backends, ... */
    LWSHM_ALLOCATION_STRUCT = 1,    /* a named area */
    LWSHM_ALLOCATION_ANONYMOUS = 2, /* all areas without a name, in one row */
    LWSHM_ALLOCATION_FREE = 3       /* what is left */
};

/* One row of the account. */
struct lwshm_allocation {
    uint32_t kind; /* enum lwshm_allocation_kind */
    uint32_t reserved;
    uint64_t offset;         /* 0 for the anonymous row, whose areas lie here and there */
    uint64_t size;           /* bytes asked for */
    uint64_t allocated_size; /* bytes taken; these add up to the segment's size */
    char name[64];           /* NUL-terminated; the fixed regions' as in lwshm_region_name() */
};

/*
 * Reads the account: the fixed regions, the named areas in the order of their
 * making, the anonymous row, the free row.  Writes at most `capacity` rows and
 * returns how many there are.  The rows are of one moment: their allocated sizes
 * always add up to the segment's size.
 */
int lwshm_shmem_allocations(const lwshm_segment *segment, struct lwshm_allocation *rows,
                            uint32_t capacity);

/* "header", "processes", "backends", "tranches", "lwlocks", "shmem index", "areas". */
const char *lwshm_region_name(enum lwshm_region region);

#ifdef __cplusplus
}
#endif

#endif
