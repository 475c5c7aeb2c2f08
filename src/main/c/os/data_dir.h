/*
 * data_dir.h - the data directory: what it is, its kernel lock, and the note in it.
 *
 * The note (file "lwshm.segment") says where the directory's segment is.  Nothing
 * trusts it: the segment's own header decides.  It serves to explain why a segment
 * is not found - it may be in another IPC namespace - and to tell a segment whose
 * creator was killed before it could write a header from a stranger's.
 *
 * Functions return >= 0, or -errno.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_DATA_DIR_H
#define LWSHM_OS_DATA_DIR_H

#include <stdbool.h>
#include <stdint.h>

#define OS_SEGMENT_NOTE "lwshm.segment"

struct os_data_dir {
    int fd; /* of the directory; -1: not open */
    uint64_t dev;
    uint64_t ino;
    uint32_t uid; /* of the owner */
};

/* Opens it; -ENOTDIR if it is something else.  Close with os_data_dir_close(). */
int os_data_dir_open(const char *path, struct os_data_dir *dir);

void os_data_dir_close(struct os_data_dir *dir);

/* 0 if this process may make files in it. */
int os_data_dir_writable(const struct os_data_dir *dir);

/* The effective user of this process. */
uint32_t os_user(void);

/* Takes the kernel's lock on the directory, which ends with the process if not
   before; -EWOULDBLOCK if another process has it for longer than `timeout_ns`. */
int os_data_dir_lock(const struct os_data_dir *dir, int64_t timeout_ns);

void os_data_dir_unlock(const struct os_data_dir *dir);

struct os_segment_note {
    int32_t key;
    int32_t shmid;    /* -1: about to be made */
    uint64_t creator; /* identity */
    uint64_t ipc_namespace;
    uint64_t pid_namespace;
    uint8_t boot_id[16];
};

/* Writes the note, in one step as others see it. */
int os_segment_note_write(const struct os_data_dir *dir, const struct os_segment_note *note);

/* Reads the note; -ENOENT if there is none, -EINVAL if it is not one. */
int os_segment_note_read(const struct os_data_dir *dir, struct os_segment_note *note);

/* Removes the note. */
int os_segment_note_remove(const struct os_data_dir *dir);

#endif
