/*
 * description.h - whether a segment is what a builder describes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_DESCRIPTION_H
#define LWSHM_CORE_DESCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/layout.h"

/* Of a description; NULL is as good as an empty one. */
uint64_t description_fingerprint(const char *description);

/*
 * True if the segment is of this ABI version and what the options describe: limits, room for areas,
 * description.  Else `why` says what differs, in one line.  The header has been checked, unless it
 * is of another ABI version.
 */
bool description_matches(const struct segment_header *header,
                         const struct lwshm_segment_options *options, char *why, size_t capacity);

#endif
