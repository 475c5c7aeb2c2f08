/*
 * tracing.h - a process that is killed before or after any of its system calls.
 *
 *     static void victim(void) { tracing_begin(); ... what it shall die in ... tracing_end(); }
 *
 *     for (int calls = 1; ...; calls++) {
 *         pid_t pid = tracing_start(victim);
 *         long number = tracing_run_through_calls(pid, calls);
 *         test_kill(pid);
 *
 * The victim is traced with ptrace, which stops it before and after each system call.  What it does
 * before tracing_begin() is done at full speed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TRACING_H
#define TRACING_H

#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/types.h>

/* Forks the victim, and returns when it has come to tracing_begin(). */
pid_t tracing_start(void (*victim)(void));

/* In the victim. */
void tracing_begin(void);
void tracing_end(void);

/* Runs it until it has come out of its `count`th call from here on; -1 if it has come to
   tracing_end() before that, else the call's number.  Looking for a key does not count. */
long tracing_run_through_calls(pid_t pid, int count);

/* Lets it run to the next stop: its status as waitpid has it. */
int tracing_resume(pid_t pid, enum __ptrace_request how);

#endif
