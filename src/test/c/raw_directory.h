/*
 * raw_directory.h - a data directory and its segments, looked at without the library.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAW_DIRECTORY_H
#define RAW_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Which directory all the others look at. */
void raw_directory(const char *path);

/* The id of the segment on its first key, negative if there is none. */
int raw_shmid(void);

/* That segment's bytes, to read, until raw_bytes_detach(); NULL if there is none. */
const void *raw_bytes_attach(uint64_t *size);
void raw_bytes_detach(const void *bytes);

/* True if that segment was published once, and so holds data. */
bool raw_is_adoptable(void);

/* True if a process holds the directory's lock, shared or exclusive. */
bool raw_is_locked(void);

/* Segments that were made by this process or one that is known, including removed ones that are
   still attached. */
int raw_count_segments(void);
void raw_knows(pid_t pid);
void raw_know_nobody(void);

#endif
