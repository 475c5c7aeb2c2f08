/*
 * A creator that is killed half-way: after each system call of lwshm_segment_create(), and
 * at instructions in between.  Whoever creates next succeeds, and nothing is left behind.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "tracing.h"

static void create(void)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    tracing_begin();
    if (lwshm_segment_create(&options, &segment) < 0)
        _exit(1);
    tracing_end();
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
        pid_t victim = tracing_start(create);
        long number = tracing_run_through_calls(victim, ++calls);
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
        pid_t victim = tracing_start(create);
        bool done = tracing_run_through_calls(victim, calls) < 0;
        if (!done)
            tracing_resume(victim, PTRACE_SYSCALL);
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
    pid_t victim = tracing_start(create);
    CHECK(tracing_run_through_calls(victim, calls) >= 0);
    return victim;
}

/* How many calls come before the first word of the header. */
static int count_calls(void)
{
    pid_t victim = tracing_start(create);
    int calls = 0;
    for (; field("segment_header.header_size") == 0; calls++)
        CHECK(tracing_run_through_calls(victim, 1) >= 0);
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
        CHECK(WIFSTOPPED(tracing_resume(victim, PTRACE_SINGLESTEP)));
    test_kill(victim);
    create_over(victim, "while counting instructions", instructions);
    return instructions;
}

static pid_t kill_at_instruction(int calls, long instructions)
{
    pid_t victim = victim_after(calls);
    for (long step = 0; step < instructions; step++)
        CHECK(WIFSTOPPED(tracing_resume(victim, PTRACE_SINGLESTEP)));
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
