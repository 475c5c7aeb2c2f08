/*
 * segment.h - what creating a segment and attaching to one have in common.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_SEGMENT_H
#define LWSHM_CORE_SEGMENT_H

#include "core/members.h"
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

/* What a call works on: a directory, whose lock it holds. */
struct segment_place {
    const struct os_data_dir *dir;
    const struct directory_lock *lock;
};

/* Makes the directory's segment, attaches it and enters it, with the directory's lock held
   exclusively and nobody in it.  What the record names is removed. */
int segment_make(const struct segment_place *place, const struct lwshm_segment_options *options,
                 lwshm_segment **segment);

/* Says that a segment cannot be made because of the directory's members, and what of theirs. */
int segment_fail_in_use(const struct directory_lock *lock, const struct members *members);

/* Attaches to the segment that the directory's record names, and enters it, if it is published. */
int segment_attach_recorded(const struct segment_place *place, uint32_t mode,
                            lwshm_segment **segment);

/* A handle that is not attached yet; NULL if that fails, and the error is set.  `place`: NULL for
   a private segment. */
lwshm_segment *segment_handle_new(const struct segment_place *place, int shmid, int32_t key);

/* Says that the handle is in use from now on. */
void segment_handle_open(lwshm_segment *segment);

void segment_handle_free(lwshm_segment *segment);

/* Copies the numbers of a checked header into the handle. */
void segment_copy_header(lwshm_segment *segment, const struct segment_header *header);

#endif
