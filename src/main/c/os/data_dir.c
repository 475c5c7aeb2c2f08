/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int os_data_dir_open(const char *path, struct os_data_dir *dir)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0) {
        int err = errno;
        close(fd);
        return -err;
    }
    *dir = (struct os_data_dir){.fd = fd, .dev = st.st_dev, .ino = st.st_ino, .uid = st.st_uid};
    return 0;
}

void os_data_dir_close(struct os_data_dir *dir)
{
    if (dir->fd >= 0)
        close(dir->fd);
    dir->fd = -1;
}

int os_data_dir_writable(const struct os_data_dir *dir)
{
    return faccessat(dir->fd, ".", W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

uint32_t os_user(void)
{
    return geteuid();
}
