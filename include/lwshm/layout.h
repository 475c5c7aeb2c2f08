/*
 * layout.h - the layout of a segment, told by the library itself.
 *
 * For bindings that read the segment's words without a call, and for tools that
 * look inside: they compare what they were written for with what is loaded.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_LAYOUT_H
#define LWSHM_LAYOUT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One field of one struct of the segment, or one constant of the layout. */
struct lwshm_layout_field {
    const char *name; /* "lwlock.word", or "lwlock" for the whole struct, or "LOCK_POISON" */
    uint64_t offset;  /* bytes from the struct's start; a constant's value */
    uint64_t size;    /* bytes; 0 for a constant */
};

/* Field number `i`; returns 1, or 0 past the last one.  Any thread. */
int lwshm_layout_field(uint32_t i, struct lwshm_layout_field *field);

#ifdef __cplusplus
}
#endif

#endif
