/*
 * stepping.c - see stepping.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stepping.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "fixture.h"

/* Both ends are a stop by a signal of its own, which cannot be taken for a step. */
#define BEGIN SIGUSR1
#define END SIGUSR2

bool can_step(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return false;
#else
    return !is_emulated();
#endif
}

void stepping_begin(void)
{
    raise(BEGIN);
}

void stepping_end(void)
{
    raise(END);
}

struct victim {
    void (*run)(void *arg);
    void *arg;
};

static void run_traced(void *arg)
{
    const struct victim *victim = arg;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        FAIL("ptrace: %s", strerror(errno));
    victim->run(victim->arg);
}

/* The signal that the child stopped with. */
static int await_stop(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, __WALL) < 0)
        if (errno != EINTR)
            FAIL("waitpid(%d): %s", (int)pid, strerror(errno));
    if (!WIFSTOPPED(status))
        FAIL("child %d ended, status 0x%x, before it was killed", (int)pid, (unsigned)status);
    return WSTOPSIG(status);
}

static void go_on(enum __ptrace_request how, pid_t pid)
{
    if (ptrace(how, pid, NULL, NULL) < 0)
        FAIL("ptrace: %s", strerror(errno));
}

static pid_t start(void (*run)(void *arg), void *arg)
{
    struct victim victim = {.run = run, .arg = arg};
    pid_t pid = test_fork(run_traced, &victim);
    while (await_stop(pid) != BEGIN)
        go_on(PTRACE_CONT, pid);
    return pid;
}

long count_steps(void (*run)(void *arg), void *arg)
{
    pid_t pid = start(run, arg);
    long steps = 0;
    do {
        go_on(PTRACE_SINGLESTEP, pid);
        steps++;
    } while (await_stop(pid) != END);
    test_kill(pid);
    return steps;
}

long count_calls(void (*run)(void *arg), void *arg)
{
    pid_t pid = start(run, arg);
    long stops = 0;
    for (;; stops++) {
        go_on(PTRACE_SYSCALL, pid);
        if (await_stop(pid) == END)
            break;
    }
    test_kill(pid);
    return stops / 2; /* on the way in, and on the way out */
}

bool step_and_kill(void (*run)(void *arg), void *arg, long steps)
{
    pid_t pid = start(run, arg);
    int signal = BEGIN;
    /* The way back from raise() is not counted among the steps that matter, but it is walked. */
    for (long i = 0; i < steps && signal != END; i++) {
        go_on(PTRACE_SINGLESTEP, pid);
        signal = await_stop(pid);
    }
    test_kill(pid);
    return signal != END;
}
