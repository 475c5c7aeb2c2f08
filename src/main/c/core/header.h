/*
 * header.h - the segment's header: sized, written by its creator, checked by attachers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_HEADER_H
#define LWSHM_CORE_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/layout.h"

struct os_data_dir;
struct members_record;

/* Fills in a fresh segment's header, all but `state` and `magic`: those publish it.  `dir` and
   `record` are NULL for a private segment. */
void header_write(struct segment_header *header, const struct lwshm_segment_options *options,
                  const struct lwshm_segment_size *size, const struct os_data_dir *dir,
                  const struct members_record *record, bool huge_pages);

/* Makes the segment findable: from here on it is known as ours. */
void header_claim(struct segment_header *header);

/* True if the header, of which `size` bytes may be read, names `dir` (NULL: a private
   segment) and this boot as its own, in whatever ABI version. */
bool header_is_ours(const struct segment_header *header, uint64_t size,
                    const struct os_data_dir *dir);

/* True if the header, of which `size` bytes may be read, is of the segment that the record names. */
bool header_is_of_record(const struct segment_header *header, uint64_t size,
                         const struct members_record *record);

/* Checks every field that never changes against its rule and the others, then the
   areas, the index and the tranches.  `size` is what the kernel says the segment has.
   LWSHM_OK, LWSHM_E_ABI_VERSION, LWSHM_E_CORRUPT, LWSHM_E_NAMESPACE. */
int header_check(const struct segment_header *header, uint64_t size);

#endif
