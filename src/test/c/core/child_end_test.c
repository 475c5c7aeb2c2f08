/*
 * The ends of child processes, the parent's end, and what is read in between.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"
#include "lwshm/child.h"
#include "lwshm/process.h"

/* It dies with this thread, of that signal. */
static struct lwshm_child start_until(int death_signal, const char *script)
{
    struct lwshm_child_options options = {.arguments =
                                              (const char *const[]){"sh", "-c", script, NULL},
                                          .environment = (const char *const[]){NULL},
                                          .parent_death_signal = death_signal};
    struct lwshm_child child;
    CHECK_OK(lwshm_child_start(&options, &child));
    return child;
}

static struct lwshm_child start(const char *script)
{
    return start_until(SIGKILL, script);
}

static int end_of(const struct lwshm_child *child)
{
    int code = CHECK_OK(lwshm_child_await(child->pid));
    CHECK_OK(lwshm_child_reap(child->pid));
    CHECK_OK(lwshm_child_close_output(child->output));
    return code;
}

static int kill_child(const struct lwshm_child *child)
{
    CHECK_OK(lwshm_child_signal(child->pid, SIGKILL, 0));
    return end_of(child);
}

/* A line, without its newline. */
static const char *line_of(const struct lwshm_child *child)
{
    static char text[256];
    size_t length = 0;
    while (length < sizeof text - 1 &&
           CHECK_OK(lwshm_child_read(child->output, text + length, 1, -1)) == 1 &&
           text[length] != '\n')
        length++;
    text[length] = '\0';
    return text;
}

/* ---- exit codes and signals ---- */

TEST(exit_codes_are_told_as_they_are)
{
    static const int codes[] = {0, 1, 2, 127, 128, 254, 255};
    char script[32];
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        snprintf(script, sizeof script, "exit %d", codes[i]);
        struct lwshm_child child = start(script);
        CHECK_EQ_INT(codes[i], end_of(&child));
    }
}

TEST(a_signal_that_ended_it_is_told_from_an_exit_code)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct lwshm_child child = start("ulimit -c 0; echo up; exec sleep 3600");
        CHECK_EQ_STR("up", line_of(&child));
        CHECK_OK(lwshm_child_signal(child.pid, signals[i], 0));
        CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + signals[i], end_of(&child));
    }
}

TEST(a_child_that_has_ended_stays_a_zombie_until_it_is_reaped)
{
    struct lwshm_child child = start("exit 3");
    CHECK_EQ_INT(3, CHECK_OK(lwshm_child_await(child.pid)));
    CHECK_EQ_INT(3, CHECK_OK(lwshm_child_await(child.pid)));
    CHECK(lwshm_process_identity(child.pid) != 0);
    CHECK_OK(lwshm_child_signal(child.pid, SIGTERM, 0));
    CHECK_OK(lwshm_child_signal(child.pid, SIGTERM, 1));
    CHECK_EQ_INT(3, end_of(&child));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_await(child.pid));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_reap(child.pid));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_signal(child.pid, SIGTERM, 0));
}

TEST(a_child_that_lives_is_not_reaped)
{
    struct lwshm_child child = start("exec sleep 3600");
    CHECK_CONTAINS("await", CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_reap(child.pid))->message);
    CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + SIGKILL, kill_child(&child));
}

TEST(strangers_and_numbers_that_mean_many_get_no_signal)
{
    static const int32_t pids[] = {-1, 0, 1, INT32_MIN, INT32_MAX};
    int32_t mine = getpid();
    signal(SIGUSR1, SIG_IGN);
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_signal(mine, SIGUSR1, 0));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_signal(mine, SIGUSR1, 1));
    for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_signal(pids[i], 0, 0));
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_signal(pids[i], 0, 1));
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_await(pids[i]));
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_reap(pids[i]));
    }
    struct lwshm_child child = start("exec sleep 3600");
    CHECK_CONTAINS("99",
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_signal(child.pid, 99, 0))->message);
    kill_child(&child);
}

TEST(the_whole_group_of_a_child_can_be_signalled)
{
    struct lwshm_child child = start("sleep 3600 & echo $!; wait");
    uint64_t grandchild = lwshm_process_identity(atoi(line_of(&child)));
    CHECK(grandchild != 0 && !lwshm_process_is_dead(grandchild));
    CHECK_OK(lwshm_child_signal(child.pid, SIGKILL, 1));
    CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + SIGKILL, end_of(&child));
    AWAIT(lwshm_process_is_dead(grandchild));
}

static void *await_in_a_thread(void *arg)
{
    struct lwshm_child *child = arg;
    child->pid = lwshm_child_await(child->pid);
    return NULL;
}

TEST(another_thread_may_await_the_end)
{
    struct lwshm_child child = start("exec sleep 3600"), awaited = child;
    pthread_t thread;
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, await_in_a_thread, &awaited));
    CHECK_OK(lwshm_child_signal(child.pid, SIGKILL, 0));
    CHECK_EQ_INT(0, pthread_join(thread, NULL));
    CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + SIGKILL, awaited.pid);
    CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + SIGKILL, end_of(&child));
}

/* ---- the end of the parent ---- */

static void *start_in_a_thread(void *arg)
{
    *(struct lwshm_child *)arg = start_until(SIGUSR1, "echo up; exec sleep 3600");
    CHECK_EQ_STR("up", line_of(arg));
    return NULL;
}

TEST(the_end_of_the_thread_that_started_it_is_signalled)
{
    struct lwshm_child child;
    pthread_t thread;
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, start_in_a_thread, &child));
    CHECK_EQ_INT(0, pthread_join(thread, NULL));
    CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + SIGUSR1, end_of(&child));
}

static void start_and_stay(void *arg)
{
    struct lwshm_child child = start_until(SIGTERM, "echo up; exec sleep 3600");
    CHECK_EQ_STR("up", line_of(&child));
    __atomic_store_n((uint64_t *)arg, lwshm_process_identity(child.pid), __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

TEST(a_child_hears_that_its_parent_was_killed)
{
    uint64_t *child = shared_zeros(sizeof *child);
    pid_t parent = test_fork(start_and_stay, child);
    AWAIT(__atomic_load_n(child, __ATOMIC_SEQ_CST) != 0);
    CHECK(!lwshm_process_is_dead(*child));
    test_kill(parent);
    AWAIT(lwshm_process_is_dead(*child));
}

/* ---- reading ---- */

TEST(both_streams_are_read_in_the_order_of_writing)
{
    struct lwshm_child child = start("echo one; echo two >&2; echo three");
    CHECK_EQ_STR("one", line_of(&child));
    CHECK_EQ_STR("two", line_of(&child));
    CHECK_EQ_STR("three", line_of(&child));
    CHECK_EQ_INT(0, CHECK_OK(lwshm_child_read(child.output, &(char){0}, 1, -1)));
    CHECK_EQ_INT(0, end_of(&child));
}

TEST(the_end_of_the_output_is_not_the_end_of_the_child)
{
    struct lwshm_child child = start("exec > /dev/null 2>&1; exec sleep 3600");
    CHECK_EQ_INT(0, CHECK_OK(lwshm_child_read(child.output, &(char){0}, 1, -1)));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_child_reap(child.pid));
    kill_child(&child);
}

TEST(a_child_that_says_nothing_is_silent_when_the_time_is_over)
{
    struct lwshm_child child = start("exec sleep 3600");
    CHECK_EQ_INT(LWSHM_CHILD_SILENT, lwshm_child_read(child.output, &(char){0}, 1, 0));
    CHECK_EQ_INT(LWSHM_CHILD_SILENT, lwshm_child_read(child.output, &(char){0}, 1, 30));
    kill_child(&child);
}

TEST(what_a_dead_child_wrote_can_still_be_read)
{
    struct lwshm_child child = start("echo last words; kill -9 $$");
    CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + SIGKILL, CHECK_OK(lwshm_child_await(child.pid)));
    CHECK_EQ_STR("last words", line_of(&child));
    CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + SIGKILL, end_of(&child));
}

TEST(who_writes_to_a_closed_pipe_gets_sigpipe)
{
    struct lwshm_child child = start("while echo more; do :; done");
    CHECK_OK(lwshm_child_close_output(child.output));
    CHECK_EQ_INT(LWSHM_CHILD_SIGNALLED + SIGPIPE, CHECK_OK(lwshm_child_await(child.pid)));
    CHECK_OK(lwshm_child_reap(child.pid));
}

TEST(what_is_no_pipe_is_not_read)
{
    CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_child_read(9999, &(char){0}, 1, -1));
    CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_child_close_output(9999));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_read(0, &(char){0}, 0, 0));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_read(0, NULL, 1, 0));
}
