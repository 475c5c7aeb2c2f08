/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/pidfd.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/poll.h"
#include "os/process.h"

/* The same on every machine; C libraries older than the calls lack them. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static bool is_gone(int32_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

/* A descriptor of that process, -ESRCH if it has ended, or another -errno. */
static int open_process(uint64_t identity)
{
    int32_t pid = os_identity_pid(identity);
    if (pid <= 0)
        return -EINVAL;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    int err = errno;
    if (fd < 0) /* if a thread has the number now, the kernel only says that it is no process's */
        return err == ESRCH || os_process_is_dead(identity) ? -ESRCH : -err;
    /* Who has the pid after it was opened, and had it before, is who was opened. */
    uint64_t found = os_process_identity(pid);
    if (found == identity && !os_process_is_dead(identity))
        return fd;
    close(fd);
    return found != 0 || is_gone(pid) ? -ESRCH : -ENOENT;
}

int os_process_await_end(uint64_t identity, int64_t timeout_ms)
{
    int64_t deadline = os_poll_deadline(timeout_ms);
    int fd = open_process(identity);
    if (fd < 0)
        return fd == -ESRCH ? 1 : fd;
    int r = os_poll(fd, deadline);
    close(fd);
    return r;
}

int os_process_signal(uint64_t identity, int signal)
{
    int fd = open_process(identity);
    if (fd < 0)
        return fd;
    int r = syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) < 0 ? -errno : 0;
    close(fd);
    return r;
}
