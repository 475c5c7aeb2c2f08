/*
 * tracing.c - see tracing.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "tracing.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)
#define CALL_STOP (SIGTRAP | 0x80)

static _Noreturn void __attribute__((format(printf, 1, 2))) give_up(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("tracing: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

/* ---- in the victim ---- */

void tracing_begin(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(2);
    raise(SIGSTOP);
}

void tracing_end(void)
{
    access(TRACING_END, F_OK);
}

/* ---- stops ---- */

static int await_stop(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, __WALL) < 0)
        if (errno != EINTR)
            give_up("waitpid: %s", strerror(errno));
    return status;
}

static int resume(pid_t pid, enum __ptrace_request how, int signal)
{
    if (ptrace(how, pid, NULL, (void *)(intptr_t)signal) < 0)
        give_up("ptrace: %s", strerror(errno));
    return await_stop(pid);
}

int tracing_resume(pid_t pid, enum __ptrace_request how)
{
    return resume(pid, how, 0);
}

pid_t tracing_start(void (*victim)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        victim();
        _exit(0);
    }
    if (pid < 0)
        give_up("fork: %s", strerror(errno));
    int status = await_stop(pid);
    if (!WIFSTOPPED(status))
        give_up("the victim ended with status 0x%x before it began", (unsigned)status);
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, OPTIONS) < 0)
        give_up("ptrace: %s", strerror(errno));
    return pid;
}

void tracing_seize(pid_t tid)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, OPTIONS) < 0 ||
        ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
        give_up("thread %d cannot be traced: %s", tid, strerror(errno));
    await_stop(tid);
}

/* ---- calls ---- */

static struct __ptrace_syscall_info call_of(pid_t pid)
{
    struct __ptrace_syscall_info call;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) < 0)
        give_up("ptrace: %s", strerror(errno));
    return call;
}

/* Looking for keys and for locks: thousands of calls that all change nothing. */
static bool is_search(uint64_t number, uint64_t second)
{
    return (number == SYS_shmget && second == 0) || (number == SYS_fcntl && second == F_OFD_GETLK);
}

/* The next stop on the way in or out of a call; on the way it gets the signals that it shall get. */
static struct __ptrace_syscall_info run_to_stop(pid_t pid)
{
    for (int signal = 0;;) {
        int status = resume(pid, PTRACE_SYSCALL, signal);
        if (!WIFSTOPPED(status))
            give_up("the victim ended with status 0x%x", (unsigned)status);
        if (WSTOPSIG(status) == CALL_STOP)
            return call_of(pid);
        signal = status >> 16 != 0 ? 0 : WSTOPSIG(status);
    }
}

/* True if the first or second argument of a call is that path. */
static bool names(pid_t pid, const struct __ptrace_syscall_info *call, const char *path)
{
    for (int i = 0; i < 2; i++) {
        char text[32] = "";
        struct iovec here = {text, strlen(path) + 1};
        struct iovec there = {(void *)(uintptr_t)call->entry.args[i], here.iov_len};
        if (call->entry.args[i] > 4096 && process_vm_readv(pid, &here, 1, &there, 1, 0) > 0 &&
            strcmp(text, path) == 0)
            return true;
    }
    return false;
}

/* On the way into a call: its number, -1 at the end, -2 for one that does not count. */
static long number_of(pid_t pid, const struct __ptrace_syscall_info *call)
{
    if (is_search(call->entry.nr, call->entry.args[1]))
        return -2;
    return names(pid, call, TRACING_END) ? -1 : (long)call->entry.nr;
}

long tracing_run_to_call(pid_t pid)
{
    for (;;) {
        struct __ptrace_syscall_info call = run_to_stop(pid);
        if (call.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        long number = number_of(pid, &call);
        if (number > -2)
            return number;
    }
}

long tracing_run_through_calls(pid_t pid, int count)
{
    long number = 0;
    for (int seen = 0; seen < count; seen++) {
        number = tracing_run_to_call(pid);
        if (number < 0)
            return -1;
        run_to_stop(pid);
    }
    return number;
}

void tracing_run_to_end(pid_t pid)
{
    while (tracing_run_to_call(pid) >= 0) {
    }
}

void tracing_run_to_begin(pid_t tid)
{
    for (;;) {
        struct __ptrace_syscall_info call = run_to_stop(tid);
        if (call.op == PTRACE_SYSCALL_INFO_ENTRY && names(tid, &call, TRACING_BEGIN)) {
            run_to_stop(tid);
            return;
        }
    }
}

/* ---- instructions ---- */

/* What it is about to do: at what address, and if that is a call, which and its second argument. */
struct next {
    uintptr_t pc;
    uint64_t number, second;
};

static struct next next_of(pid_t pid)
{
    struct user_regs_struct regs;
    struct iovec all = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &all) < 0)
        give_up("ptrace: %s", strerror(errno));
#if defined(__x86_64__)
    return (struct next){regs.rip, regs.rax, regs.rsi};
#elif defined(__aarch64__)
    return (struct next){regs.pc, regs.regs[8], regs.regs[1]};
#endif
}

/* The victim was forked from this process, so the same code stands at the same address here. */
static bool is_call(uintptr_t pc)
{
#if defined(__x86_64__)
    static const uint8_t instruction[] = {0x0f, 0x05}; /* syscall */
#elif defined(__aarch64__)
    static const uint8_t instruction[] = {0x01, 0x00, 0x00, 0xd4}; /* svc #0 */
#endif
    return memcmp((const void *)pc, instruction, sizeof instruction) == 0;
}

bool tracing_step(pid_t pid)
{
    struct next next = next_of(pid);
    if (is_call(next.pc) && !is_search(next.number, next.second))
        return false;
    int status = resume(pid, PTRACE_SINGLESTEP, 0);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
        give_up("the victim has status 0x%x after an instruction", (unsigned)status);
    return true;
}
