/*
 * members_file.h - the file of a data directory on which its members hold the kernel's locks.
 *
 * Byte 0 is the directory's lock.  Byte 1 + i belongs to the process in process entry i.  The locks
 * are open file description locks (F_OFD_SETLK), and what keeps a description open is a mapping of
 * the file, no descriptor: MADV_DONTFORK keeps it out of forked children, and closing all
 * descriptors does not end it.  It ends with munmap, with exec, and with the process.
 *
 * On a file system that is stacked on another (overlay, as containers have it) a mapping keeps the
 * file below it open and not this one.  There a descriptor keeps the lock, which a forked child
 * closes; a process that closes it itself is no member any more.
 *
 * A description never conflicts with its own locks, so each lock here has one of its own.
 *
 * Locks cover bytes whether or not the file is that long; what the file holds has nothing to do
 * with them.  The file is never removed or replaced by the library.
 *
 * Functions return >= 0, or -errno.  Any thread may call them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_MEMBERS_FILE_H
#define LWSHM_OS_MEMBERS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/data_dir.h"

#define OS_MEMBERS_FILE "lwshm.members"

/* Which file it is.  A copy is another one. */
struct os_file_id {
    uint64_t dev;
    uint64_t ino;
};

/* How a process finds the file again when it has opened it once. */
struct os_members_file {
    struct os_file_id id;
    int reference; /* an O_PATH descriptor; finds it if the directory was renamed */
    char *path;    /* absolute; finds it if all descriptors were closed */
};

/* A lock; NULL: none. */
typedef struct os_file_hold os_file_hold;

/*
 * Opens the file of a directory for reading and writing, and tells which it is.  `create`: makes it
 * if there is none, for its owner alone.  -ENOENT if there is none, -EISDIR if something else than
 * a file has the name, -EPERM if it is not the directory's owner's.
 */
int os_members_open(const struct os_data_dir *dir, bool create, struct os_file_id *id);

/* Sets the permission bits, and the group to this process's. */
int os_members_set_mode(int fd, uint32_t mode);

/* Notes how to find the file of a directory again.  Ended by os_members_forget(). */
int os_members_remember(const struct os_data_dir *dir, const struct os_file_id *id,
                        struct os_members_file *file);
void os_members_forget(struct os_members_file *file);

/* Closes the descriptor of it, for a process that has no other left: the path finds it still. */
void os_members_drop_reference(struct os_members_file *file);

/* Opens the same file again; -ESTALE if it is not to be found. */
int os_members_reopen(const struct os_members_file *file);

void os_members_close(int fd);

/* Takes a lock on a byte if nobody has one in its way: 0, or -EAGAIN.  The first one opens the file
   of a directory, the second one one that is known. */
int os_members_hold(const struct os_data_dir *dir, uint64_t byte, bool exclusive,
                    struct os_file_id *id, os_file_hold **hold);
int os_members_hold_again(const struct os_members_file *file, uint64_t byte, bool exclusive,
                          os_file_hold **hold);

/* Gives it back; not in a forked child, which has not inherited it. */
void os_members_release(os_file_hold *hold);

/* What a forked child does instead: frees what it has of it. */
void os_members_disown(os_file_hold *hold);

/* 1 if somebody has locked the byte through another description, else 0.  `readers`: to read
   counts, too. */
int os_members_is_locked(int fd, uint64_t byte, bool readers);

/* The first byte in [byte, end) that is write-locked through another description; `end` if none is.
   Returns `byte` if the kernel does not tell. */
uint64_t os_members_first_locked(int fd, uint64_t byte, uint64_t end);

/* 1 if somebody has write-locked a byte from `byte` on through another description, else 0. */
int os_members_any_locked(int fd, uint64_t byte);

/* Reads or writes all of `size` bytes, or fails; -ENODATA if the file ends before. */
int os_members_read(int fd, uint64_t offset, void *bytes, size_t size);
int os_members_write(int fd, uint64_t offset, const void *bytes, size_t size);

#endif
