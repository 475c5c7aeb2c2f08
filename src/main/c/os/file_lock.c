/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int lock_file(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int os_file_lock(const char *path)
{
    /* O_NONBLOCK: what is found there may be a pipe. */
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == EISDIR || errno == ENXIO ? -EINVAL : -errno;
    int r = lock_file(fd);
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

int os_file_lock_is_at(int lock, const char *path)
{
    struct stat mine, there;
    if (fstat(lock, &mine) < 0)
        return -errno;
    if (lstat(path, &there) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    return mine.st_nlink > 0 && mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

int os_file_unlock(int lock)
{
    /* Told to the kernel, since a child being started may have a copy of the descriptor. */
    int err = flock(lock, LOCK_UN) < 0 ? errno : 0;
    if (close(lock) < 0 && err == 0)
        err = errno;
    return -err;
}
