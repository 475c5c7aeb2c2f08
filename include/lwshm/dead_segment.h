/*
 * dead_segment.h - segments that somebody left who was killed, wherever their data directories are.
 *
 * The next creator in a data directory removes what is left of that directory's segment by itself,
 * and lwshm_segment_open() adopts it with its data.  This is for directories in which nobody will do
 * either.
 *
 * A segment is dead if it is lwshm's, of this boot and this user, and no process is attached to it.
 * Others' are left alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_DEAD_SEGMENT_H
#define LWSHM_DEAD_SEGMENT_H

#include <stdint.h>

#include "lwshm/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lwshm_dead_segment {
    int32_t shmid;
    int32_t key;           /* 0: a private one */
    int32_t creator_pid;   /* as that process knew itself */
    uint32_t generation;   /* as in struct lwshm_segment_info */
    uint64_t size;         /* bytes */
    int64_t created_at;    /* microseconds since 1970 */
    uint64_t data_dir_dev; /* 0 and 0 for a private one */
    uint64_t data_dir_ino;
};

/* The dead segments of this IPC namespace, into segments[0..capacity); returns how many there are,
   which may exceed `capacity`.  Any thread.  LWSHM_E_SYSTEM. */
int lwshm_dead_segment_list(struct lwshm_dead_segment *segments, uint32_t capacity);

/* Removes one, having looked again whether it is dead.  LWSHM_E_NOT_FOUND if it is gone, or has come
   to life; LWSHM_E_SYSTEM. */
int lwshm_dead_segment_remove(int32_t shmid);

#ifdef __cplusplus
}
#endif

#endif
