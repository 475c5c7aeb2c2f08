/*
 * segment.h - what creating a segment and attaching to one have in common.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_SEGMENT_H
#define LWSHM_CORE_SEGMENT_H

#include "core/handle.h"
#include "os/data_dir.h"

/* Opens the data directory, or says what is wrong with it.  Only its owner creates in it;
   with a mode for the group, others may attach. */
int segment_open_data_dir(const char *path, uint32_t mode, bool for_creating,
                          struct os_data_dir *dir);

/* The segment's data directory as any process can name it, into path[LWSHM_DATA_DIR_MAX + 1];
   LWSHM_E_INVALID if it has none. */
int segment_absolute_data_dir(const lwshm_segment *segment, char *path);

/* LWSHM_E_SYSTEM unless /proc tells who this process is: nothing may be made or entered under
   no name. */
int segment_check_proc(void);

/* A note about a segment that this process makes. */
struct os_segment_note segment_note(int32_t key, int32_t shmid);

/* A handle that is not attached yet; NULL if there is no memory, and the error is set. */
lwshm_segment *segment_handle_new(const char *data_dir, int shmid, int32_t key);

void segment_handle_free(lwshm_segment *segment);

/* Copies the numbers of a checked header into the handle. */
void segment_adopt(lwshm_segment *segment, const struct segment_header *header);

#endif
