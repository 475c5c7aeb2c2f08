/*
 * trace.c - single steps through an operation, with ptrace.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/chaos.h"

void be_stepped(void (*operation)(void))
{
    pid_t me = getpid();
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    kill(me, SIGSTOP); /* not raise(), which takes many more instructions */
    operation();
    kill(me, SIGSTOP);
}

static bool is_stop(int status)
{
    return WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
}

bool await_first_stop(pid_t victim)
{
    int status;
    return waitpid(victim, &status, __WALL) == victim && is_stop(status);
}

bool step(pid_t victim, long k, void (*asleep)(void))
{
    int status;
    for (long i = 0; i < k; i++) {
        if (ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) < 0)
            return false;
        while (waitpid(victim, &status, WNOHANG | __WALL) == 0) {
            asleep();
            sched_yield();
        }
        if (!WIFSTOPPED(status) || is_stop(status))
            return false;
    }
    return true;
}

bool run_to_end(pid_t victim)
{
    int status;
    int64_t deadline = os_monotonic_ns() + stuck_ns();
    if (ptrace(PTRACE_CONT, victim, NULL, NULL) < 0)
        return false;
    while (waitpid(victim, &status, WNOHANG | __WALL) == 0) {
        if (os_monotonic_ns() > deadline)
            return false;
        os_sleep_ns(20000);
    }
    return is_stop(status);
}

void resume_stopped(pid_t victim)
{
    ptrace(PTRACE_CONT, victim, NULL, NULL);
}
