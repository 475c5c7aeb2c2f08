/* SPDX-License-Identifier: Apache-2.0 */
#include "lwshm/child.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "os/child.h"

_Static_assert(LWSHM_CHILD_SIGNALLED == OS_CHILD_SIGNALLED, "how an end is told");
_Static_assert(LWSHM_CHILD_NOTE_BYTES == OS_CHILD_NOTE_BYTES, "how long a note is");

/* Whether what was asked for is wrong, rather than the system unable. */
static bool is_callers_fault(int err)
{
    return err == ENOENT || err == ENOTDIR || err == EACCES || err == ELOOP ||
           err == ENAMETOOLONG || err == ENOEXEC || err == EISDIR || err == E2BIG;
}

static int fail_directory(int err, const char *directory)
{
    if (!is_callers_fault(err))
        return fail_system(err, "a child cannot begin in directory \"%s\": chdir", directory);
    return fail(LWSHM_E_INVALID,
                "a child cannot begin in directory \"%s\": %s; name one that exists and may be "
                "entered",
                directory, strerror(err));
}

static int fail_program(int err, const char *program)
{
    if (err == E2BIG)
        return fail(LWSHM_E_INVALID,
                    "program \"%s\" cannot be started: %s; hand over less, or by a file", program,
                    strerror(err));
    if (!is_callers_fault(err))
        return fail_system(err, "program \"%s\" cannot be started: exec", program);
    fail(LWSHM_E_INVALID, "program \"%s\" cannot be started: %s; ", program, strerror(err));
    if (err != ENOENT)
        return with_hint("it must be an executable file for this machine (chmod +x)");
    if (strchr(program, '/') != NULL)
        return with_hint("no such file is there, seen from the child's directory, or the "
                         "interpreter that it names is missing");
    const char *path = getenv("PATH");
    return with_hint("it is not on this process's PATH (%.300s); name its path",
                     path == NULL ? "which is not set" : path);
}

static int fail_start(int err, const struct os_child_start *start)
{
    switch (start->failed) {
    case OS_CHILD_PIPE:
        fail_system(err, "no pipe for the output of a child");
        return err == EMFILE || err == ENFILE
                   ? with_hint("; close some files, or raise the limit on them (ulimit -n)")
                   : LWSHM_E_SYSTEM;
    case OS_CHILD_FORK:
        fail_system(err, "no process for program \"%s\": vfork", start->arguments[0]);
        return err == EAGAIN
                   ? with_hint("; raise the limit on processes (ulimit -u, pids.max of the cgroup)")
                   : LWSHM_E_SYSTEM;
    case OS_CHILD_DEATH_SIGNAL:
        return fail(LWSHM_E_INVALID,
                    "parent_death_signal %d is no signal; choose one of 1 to 64, or 0 for none",
                    start->parent_death_signal);
    case OS_CHILD_NOTE:
        return fail_system(err, "the identity of a child cannot be written to file \"%s\"",
                           start->note);
    case OS_CHILD_SESSION:
        return fail_system(err, "no session for program \"%s\": setsid", start->arguments[0]);
    case OS_CHILD_STREAMS:
        fail_system(err, "no standard streams for program \"%s\"", start->arguments[0]);
        return with_hint("; see that /dev/null is there and may be read");
    case OS_CHILD_DIRECTORY:
        return fail_directory(err, start->directory);
    case OS_CHILD_DESCRIPTORS:
        fail_system(err, "program \"%s\" would get files of this process: /proc/self/fd",
                    start->arguments[0]);
        return with_hint("; mount /proc, or allow close_range");
    case OS_CHILD_PROGRAM:
        break;
    }
    return fail_program(err, start->arguments[0]);
}

int lwshm_child_start(const struct lwshm_child_options *options, struct lwshm_child *child)
{
    if (options == NULL || child == NULL)
        return fail(LWSHM_E_INVALID, "options and child must not be NULL");
    if (options->arguments == NULL || options->arguments[0] == NULL ||
        options->arguments[0][0] == '\0')
        return fail(LWSHM_E_INVALID, "a child has no program; name it as the first argument");
    if (options->environment == NULL)
        return fail(LWSHM_E_INVALID,
                    "the environment of a child is NULL; pass an empty list for an empty one");
    struct os_child_start start = {.arguments = options->arguments,
                                   .environment = options->environment,
                                   .directory = options->directory,
                                   .parent_death_signal = options->parent_death_signal,
                                   .note = options->note,
                                   .note_offset = options->note_offset};
    int r = os_child_start(&start);
    if (r < 0)
        return fail_start(-r, &start);
    *child = (struct lwshm_child){.pid = start.pid, .output = start.output};
    return LWSHM_OK;
}

static int fail_no_child(int32_t pid)
{
    return with_values(
        fail(LWSHM_E_NOT_FOUND, "process %d is no child of this one, or was reaped already", pid),
        1, (int64_t)pid);
}

int lwshm_child_await(int32_t pid)
{
    int r = os_child_await(pid);
    if (r == -ECHILD)
        return fail_no_child(pid);
    return r < 0 ? fail_system(-r, "the end of child %d cannot be awaited: waitid", pid) : r;
}

int lwshm_child_reap(int32_t pid)
{
    int r = os_child_reap(pid);
    if (r == -ECHILD)
        return fail_no_child(pid);
    if (r == -EBUSY)
        return with_values(fail(LWSHM_E_NOT_FOUND,
                                "child %d has not ended; await its end before it is reaped", pid),
                           1, (int64_t)pid);
    return r < 0 ? fail_system(-r, "child %d cannot be reaped: waitid", pid) : LWSHM_OK;
}

int lwshm_child_signal(int32_t pid, int signal, int session)
{
    int r = os_child_signal(pid, signal, session != 0);
    if (r == -ESRCH)
        return fail_no_child(pid);
    if (r == -EINVAL)
        return fail(LWSHM_E_INVALID, "%d is no signal; choose one of 1 to 64", signal);
    return r < 0 ? fail_system(-r, "signal %d cannot be sent to child %d: kill", signal, pid)
                 : LWSHM_OK;
}

int lwshm_child_read(int32_t output, void *bytes, uint32_t size, int32_t timeout_ms)
{
    if (bytes == NULL || size == 0)
        return fail(LWSHM_E_INVALID, "no room to read into; pass 1 byte or more");
    int r = os_child_read(output, bytes, size, timeout_ms);
    if (r == -ETIMEDOUT)
        return LWSHM_CHILD_SILENT;
    return r < 0 ? fail_system(-r, "output %d of a child cannot be read", output) : r;
}

int lwshm_child_close_output(int32_t output)
{
    int r = os_child_close_output(output);
    return r < 0 ? fail_system(-r, "output %d of a child cannot be closed", output) : LWSHM_OK;
}
