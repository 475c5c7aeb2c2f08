/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/members_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/process.h"

#define OPEN_FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
#define HOLD_BYTES 1 /* mmap makes a page of it */

/* ---- the file ---- */

/* Closes `fd` and returns -err, unless that is 0. */
static int close_on_error(int fd, int err)
{
    if (err == 0)
        return fd;
    close(fd);
    return -err;
}

static int identify(int fd, uint32_t owner, struct os_file_id *id)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return errno;
    *id = (struct os_file_id){.dev = st.st_dev, .ino = st.st_ino};
    return !S_ISREG(st.st_mode) ? EISDIR : st.st_uid != owner ? EPERM : 0;
}

static bool is_file(int fd, const struct os_file_id *id)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_dev == id->dev && st.st_ino == id->ino;
}

int os_members_open(const struct os_data_dir *dir, bool create, struct os_file_id *id)
{
    int fd = openat(dir->fd, OS_MEMBERS_FILE, OPEN_FLAGS | (create ? O_CREAT : 0), 0600);
    if (fd < 0)
        return errno == ELOOP || errno == ENXIO ? -EISDIR : -errno;
    return close_on_error(fd, identify(fd, dir->uid, id));
}

int os_members_set_mode(int fd, uint32_t mode)
{
    /* In a set-group-id directory the group would be another than the segment's. */
    bool group = (mode & 0060) != 0;
    return (group && fchown(fd, (uid_t)-1, getegid()) < 0) || fchmod(fd, mode) < 0 ? -errno : 0;
}

void os_members_close(int fd)
{
    close(fd);
}

int os_members_remember(const struct os_data_dir *dir, const struct os_file_id *id,
                        struct os_members_file *file)
{
    char link[40], path[4096];
    *file = (struct os_members_file){.id = *id};
    file->reference = openat(dir->fd, OS_MEMBERS_FILE, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (file->reference < 0)
        return -errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file->reference);
    ssize_t length = readlink(link, path, sizeof path);
    if (length >= 0)
        file->path = strndup(path, (size_t)length);
    if (file->path != NULL && is_file(file->reference, id))
        return 0;
    int err = file->path == NULL ? errno : ESTALE;
    os_members_forget(file);
    return -err;
}

void os_members_drop_reference(struct os_members_file *file)
{
    /* Somebody may have closed all descriptors, and the number may be another file's by now. */
    if (file->reference >= 0 && is_file(file->reference, &file->id))
        close(file->reference);
    file->reference = -1;
}

void os_members_forget(struct os_members_file *file)
{
    os_members_drop_reference(file);
    free(file->path);
    file->path = NULL;
}

static int reopen(const char *path, int flags, const struct os_file_id *id)
{
    int fd = open(path, flags);
    return fd < 0 ? -errno : close_on_error(fd, is_file(fd, id) ? 0 : ESTALE);
}

int os_members_reopen(const struct os_members_file *file)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file->reference);
    /* Nothing else is opened: that may wake somebody (a pipe), or set something going (a device). */
    int fd = file->reference >= 0 && is_file(file->reference, &file->id)
                 ? reopen(link, OPEN_FLAGS & ~O_NOFOLLOW, &file->id)
                 : -EBADF;
    return fd >= 0 ? fd : reopen(file->path, OPEN_FLAGS, &file->id);
}

/* ---- locks ---- */

/* Closes `fd`, which is of a description of its own.  Its mapping keeps that, and so the lock. */
static int hold(int fd, uint64_t byte, bool exclusive, os_file_hold **held)
{
    struct flock lock = {.l_type = exclusive ? F_WRLCK : F_RDLCK,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t)byte,
                         .l_len = 1};
    int err = fcntl(fd, F_OFD_SETLK, &lock) < 0 ? errno == EACCES ? EAGAIN : errno : 0;
    void *page = MAP_FAILED;
    if (err == 0) {
        page = mmap(NULL, HOLD_BYTES, PROT_NONE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED || madvise(page, HOLD_BYTES, MADV_DONTFORK) < 0)
            err = errno;
    }
    if (err != 0 && page != MAP_FAILED)
        munmap(page, HOLD_BYTES);
    close(fd);
    if (err == 0)
        *held = page;
    return -err;
}

int os_members_hold(const struct os_data_dir *dir, uint64_t byte, bool exclusive,
                    struct os_file_id *id, os_file_hold **held)
{
    /* A forked child would keep the lock by a copy of the descriptor. */
    os_forbid_forks();
    int fd = os_members_open(dir, false, id);
    int r = fd < 0 ? fd : hold(fd, byte, exclusive, held);
    os_allow_forks();
    return r;
}

int os_members_hold_again(const struct os_members_file *file, uint64_t byte, bool exclusive,
                          os_file_hold **held)
{
    os_forbid_forks();
    int fd = os_members_reopen(file);
    int r = fd < 0 ? fd : hold(fd, byte, exclusive, held);
    os_allow_forks();
    return r;
}

void os_members_release(os_file_hold *held)
{
    if (held != NULL)
        munmap(held, HOLD_BYTES);
}

/* True if a lock is in the way of one of `kind` on `length` bytes, 0: all that follow. */
static int is_hindered(int fd, uint64_t byte, uint64_t length, short kind)
{
    struct flock lock = {
        .l_type = kind, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = (off_t)length};
    return fcntl(fd, F_OFD_GETLK, &lock) < 0 ? -errno : lock.l_type != F_UNLCK;
}

int os_members_is_locked(int fd, uint64_t byte, bool readers)
{
    return is_hindered(fd, byte, 1, readers ? F_WRLCK : F_RDLCK);
}

int os_members_any_locked(int fd, uint64_t byte)
{
    return is_hindered(fd, byte, 0, F_RDLCK);
}

/* ---- contents ---- */

int os_members_read(int fd, uint64_t offset, void *bytes, size_t size)
{
    ssize_t n = pread(fd, bytes, size, (off_t)offset);
    return n < 0 ? -errno : (size_t)n < size ? -ENODATA : 0;
}

int os_members_write(int fd, uint64_t offset, const void *bytes, size_t size)
{
    ssize_t n = pwrite(fd, bytes, size, (off_t)offset);
    return n < 0 ? -errno : (size_t)n < size ? -ENOSPC : 0;
}
