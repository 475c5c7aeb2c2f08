/*
 * tracing.h - a process that is killed before or after any of its system calls, or between two.
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
 * The victim may be a thread of another program, too: that one says where it begins and ends by
 * asking for files of the names below, which do not exist.
 *
 * Calls that only look for a key or a lock do not count: there are thousands, which change nothing.
 *
 * If the tracing itself fails, the tracer says so and exits with status 2.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TRACING_H
#define TRACING_H

#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/types.h>

#define TRACING_BEGIN "/lwshm.tracing.begin"
#define TRACING_END "/lwshm.tracing.end"

/* Forks the victim, and returns when it has come to tracing_begin(). */
pid_t tracing_start(void (*victim)(void));

/* In the victim. */
void tracing_begin(void);
void tracing_end(void);

/* Stops a running thread of another program.  Its process dies with the tracer. */
void tracing_seize(pid_t tid);
/* Runs a seized thread until it has come to its TRACING_BEGIN. */
void tracing_run_to_begin(pid_t tid);

/* Runs it until it has come out of its `count`th call from here on; -1 if it has come to
   tracing_end() before that, else the call's number. */
long tracing_run_through_calls(pid_t pid, int count);

/* Runs it until it is about to enter its next call, which it makes when it is resumed: that call's
   number, or -1 at tracing_end(). */
long tracing_run_to_call(pid_t pid);

/* Runs it until it has come to tracing_end(). */
void tracing_run_to_end(pid_t pid);

/* One instruction; false if the next one is a call that counts, which it does not make.  Only a
   victim of tracing_start(). */
bool tracing_step(pid_t pid);

/* Lets it run to the next stop: its status as waitpid has it. */
int tracing_resume(pid_t pid, enum __ptrace_request how);

#endif
