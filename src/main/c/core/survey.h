/*
 * survey.h - what stands on the keys of a data directory.
 *
 * The keys of a directory are its inode number and the numbers that follow it.  The members file
 * says which segment a directory has; the keys are looked at by who creates one, for what is left
 * of a directory whose members file was removed.  All of them are looked at each time, so that a
 * segment of ours is found even if the stranger that once pushed it to a later key is gone.
 *
 * Source: PostgreSQL, src/backend/port/sysv_shmem.c (IpcMemoryState).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_SURVEY_H
#define LWSHM_CORE_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "os/data_dir.h"
#include "os/sysv_shm.h"

/* How many keys a directory has. */
#define SURVEY_KEYS 1024

/* Key number `i` of a directory; never 0, which is IPC_PRIVATE. */
int32_t survey_key(const struct os_data_dir *dir, uint32_t i);

/* What a segment is to us; the five states of PostgreSQL. */
enum segment_standing {
    STANDING_GONE,       /* removed while we looked */
    STANDING_FOREIGN,    /* somebody else's */
    STANDING_UNATTACHED, /* ours, nobody in it */
    STANDING_ATTACHED,   /* ours, somebody attached */
    STANDING_UNKNOWN     /* could not be looked at, so taken for attached */
};

struct surveyed {
    int32_t key;
    int32_t shmid;
    uint32_t generation; /* if ours and of this ABI version, else 0 */
    struct os_shm_stat stat;
};

/* True if the segment is of that owner, made by him, and nobody else may use it than `mode` allows. */
bool survey_is_owned(const struct os_shm_stat *stat, uint32_t owner, uint32_t mode);

/* Looks at one segment.  `mode`: the widest permissions that are still ours. */
enum segment_standing survey_segment(int shmid, uint32_t mode, const struct os_data_dir *dir,
                                     struct surveyed *found);

/*
 * Finds the segment of a directory.  STANDING_GONE if it has none.  Stops at the first
 * key whose segment is ours.
 */
enum segment_standing survey_keys(uint32_t mode, const struct os_data_dir *dir,
                                  struct surveyed *found);

/* Removes a segment of ours that nobody was attached to: 0; 1 if somebody is by now; or an
   error. */
int survey_remove(const struct surveyed *found, const char *data_dir);

#endif
