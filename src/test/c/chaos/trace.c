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

/* The signal that a stopped victim has yet to get: not the one that stops it for us, nor a step's. */
static int signal_for(int status)
{
    int signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
    return signal == SIGSTOP || signal == SIGTRAP ? 0 : signal;
}

static bool go_on(enum __ptrace_request how, pid_t victim, int status)
{
    return ptrace(how, victim, NULL, (void *)(intptr_t)signal_for(status)) == 0;
}

pid_t look_at(pid_t victim, int *status)
{
    pid_t pid = waitpid(victim, status, WNOHANG | __WALL);
    return pid == victim && signal_for(*status) != 0 && go_on(PTRACE_CONT, victim, *status) ? 0
                                                                                            : pid;
}

bool await_first_stop(pid_t victim)
{
    int status;
    while (waitpid(victim, &status, __WALL) == victim && signal_for(status) != 0)
        go_on(PTRACE_CONT, victim, status);
    return is_stop(status);
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
    int status = 0;
    bool goes_on = true;
    if (asleep != NULL)
        interrupt_every(300);
    for (long i = 0; goes_on && i < k; i++) {
        goes_on = go_on(PTRACE_SINGLESTEP, victim, status);
        /* A step that is interrupted twice is a sleep in the kernel, and no slow instruction. */
        for (int times = 0; goes_on && waitpid(victim, &status, __WALL) < 0; times++)
            if (times > 0)
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
    while (look_at(victim, &status) == 0) {
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
