/*
 * trace.c - single steps through an operation, with ptrace.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/time.h>
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

static void interrupt(int signal)
{
    (void)signal;
}

/* Now and then a wait is interrupted, to see whether the victim is asleep. */
static void interrupt_every(long microseconds)
{
    struct sigaction action = {.sa_handler = interrupt}; /* without SA_RESTART */
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

bool step(pid_t victim, long k, void (*asleep)(void))
{
    int status;
    bool goes_on = true;
    if (asleep != NULL)
        interrupt_every(300);
    for (long i = 0; goes_on && i < k; i++) {
        goes_on = ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) == 0;
        while (goes_on && waitpid(victim, &status, __WALL) < 0)
            asleep();
        goes_on = goes_on && WIFSTOPPED(status) && !is_stop(status);
    }
    if (asleep != NULL)
        interrupt_every(0);
    return goes_on;
}

bool run_to_end(pid_t victim)
{
    int status;
    int64_t deadline = awake_ns() + stuck_ns();
    if (ptrace(PTRACE_CONT, victim, NULL, NULL) < 0)
        return false;
    while (waitpid(victim, &status, WNOHANG | __WALL) == 0) {
        if (awake_ns() > deadline)
            return false;
        os_sleep_ns(20000);
    }
    return is_stop(status);
}

void resume_stopped(pid_t victim)
{
    ptrace(PTRACE_CONT, victim, NULL, NULL);
}
