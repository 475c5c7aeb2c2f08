/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/poll.h"
#include "os/process.h"

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same on every machine; C libraries before 2.34 lack it */
#endif

#define FIRST_OTHER_FD 3
#define EXIT_NOT_STARTED 127

/* ---- the child's side: it runs in the parent's memory until it has become another program,
        so it calls the kernel, and nothing that keeps state ---- */

/* What the child says to its parent. */
struct report {
    enum os_child_step step;
    int err; /* 0: all is well */
};

struct child_arguments {
    const struct os_child_start *start;
    int output; /* the write end */
    pid_t parent;
    volatile struct report *report;
};

static _Noreturn void give_up(const struct child_arguments *child, enum os_child_step step)
{
    child->report->step = step;
    child->report->err = errno;
    _exit(EXIT_NOT_STARTED);
}

/* All zeros are SIG_DFL, no flags and an empty mask, whatever the kernel's struct looks like.
   Asked of the kernel itself, since who wraps sigaction (libjsig, for a JVM) would note in the
   parent's memory what is meant for the child. */
static void default_signals(void)
{
    static const char zeros[256];
    for (int i = 1; i < NSIG; i++)
        syscall(SYS_rt_sigaction, i, zeros, NULL, (long)((NSIG - 1) / 8));
}

/* An entry of a directory, as getdents64(2) writes it; C libraries name it differently. */
struct entry {
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* The number that an entry of /proc/self/fd is called, -1 if it is none. */
static int number_of(const struct entry *entry)
{
    int number = 0;
    for (const char *p = entry->name; *p != '\0'; p++) {
        if (*p < '0' || *p > '9')
            return -1;
        number = number * 10 + (*p - '0');
    }
    return number;
}

/* Closes the descriptors that there are.  Their limit may be a thousand million, and some may
   have been opened before it was lowered. */
static bool close_listed(void)
{
    _Alignas(struct entry) char entries[2048];
    close(FIRST_OTHER_FD); /* so that one is free for the listing, whatever the limit */
    int listing = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (listing < 0)
        return false;
    long size;
    while ((size = syscall(SYS_getdents64, listing, entries, sizeof entries)) > 0)
        for (const char *p = entries; p < entries + size; p += ((const struct entry *)p)->length) {
            int fd = number_of((const struct entry *)p);
            if (fd >= FIRST_OTHER_FD && fd != listing)
                close(fd);
        }
    int err = errno;
    close(listing);
    errno = err;
    return size == 0;
}

static bool close_others(void)
{
    /* Kernels before 5.9 lack it, and sandboxes may deny it. */
    return syscall(SYS_close_range, FIRST_OTHER_FD, ~0u, 0) == 0 || close_listed();
}

static bool set_streams(int output)
{
    if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        return false;
    close(STDIN_FILENO); /* so that the next file gets its number */
    return open("/dev/null", O_RDONLY) == STDIN_FILENO;
}

/* os_process_self() would take the child for the parent, and os_process_identity() needs a /proc of
   the child's own PID namespace. */
static bool write_note(const struct os_child_start *start)
{
    char digits[OS_CHILD_NOTE_BYTES];
    uint64_t identity = os_process_self_uncached();
    if (identity == 0)
        return false;
    for (int i = sizeof digits - 1; i >= 0; i--, identity /= 10)
        digits[i] = (char)('0' + identity % 10);
    int fd = open(start->note, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t written = pwrite(fd, digits, sizeof digits, (off_t)start->note_offset);
    int err = written < 0 ? errno : EIO;
    close(fd);
    errno = err;
    return written == sizeof digits;
}

static _Noreturn void be_child(const struct child_arguments *child)
{
    const struct os_child_start *start = child->start;
    sigset_t none;
    default_signals();
    if (start->parent_death_signal != 0) {
        if (prctl(PR_SET_PDEATHSIG, start->parent_death_signal) < 0)
            give_up(child, OS_CHILD_DEATH_SIGNAL);
        if (getppid() != child->parent) /* it died before, so there will be no signal */
            _exit(EXIT_NOT_STARTED);
    }
    if (start->note != NULL && !write_note(start))
        give_up(child, OS_CHILD_NOTE);
    if (setsid() < 0)
        give_up(child, OS_CHILD_SESSION);
    if (!set_streams(child->output))
        give_up(child, OS_CHILD_STREAMS);
    if (start->directory != NULL && chdir(start->directory) < 0)
        give_up(child, OS_CHILD_DIRECTORY);
    if (!close_others())
        give_up(child, OS_CHILD_DESCRIPTORS);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvpe(start->arguments[0], (char *const *)start->arguments,
            (char *const *)start->environment);
    give_up(child, OS_CHILD_PROGRAM);
}

/* ---- the parent's side ---- */

/* A frame of its own: what the child does to it is of no matter when the parent returns. */
static __attribute__((noinline)) pid_t vfork_child(const struct child_arguments *child)
{
    pid_t pid = vfork();
    if (pid == 0)
        be_child(child);
    return pid;
}

/* Away from the standard streams' numbers, which are free if this process has closed its own. */
static int move_up(int fd)
{
    if (fd >= FIRST_OTHER_FD)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OTHER_FD);
    int err = errno;
    close(fd);
    return moved < 0 ? -err : moved;
}

/* ends[0] does not block: another reader may have been quicker after the wait. */
static int open_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    ends[0] = move_up(ends[0]);
    ends[1] = move_up(ends[1]);
    int r = ends[0] < 0 ? ends[0] : ends[1] < 0 ? ends[1] : 0;
    if (r == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
        r = -errno;
    for (int i = 0; r < 0 && i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return r;
}

static void heed_children(void)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) < 0 ||
        (action.sa_handler != SIG_IGN && (action.sa_flags & SA_NOCLDWAIT) == 0))
        return;
    if (action.sa_handler == SIG_IGN)
        action.sa_handler = SIG_DFL;
    action.sa_flags &= ~SA_NOCLDWAIT;
    sigaction(SIGCHLD, &action, NULL);
}

int os_child_start(struct os_child_start *start)
{
    int ends[2];
    int r = open_pipe(ends);
    if (r < 0) {
        start->failed = OS_CHILD_PIPE;
        return r;
    }
    volatile struct report report = {.step = OS_CHILD_FORK, .err = 0};
    struct child_arguments child = {
        .start = start, .output = ends[1], .parent = getpid(), .report = &report};
    sigset_t all, before;
    heed_children();
    /* No handler of the parent's may run in the child. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = vfork_child(&child);
    int err = pid < 0 ? errno : report.err;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (err != 0) {
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        close(ends[0]);
        start->failed = report.step;
        return -err;
    }
    start->pid = pid;
    start->output = ends[0];
    return 0;
}

int os_child_await(int32_t pid)
{
    siginfo_t info = {0};
    if (pid <= 0)
        return -ECHILD;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
        if (errno != EINTR)
            return -errno;
    return info.si_code == CLD_EXITED ? info.si_status & 0xff : OS_CHILD_SIGNALLED + info.si_status;
}

/* 1 if it has ended, 0 if it lives, -ECHILD if it is no unreaped child. */
static int look_at(int32_t pid, int options)
{
    siginfo_t info = {0};
    if (pid <= 0)
        return -ECHILD;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | options) < 0)
        if (errno != EINTR)
            return -errno;
    return info.si_pid == pid;
}

int os_child_reap(int32_t pid)
{
    int ended = look_at(pid, 0);
    return ended < 0 ? ended : ended == 0 ? -EBUSY : 0;
}

int os_child_signal(int32_t pid, int signal, bool group)
{
    /* Nobody else gets it: neither who has the pid of a child that was reaped, nor, with a pid
       of 0 or 1, a group or all the world. */
    int r = look_at(pid, WNOWAIT);
    if (r < 0)
        return r == -ECHILD ? -ESRCH : r;
    return kill(group ? -pid : pid, signal) < 0 ? -errno : 0;
}

int os_child_read(int output, void *bytes, uint32_t size, int64_t timeout_ms)
{
    int64_t deadline = os_poll_deadline(timeout_ms);
    size_t count = size < INT_MAX ? size : INT_MAX;
    for (;;) {
        int ready = os_poll(output, deadline);
        if (ready <= 0)
            return ready < 0 ? ready : -ETIMEDOUT;
        ssize_t n = read(output, bytes, count);
        if (n >= 0)
            return (int)n;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
}

int os_child_close_output(int output)
{
    return close(output) < 0 ? -errno : 0;
}
