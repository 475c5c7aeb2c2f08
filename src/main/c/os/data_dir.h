/*
 * data_dir.h - the data directory: what it is, and whose.
 *
 * Functions return >= 0, or -errno.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_DATA_DIR_H
#define LWSHM_OS_DATA_DIR_H

#include <stdbool.h>
#include <stdint.h>

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

#endif
