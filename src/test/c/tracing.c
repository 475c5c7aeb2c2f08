/*
 * tracing.c - see tracing.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "tracing.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

/* Looking for a key: a thousand calls that all change nothing. */
static bool is_search(const struct __ptrace_syscall_info *call)
{
    return call->entry.nr == SYS_shmget && call->entry.args[2] == 0;
}

void tracing_begin(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(2);
    raise(SIGSTOP);
}

void tracing_end(void)
{
    raise(SIGUSR1); /* which tells the tracer that it is done */
}

int tracing_resume(pid_t pid, enum __ptrace_request how)
{
    int status;
    if (ptrace(how, pid, NULL, NULL) < 0)
        FAIL("ptrace: %s", strerror(errno));
    CHECK_EQ_INT(pid, waitpid(pid, &status, 0));
    return status;
}

pid_t tracing_start(void (*victim)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        victim();
        _exit(0);
    }
    CHECK_EQ_INT(pid, waitpid(pid, &status, 0));
    if (!WIFSTOPPED(status))
        FAIL("the victim cannot be traced");
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
        FAIL("ptrace: %s", strerror(errno));
    return pid;
}

long tracing_run_through_calls(pid_t pid, int count)
{
    struct __ptrace_syscall_info call;
    long number = -1;
    for (int seen = 0;;) {
        int status = tracing_resume(pid, PTRACE_SYSCALL);
        if (!WIFSTOPPED(status))
            FAIL("the victim ended with status 0x%x", (unsigned)status);
        if (WSTOPSIG(status) == SIGUSR1)
            return -1;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            FAIL("the victim got signal %d", WSTOPSIG(status));
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) < 0)
            FAIL("ptrace: %s", strerror(errno));
        if (call.op == PTRACE_SYSCALL_INFO_ENTRY) {
            number = is_search(&call) ? -1 : (long)call.entry.nr;
        } else if (number >= 0 && ++seen == count) {
            return number;
        }
    }
}
