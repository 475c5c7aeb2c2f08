/*
 * child.h - child processes, as a postmaster has them: started, listened to, signalled, reaped.
 *
 * A child begins with default signal dispositions and an empty mask, in a session of its own, with
 * /dev/null as standard input, one pipe as standard output and error, and no other descriptor of
 * its parent's.  When the *thread* that started it ends, the kernel sends it the signal that was
 * chosen for that (PR_SET_PDEATHSIG): so start children from a thread that lives as long as the
 * process.
 *
 * A program that is set-id, or changes its credentials, loses that signal.  So the child can write
 * down its identity before it becomes the program: LWSHM_CHILD_NOTE_BYTES decimal digits, which
 * lwshm_process_is_dead() and lwshm_process_signal() take.  Whatever instruction its parent is
 * killed at, the child is noted, or the signal ends it.
 *
 * A child that has ended stays a zombie until it is reaped, so its pid is nobody else's before.
 * That is why starting one has the calling process no longer ignore SIGCHLD, if it did.
 * Start, signal and reap a child from one thread; await and read may be in others.
 *
 * Source: PostgreSQL, src/backend/postmaster/launch_backend.c (StartChildProcess) and
 * fork_process.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CHILD_H
#define LWSHM_CHILD_H

#include <stdint.h>

#include "lwshm/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The length of a note. */
#define LWSHM_CHILD_NOTE_BYTES 20

struct lwshm_child_options {
    const char *const *arguments;   /* NULL-terminated; the first is the program, looked for on
                                       the PATH of the calling process; with a slash in it, it is
                                       a path, seen from the child's directory */
    const char *const *environment; /* NULL-terminated, "NAME=value" */
    const char *directory;          /* where it starts; NULL: where the parent is */
    int parent_death_signal;        /* 0: none */
    const char *note;     /* an existing file that takes the child's identity; NULL: none */
    uint64_t note_offset; /* where in the file, in bytes */
};

struct lwshm_child {
    int32_t pid;
    int32_t output; /* the read end of the pipe; to be closed with lwshm_child_close_output() */
};

/* Starts a child.  LWSHM_E_INVALID if there is no program or no directory of that name, or it may
   not be executed or entered, or there is no such signal; LWSHM_E_SYSTEM, also if the note cannot be
   written. */
int lwshm_child_start(const struct lwshm_child_options *options, struct lwshm_child *child);

/* What lwshm_child_await() adds to the number of the signal that ended a child. */
#define LWSHM_CHILD_SIGNALLED 256

/*
 * Waits until a child has ended, and leaves it unreaped: its exit code, 0..255, or
 * LWSHM_CHILD_SIGNALLED plus a signal's number.  Returns LWSHM_E_NOT_FOUND if it is no
 * unreaped child of this process, LWSHM_E_SYSTEM.
 */
int lwshm_child_await(int32_t pid);

/* Lets go of a child that has ended.  LWSHM_E_NOT_FOUND if it is no unreaped child, or has not
   ended; LWSHM_E_SYSTEM. */
int lwshm_child_reap(int32_t pid);

/* Sends a signal to an unreaped child; with `session` not 0, to its whole process group: to what
   it has started, too, unless that has made a group of its own.  LWSHM_E_NOT_FOUND if it is no
   unreaped child, LWSHM_E_INVALID if there is no such signal, LWSHM_E_SYSTEM. */
int lwshm_child_signal(int32_t pid, int signal, int session);

/* What lwshm_child_read() returns when the time is over. */
#define LWSHM_CHILD_SILENT (-1000)

/* Reads what a child has written: how many bytes, 0 if nobody can write any more, or
   LWSHM_CHILD_SILENT if nothing came for `timeout_ms` (negative: no limit).  LWSHM_E_INVALID if
   `size` is 0, LWSHM_E_SYSTEM. */
int lwshm_child_read(int32_t output, void *bytes, uint32_t size, int32_t timeout_ms);

/* Closes the read end; who still writes gets SIGPIPE or EPIPE.  LWSHM_E_SYSTEM. */
int lwshm_child_close_output(int32_t output);

#ifdef __cplusplus
}
#endif

#endif
