/*
 * One that is killed while it attaches, adopts, or leaves as the last one or not: before and after
 * each of its system calls, and at instructions in between.  Whoever comes next finds a directory
 * with one segment, in which nobody but the living is, and whose data are whole.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <signal.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "tracing.h"

#define VALUE 4711

static lwshm_segment *open_as(int expected)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    int opened = CHECK_OK(lwshm_segment_open(&options, &segment, NULL, 0));
    if (expected >= 0)
        CHECK_EQ_INT(expected, opened);
    if (opened != LWSHM_OPENED_ATTACHED)
        CHECK_OK(lwshm_segment_publish(segment));
    return segment;
}

static int64_t *data_of(lwshm_segment *segment)
{
    struct lwshm_area area;
    bool found;
    CHECK_OK(lwshm_shmem_init_struct(segment, "data", 8, &found, &area));
    return lwshm_shmem_pointer(segment, area.offset, area.size);
}

static void make_and_be_killed(void *arg)
{
    (void)arg;
    *data_of(open_as(LWSHM_OPENED_CREATED)) = VALUE;
    raise(SIGKILL);
}

static void leave_an_orphan(void)
{
    CHECK_EQ_INT(-SIGKILL, test_wait_any(test_fork(make_and_be_killed, NULL)));
}

/* ---- the victims ---- */

static void attach(void)
{
    lwshm_segment *segment;
    tracing_begin();
    if (lwshm_segment_attach(test_dir(), 0, &segment) < 0)
        _exit(1);
    tracing_end();
}

static void adopt(void)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    tracing_begin();
    if (lwshm_segment_open(&options, &segment, NULL, 0) != LWSHM_OPENED_ADOPTED ||
        lwshm_segment_publish(segment) < 0)
        _exit(1);
    tracing_end();
}

static void leave(void)
{
    lwshm_segment *segment = attach_segment();
    tracing_begin();
    if (lwshm_segment_close(segment) < 0)
        _exit(1);
    tracing_end();
}

static void leave_as_the_last(void)
{
    lwshm_segment *segment = open_as(LWSHM_OPENED_CREATED);
    *data_of(segment) = VALUE;
    tracing_begin();
    if (lwshm_segment_close(segment) < 0)
        _exit(1);
    tracing_end();
}

/* ---- what must hold afterwards ---- */

/* The member that was there all the time. */
static lwshm_segment *witness;

static void with_a_witness(void)
{
    CHECK_OK(lwshm_segment_reap_dead(witness));
    CHECK_EQ_INT(1, lwshm_segment_processes(witness, NULL, 0));
    CHECK_EQ_UINT(0, info_of(witness).is_removed);
    CHECK_EQ_INT(VALUE, *data_of(witness));
    close_segment(attach_segment());
}

static void after_adopting(void)
{
    lwshm_segment *segment = open_as(LWSHM_OPENED_ADOPTED);
    CHECK_EQ_INT(VALUE, *data_of(segment));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    close_segment(attach_segment());
    end_segment(segment);
    leave_an_orphan(); /* for the next */
}

static void after_the_last(void)
{
    lwshm_segment *segment = open_as(-1);
    if (info_of(segment).is_adopter)
        CHECK_EQ_INT(VALUE, *data_of(segment));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    end_segment(segment);
    CHECK(shmget(key_of(test_dir()), 0, 0) < 0);
}

/* ---- killed ---- */

#define SAMPLES 8

/* So many instructions behind its `calls`th call; false if it has come to its end before. */
static bool kill_behind(void (*victim)(void), int calls, long instructions)
{
    pid_t pid = tracing_start(victim);
    bool goes_on = tracing_run_through_calls(pid, calls) >= 0;
    for (long i = 0; goes_on && i < instructions; i++)
        goes_on = WIFSTOPPED(tracing_resume(pid, PTRACE_SINGLESTEP));
    test_kill(pid);
    return goes_on;
}

static void is_killed_all_along(void (*victim)(void), void (*check)(void))
{
    int calls = 0;
    for (bool goes_on = true; goes_on; calls++)
        for (int sample = 0; goes_on && sample < SAMPLES; sample++) {
            /* 0, 1, 3, 7, ... instructions behind the call */
            goes_on = kill_behind(victim, calls + 1, (1 << sample) - 1);
            check();
        }
    CHECK(calls > 5);
}

TEST(one_that_attaches_is_killed_all_along)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    witness = create_segment(NULL);
    *data_of(witness) = VALUE;
    is_killed_all_along(attach, with_a_witness);
    end_segment(witness);
}

TEST(one_that_leaves_is_killed_all_along)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    witness = create_segment(NULL);
    *data_of(witness) = VALUE;
    is_killed_all_along(leave, with_a_witness);
    end_segment(witness);
}

TEST(one_that_adopts_is_killed_all_along)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    leave_an_orphan();
    is_killed_all_along(adopt, after_adopting);
    end_segment(open_as(LWSHM_OPENED_ADOPTED));
}

TEST(the_last_one_that_leaves_is_killed_all_along)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    is_killed_all_along(leave_as_the_last, after_the_last);
}
