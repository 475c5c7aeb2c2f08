/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int os_private_file_write(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    /* Whatever the umask takes away. */
    ssize_t written = fchmod(fd, 0600) < 0 ? -1 : write(fd, bytes, size);
    int err = written < 0 ? errno : written < (ssize_t)size ? ENOSPC : 0;
    if (close(fd) < 0 && err == 0)
        err = errno;
    if (err != 0)
        unlink(path);
    return -err;
}

int os_private_file_read(const char *path, void *bytes, size_t capacity, struct os_file_stat *stat)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = fstat(fd, &st) < 0 ? -1 : 0;
    if (n == 0) {
        *stat = (struct os_file_stat){
            .is_regular = S_ISREG(st.st_mode), .uid = st.st_uid, .mode = st.st_mode & 07777};
        if (stat->is_regular)
            n = read(fd, bytes, capacity);
    }
    int err = errno;
    close(fd);
    return n < 0 ? -err : (int)n;
}
