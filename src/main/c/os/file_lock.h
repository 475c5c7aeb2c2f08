/*
 * file_lock.h - the kernel's lock on a file (flock).
 *
 * Functions return >= 0, or -errno.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_FILE_LOCK_H
#define LWSHM_OS_FILE_LOCK_H

/* A descriptor, close-on-exec, that holds it.  -EWOULDBLOCK if another has it, -EINVAL if the
   file is no regular one, -ELOOP if it is a symbolic link. */
int os_file_lock(const char *path);

/* 1 if the file is still the one at `path`, 0 if that is gone or another. */
int os_file_lock_is_at(int lock, const char *path);

int os_file_unlock(int lock);

#endif
