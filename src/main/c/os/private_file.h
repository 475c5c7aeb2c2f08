/*
 * private_file.h - small files that one process of a user leaves for another of his.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_PRIVATE_FILE_H
#define LWSHM_OS_PRIVATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct os_file_stat {
    bool is_regular;
    uint32_t uid; /* of the owner */
    uint32_t mode;
};

/* Makes a file that did not exist, mode 0600, and writes it at once; 0 or -errno, and nothing is
   left then. */
int os_private_file_write(const char *path, const void *bytes, size_t size);

/* Tells what stands at `path`, which is not followed if it is a link (-ELOOP), and reads at most
   `capacity` bytes of it if it is a file: how many, or -errno.  Never blocks. */
int os_private_file_read(const char *path, void *bytes, size_t capacity, struct os_file_stat *stat);

#endif
