/*
 * A creator that is killed half-way: after each system call of lwshm_segment_create(), and
 * at instructions in between.  Whoever creates next succeeds, and nothing is left behind.
 *
 * The victim is traced with ptrace, which stops it before and after each system call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

/* Looking for a key: a thousand calls that all change nothing. */
static bool is_search(const struct __ptrace_syscall_info *call)
{
    return call->entry.nr == SYS_shmget && call->entry.args[2] == 0;
}

static pid_t start_victim(void)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(2);
    raise(SIGSTOP);
    if (lwshm_segment_create(&options, &segment) < 0)
        _exit(1);
    raise(SIGUSR1); /* which tells the tracer that it is done */
    _exit(0);
}

/* Lets it run to the next stop: its status as waitpid has it. */
static int resume(pid_t pid, enum __ptrace_request how)
{
    int status;
    if (ptrace(how, pid, NULL, NULL) < 0)
        FAIL("ptrace: %s", strerror(errno));
    CHECK_EQ_INT(pid, waitpid(pid, &status, 0));
    return status;
}

static void trace(pid_t pid)
{
    int status;
    CHECK_EQ_INT(pid, waitpid(pid, &status, 0));
    if (!WIFSTOPPED(status))
        FAIL("the victim cannot be traced");
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
        FAIL("ptrace: %s", strerror(errno));
}

/* Runs the victim until it has come out of its `count`th call that is of interest; -1 if it
   has done its work before that, else the call's number. */
static long run_through_calls(pid_t pid, int count)
{
    struct __ptrace_syscall_info call;
    long number = -1;
    for (int seen = 0;;) {
        int status = resume(pid, PTRACE_SYSCALL);
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

/* The next creator's work over what the victim left. */
static void create_over(pid_t victim, const char *where, long which)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment, *early;
    int left = segments_made_by(victim);
    int r = lwshm_segment_attach(test_dir(), 0, &early);
    if (r != LWSHM_E_NOT_FOUND && r != LWSHM_E_NOT_READY)
        FAIL("killed %s %ld: attaching says %s", where, which, lwshm_status_name(r));
    if (lwshm_segment_create(&options, &segment) < 0)
        FAIL("killed %s %ld: %s", where, which, lwshm_last_error()->message);
    if (segments_made_by(victim) != 0)
        FAIL("killed %s %ld: %d of %d segments left", where, which, segments_made_by(victim), left);
    CHECK_EQ_INT(key_of(test_dir()), info_of(segment).key);
    CHECK_OK(lwshm_segment_publish(segment));
    close_segment(attach_segment());
    end_segment(segment);
}

TEST(a_creator_killed_after_any_of_its_system_calls_is_no_obstacle)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    int calls = 0, with_segment = 0;
    bool unfinished = true;
    while (unfinished) {
        pid_t victim = start_victim();
        trace(victim);
        long number = run_through_calls(victim, ++calls);
        unfinished = number >= 0; /* else it is killed between create and publish */
        test_kill(victim);
        with_segment += segments_made_by(victim);
        create_over(victim, "after system call", number);
    }
    /* Or it would have looked at nothing. */
    CHECK(calls > 20 && with_segment > 8);
}

TEST(a_creator_killed_before_any_of_its_system_calls_is_no_obstacle)
{
    /* A process that is killed while it enters a call does not make it: this differs from
       "after the one before" by what it wrote to memory in between. */
    if (is_emulated())
        SKIP("there is no ptrace");
    for (int calls = 1;; calls++) {
        pid_t victim = start_victim();
        trace(victim);
        bool done = run_through_calls(victim, calls) < 0;
        if (!done)
            resume(victim, PTRACE_SYSCALL);
        test_kill(victim);
        create_over(victim, "before the system call after number", calls);
        if (done)
            return;
    }
}

/* ---- between two system calls: while the header is written ---- */

/* A field of the header on our key, 0 if there is no such segment. */
static uint32_t field(const char *name)
{
    int shmid = shmget(key_of(test_dir()), 0, 0);
    if (shmid < 0)
        return 0;
    char *bytes = attach_bytes(shmid);
    uint32_t value = *(uint32_t *)field_at(bytes, name);
    detach_bytes(bytes);
    return value;
}

/* The magic is the last word that is written. */
static uint32_t magic(void)
{
    return field("segment_header.magic");
}

/* A victim that has come out of so many calls. */
static pid_t victim_after(int calls)
{
    pid_t victim = start_victim();
    trace(victim);
    CHECK(run_through_calls(victim, calls) >= 0);
    return victim;
}

/* How many calls come before the first word of the header. */
static int count_calls(void)
{
    pid_t victim = start_victim();
    int calls = 0;
    trace(victim);
    for (; field("segment_header.header_size") == 0; calls++)
        CHECK(run_through_calls(victim, 1) >= 0);
    test_kill(victim);
    create_over(victim, "while counting calls", calls);
    return calls - 1;
}

/* How many instructions from there until the magic stands. */
static long count_instructions(int calls)
{
    pid_t victim = victim_after(calls);
    long instructions = 0;
    for (; magic() == 0; instructions++)
        CHECK(WIFSTOPPED(resume(victim, PTRACE_SINGLESTEP)));
    test_kill(victim);
    create_over(victim, "while counting instructions", instructions);
    return instructions;
}

static pid_t kill_at_instruction(int calls, long instructions)
{
    pid_t victim = victim_after(calls);
    for (long step = 0; step < instructions; step++)
        CHECK(WIFSTOPPED(resume(victim, PTRACE_SINGLESTEP)));
    test_kill(victim);
    return victim;
}

#define SAMPLES 16

TEST(a_creator_killed_at_an_instruction_while_it_writes_the_header_is_no_obstacle)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    end_segment(
        create_segment(NULL)); /* so that each victim finds the same heap, and asks for none */
    int calls = count_calls(), headless = 0;
    long instructions = count_instructions(calls);
    CHECK(instructions > SAMPLES);
    /* Not each life takes exactly as many instructions: the last samples are beyond the magic. */
    for (long i = 0; i < SAMPLES; i++) {
        pid_t victim = kill_at_instruction(calls, instructions * (i + 4) / SAMPLES);
        headless += magic() == 0;
        create_over(victim, "at instruction", instructions * (i + 4) / SAMPLES);
    }
    CHECK(headless > 0 && headless < SAMPLES); /* or it has missed the header */
}
