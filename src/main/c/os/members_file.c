/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/members_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/process.h"
#include "os/random.h"

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
    if (fd < 0) /* EPERM: it may not be changed (chattr) */
        return errno == ELOOP || errno == ENXIO ? -EISDIR : errno == EPERM ? -EACCES : -errno;
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
    /* Opens nothing else: opening a pipe may wake its reader, and opening a device may start it. */
    int fd = file->reference >= 0 && is_file(file->reference, &file->id)
                 ? reopen(link, OPEN_FLAGS & ~O_NOFOLLOW, &file->id)
                 : -EBADF;
    return fd >= 0 ? fd : reopen(file->path, OPEN_FLAGS, &file->id);
}

/* ---- what keeps a lock ---- */

struct os_file_hold {
    void *page; /* NULL: the descriptor does it */
    int fd;
    struct os_file_id id;
    struct os_file_hold *next;
};

static struct os_file_hold *descriptors; /* those that do; with forks forbidden */

/* The description of a lock in the child is the parent's. */
static void close_in_child(void)
{
    for (struct os_file_hold *held = descriptors; held != NULL; held = held->next) {
        if (is_file(held->fd, &held->id))
            close(held->fd);
        held->fd = -1;
    }
    descriptors = NULL;
}

static void register_close_in_child(void)
{
    pthread_atfork(NULL, NULL, close_in_child);
}

static int set_lock(int fd, uint64_t byte, bool exclusive)
{
    struct flock lock = {.l_type = exclusive ? F_WRLCK : F_RDLCK,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t)byte,
                         .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? errno == EACCES ? -EAGAIN : -errno : 0;
}

static int map_page(int fd, void **page)
{
    void *at = mmap(NULL, HOLD_BYTES, PROT_NONE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    if (madvise(at, HOLD_BYTES, MADV_DONTFORK) < 0) {
        int err = errno;
        munmap(at, HOLD_BYTES);
        return -err;
    }
    *page = at;
    return 0;
}

/* True if a lock is in the way of one of `kind` on `length` bytes, 0: all that follow. */
static int is_hindered(int fd, uint64_t byte, uint64_t length, short kind)
{
    struct flock lock = {
        .l_type = kind, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = (off_t)length};
    return fcntl(fd, F_OFD_GETLK, &lock) < 0 ? -errno : lock.l_type != F_UNLCK;
}

/* Tries it with a read lock on a byte far behind the entries', so that no process looks like a
   member. */
static int try_mapping(int fd)
{
    uint64_t byte = 1ull << 60 | os_random() >> 8;
    char link[40];
    void *page = NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int other = open(link, O_RDWR | O_CLOEXEC);
    if (other < 0)
        return -errno;
    int r = set_lock(other, byte, false);
    if (r == 0)
        r = map_page(other, &page);
    close(other);
    if (r < 0)
        return r == -ENODEV ? 0 : r;
    r = is_hindered(fd, byte, 1, F_WRLCK);
    munmap(page, HOLD_BYTES);
    return r;
}

/* 1 if a mapping of the file keeps its description open, 0 if not, or -errno. */
static int mapping_keeps(int fd, const struct os_file_id *id)
{
    /* The last answer, and the file system that it is about. */
    static uint64_t known;
    uint64_t key = (id->dev + 1) << 1, last = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if ((last & ~1ull) == key)
        return (int)(last & 1);
    int r = try_mapping(fd);
    if (r >= 0)
        __atomic_store_n(&known, key | (uint64_t)r, __ATOMIC_RELAXED);
    return r;
}

/* ---- locks ---- */

/* Locks the byte through `fd`, which is of a description of its own, and fills in what keeps it. */
static int lock_and_keep(uint64_t byte, bool exclusive, os_file_hold *held)
{
    int r = set_lock(held->fd, byte, exclusive);
    if (r < 0)
        return r;
    r = mapping_keeps(held->fd, &held->id);
    if (r > 0)
        return map_page(held->fd, &held->page);
    if (r == 0) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, register_close_in_child);
        held->next = descriptors;
        descriptors = held;
    }
    return r;
}

/* Takes `fd` over.  Forks are forbidden: a child would keep the lock by a copy of the descriptor. */
static int hold(int fd, const struct os_file_id *id, uint64_t byte, bool exclusive,
                os_file_hold **result)
{
    os_file_hold *held = malloc(sizeof *held);
    if (held != NULL)
        *held = (os_file_hold){.fd = fd, .id = *id};
    int r = held == NULL ? -ENOMEM : lock_and_keep(byte, exclusive, held);
    if (r < 0 || held->page != NULL)
        close(fd);
    if (r < 0)
        free(held);
    else
        *result = held;
    return r;
}

int os_members_hold(const struct os_data_dir *dir, uint64_t byte, bool exclusive,
                    struct os_file_id *id, os_file_hold **held)
{
    os_forbid_forks();
    int fd = os_members_open(dir, false, id);
    int r = fd < 0 ? fd : hold(fd, id, byte, exclusive, held);
    os_allow_forks();
    return r;
}

int os_members_hold_again(const struct os_members_file *file, uint64_t byte, bool exclusive,
                          os_file_hold **held)
{
    os_forbid_forks();
    int fd = os_members_reopen(file);
    int r = fd < 0 ? fd : hold(fd, &file->id, byte, exclusive, held);
    os_allow_forks();
    return r;
}

static void let_go_of_descriptor(os_file_hold *held)
{
    os_forbid_forks();
    os_file_hold **link = &descriptors;
    while (*link != NULL && *link != held)
        link = &(*link)->next;
    if (*link != NULL)
        *link = held->next;
    /* The number may be another file's by now. */
    if (held->fd >= 0 && is_file(held->fd, &held->id))
        close(held->fd);
    os_allow_forks();
}

void os_members_release(os_file_hold *held)
{
    if (held == NULL)
        return;
    if (held->page != NULL)
        munmap(held->page, HOLD_BYTES);
    else
        let_go_of_descriptor(held);
    free(held);
}

void os_members_disown(os_file_hold *held)
{
    free(held);
}

int os_members_is_locked(int fd, uint64_t byte, bool readers)
{
    return is_hindered(fd, byte, 1, readers ? F_WRLCK : F_RDLCK);
}

uint64_t os_members_first_locked(int fd, uint64_t byte, uint64_t end)
{
    /* The kernel names some lock, not the first one: so ask again for what is before it. */
    while (byte < end) {
        struct flock lock = {.l_type = F_RDLCK,
                             .l_whence = SEEK_SET,
                             .l_start = (off_t)byte,
                             .l_len = (off_t)(end - byte)};
        if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
            return byte;
        if (lock.l_type == F_UNLCK)
            break;
        end = (uint64_t)lock.l_start > byte ? (uint64_t)lock.l_start : byte;
    }
    return end;
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
