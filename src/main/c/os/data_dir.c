/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"

#define NOTE_TEMPORARY OS_SEGMENT_NOTE ".new"

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

int os_data_dir_lock(const struct os_data_dir *dir, int64_t timeout_ns)
{
    int64_t deadline = os_monotonic_ns() + timeout_ns;
    while (flock(dir->fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        if (os_monotonic_ns() >= deadline)
            return -EWOULDBLOCK;
        os_sleep_ns(1000000);
    }
    return 0;
}

void os_data_dir_unlock(const struct os_data_dir *dir)
{
    flock(dir->fd, LOCK_UN);
}

int os_segment_note_write(const struct os_data_dir *dir, const struct os_segment_note *note)
{
    char text[512];
    int length =
        snprintf(text, sizeof text,
                 "lwshm segment\nkey %" PRId32 "\nshmid %" PRId32 "\ncreator %" PRIu64
                 "\nipc_namespace %" PRIu64 "\npid_namespace %" PRIu64 "\nboot_id ",
                 note->key, note->shmid, note->creator, note->ipc_namespace, note->pid_namespace);
    for (int i = 0; i < 16; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%02x", note->boot_id[i]);
    text[length++] = '\n';

    int fd = openat(dir->fd, NOTE_TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    0600);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, (size_t)length);
    int err = written < 0 ? errno : ENOSPC;
    if (close(fd) < 0 && written == length) {
        err = errno;
        written = -1;
    }
    if (written == length) {
        if (renameat(dir->fd, NOTE_TEMPORARY, dir->fd, OS_SEGMENT_NOTE) == 0)
            return 0;
        err = errno;
    }
    unlinkat(dir->fd, NOTE_TEMPORARY, 0);
    return -err;
}

int os_segment_note_read(const struct os_data_dir *dir, struct os_segment_note *note)
{
    char text[512], boot[33] = "";
    int fd = openat(dir->fd, OS_SEGMENT_NOTE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    ssize_t length = read(fd, text, sizeof text - 1);
    int err = errno;
    close(fd);
    if (length < 0)
        return -err;
    text[length] = '\0';
    if (sscanf(text,
               "lwshm segment\nkey %" SCNd32 "\nshmid %" SCNd32 "\ncreator %" SCNu64
               "\nipc_namespace %" SCNu64 "\npid_namespace %" SCNu64 "\nboot_id %32s",
               &note->key, &note->shmid, &note->creator, &note->ipc_namespace, &note->pid_namespace,
               boot) != 6)
        return -EINVAL;
    for (int i = 0; i < 16; i++)
        if (sscanf(boot + 2 * i, "%2hhx", &note->boot_id[i]) != 1)
            return -EINVAL;
    return 0;
}

int os_segment_note_remove(const struct os_data_dir *dir)
{
    return unlinkat(dir->fd, OS_SEGMENT_NOTE, 0) < 0 ? -errno : 0;
}
