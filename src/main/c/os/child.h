/*
 * child.h - child processes: begun clean, listened to, waited for, reaped.
 *
 * Functions return >= 0, or -errno.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_CHILD_H
#define LWSHM_OS_CHILD_H

#include <stdbool.h>
#include <stdint.h>

/* What a start fails at. */
enum os_child_step {
    OS_CHILD_PIPE,
    OS_CHILD_FORK,
    OS_CHILD_DEATH_SIGNAL,
    OS_CHILD_NOTE, /* writing down its identity */
    OS_CHILD_SESSION,
    OS_CHILD_STREAMS, /* /dev/null and the pipe as standard streams */
    OS_CHILD_DIRECTORY,
    OS_CHILD_DESCRIPTORS, /* closing the parent's others */
    OS_CHILD_PROGRAM
};

struct os_child_start {
    const char *const *arguments;   /* [0] is looked for on this process's PATH */
    const char *const *environment; /* "NAME=value" */
    const char *directory;          /* NULL: this process's */
    int parent_death_signal;        /* 0: none */
    const char *note;               /* a file that takes its identity; NULL: none */
    uint64_t note_offset;           /* where in it */
    /* Results. */
    int32_t pid;
    int output; /* read end of the pipe, close-on-exec, does not block */
    enum os_child_step failed;
};

/*
 * Starts a program in a session of its own, with default signal dispositions, an empty mask,
 * /dev/null and a pipe as its standard streams, and no other descriptor.  Has the calling process
 * no longer ignore SIGCHLD, since a child that ends would not stay a zombie then.
 *
 * The child itself writes down who it is, before it becomes another program: so it is noted
 * whenever its parent is killed, and a child that is not noted ends with its parent.
 *
 * What the child fails at is known at once, since it shares the memory of the parent (vfork).
 * Where a fork is made of that, by ThreadSanitizer or an emulator of user programs, such a child
 * counts as started, and exits 127.
 */
int os_child_start(struct os_child_start *start);

/* What a child's note is: its identity in decimal, padded with zeros. */
#define OS_CHILD_NOTE_BYTES 20

#define OS_CHILD_SIGNALLED 256

/* Waits until a child has ended, and leaves it a zombie: its exit code, or OS_CHILD_SIGNALLED plus
   a signal.  -ECHILD if it is no unreaped child. */
int os_child_await(int32_t pid);

/* Reaps a child that has ended.  -ECHILD if it is no unreaped child, -EBUSY if it lives. */
int os_child_reap(int32_t pid);

/* Signals an unreaped child, a zombie included, or all its process group, of which it must be the
   head then.  -ESRCH if it is no unreaped child, -EINVAL if there is no such signal. */
int os_child_signal(int32_t pid, int signal, bool group);

/* Reads from a pipe when something is there: how many bytes, 0 if nobody can write any more,
   -ETIMEDOUT.  `timeout_ms` negative: no limit. */
int os_child_read(int output, void *bytes, uint32_t size, int64_t timeout_ms);

int os_child_close_output(int output);

#endif
