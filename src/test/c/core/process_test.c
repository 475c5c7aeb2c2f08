/*
 * Processes as others know them: identity, end, signals, place.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include "lwshm/process.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "fixture.h"

/* The same pid at another time. */
#define ANOTHER_START (UINT64_C(1) << 22)

static void stay(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

static void await_end_of(void *arg)
{
    CHECK_EQ_INT(1, CHECK_OK(lwshm_process_await_end(*(uint64_t *)arg, -1)));
}

static void *await_in_a_thread(void *arg)
{
    await_end_of(arg);
    return NULL;
}

static uint64_t start_staying(void)
{
    uint64_t process = lwshm_process_identity(test_fork(stay, NULL));
    CHECK(process != 0);
    return process;
}

/* Some kernels, and emulators, have no pidfd. */
#define SKIP_WITHOUT_PIDFD                                                                         \
    if (lwshm_process_await_end(lwshm_process_self(), 0) < 0)                                      \
    SKIP("%s", lwshm_last_error()->message)

/* ---- who it is ---- */

TEST(an_identity_is_of_one_process_and_names_its_pid)
{
    uint64_t self = lwshm_process_self(), child = start_staying();
    CHECK_EQ_INT(getpid(), lwshm_process_pid(self));
    CHECK_EQ_UINT(self, lwshm_process_identity(getpid()));
    CHECK(self != child && !lwshm_process_is_dead(self) && !lwshm_process_is_dead(child));
    test_kill(lwshm_process_pid(child));
    CHECK_EQ_UINT(0, lwshm_process_identity(lwshm_process_pid(child)));
    CHECK_EQ_UINT(0, lwshm_process_identity(0));
    CHECK_EQ_UINT(0, lwshm_process_identity(-1));
}

TEST(a_zombie_has_ended)
{
    uint64_t child = start_staying();
    kill(lwshm_process_pid(child), SIGKILL);
    AWAIT(test_has_ended(lwshm_process_pid(child)));
    CHECK_EQ_INT(1, lwshm_process_is_dead(child));
    test_wait_any(lwshm_process_pid(child));
    CHECK_EQ_INT(1, lwshm_process_is_dead(child));
}

TEST(the_place_is_the_one_that_a_segments_header_names)
{
    struct lwshm_process_place place, again;
    CHECK_OK(lwshm_process_place(&place));
    CHECK_OK(lwshm_process_place(&again));
    CHECK(memcmp(&place, &again, sizeof place) == 0);
    lwshm_segment *segment = create_segment(NULL);
    char *bytes = attach_bytes(info_of(segment).shmid);
    CHECK_EQ_UINT(*(uint64_t *)field_at(bytes, "segment_header.pid_namespace"),
                  place.pid_namespace);
    CHECK(memcmp(field_at(bytes, "segment_header.boot_id"), place.boot_id, 16) == 0);
    detach_bytes(bytes);
    end_segment(segment);
    CHECK(place.ipc_namespace != 0 && place.ipc_namespace != (uint32_t)place.pid_namespace);
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_process_place(NULL));
}

/* ---- its end ---- */

TEST(the_end_of_a_process_is_awaited_by_a_thread_and_by_one_that_is_not_its_parent)
{
    SKIP_WITHOUT_PIDFD;
    uint64_t process = start_staying();
    pthread_t thread;
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, await_in_a_thread, &process));
    pid_t sibling = test_fork(await_end_of, &process);
    AWAIT(sleeps(sibling));
    kill(lwshm_process_pid(process), SIGKILL);
    TEST_WAIT(sibling); /* while it is a zombie */
    CHECK_EQ_INT(0, pthread_join(thread, NULL));
    CHECK_EQ_INT(1, CHECK_OK(lwshm_process_await_end(process, -1)));
    test_wait_any(lwshm_process_pid(process));
    CHECK_EQ_INT(1, CHECK_OK(lwshm_process_await_end(process, -1)));
}

TEST(a_process_that_goes_on_outlasts_the_time)
{
    SKIP_WITHOUT_PIDFD;
    uint64_t process = start_staying();
    CHECK_EQ_INT(0, CHECK_OK(lwshm_process_await_end(process, 0)));
    CHECK_EQ_INT(0, CHECK_OK(lwshm_process_await_end(process, 30)));
    kill(lwshm_process_pid(process), SIGSTOP);
    CHECK_EQ_INT(0, CHECK_OK(lwshm_process_await_end(process, 30)));
    test_kill(lwshm_process_pid(process));
    CHECK_EQ_INT(1, CHECK_OK(lwshm_process_await_end(process, INT64_MAX)));
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
    (void)signal;
    alarms++;
}

TEST(signals_do_not_end_the_wait)
{
    SKIP_WITHOUT_PIDFD;
    struct itimerval often = {.it_interval = {.tv_usec = 2000}, .it_value = {.tv_usec = 2000}};
    struct itimerval never = {.it_interval = {0}, .it_value = {0}};
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (alarms < 5)
        CHECK_EQ_INT(0, CHECK_OK(lwshm_process_await_end(lwshm_process_self(), 50)));
    setitimer(ITIMER_REAL, &never, NULL);
}

TEST(whose_pid_another_has_now_has_ended)
{
    SKIP_WITHOUT_PIDFD;
    uint64_t process = start_staying();
    CHECK_EQ_INT(1, CHECK_OK(lwshm_process_await_end(process + ANOTHER_START, -1)));
    CHECK_EQ_INT(1, CHECK_OK(lwshm_process_await_end(process - ANOTHER_START, -1)));
    test_kill(lwshm_process_pid(process));
}

static void *say_tid(void *arg)
{
    __atomic_store_n((int32_t *)arg, gettid(), __ATOMIC_SEQ_CST);
    stay(NULL);
    return NULL;
}

TEST(whose_pid_a_thread_has_now_has_ended)
{
    SKIP_WITHOUT_PIDFD;
    pthread_t thread;
    int32_t tid = 0;
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, say_tid, &tid));
    AWAIT(__atomic_load_n(&tid, __ATOMIC_SEQ_CST) != 0);
    CHECK_EQ_INT(1, CHECK_OK(lwshm_process_await_end((uint64_t)tid | ANOTHER_START, -1)));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_process_signal((uint64_t)tid | ANOTHER_START, 0));
}

TEST(nobody_is_neither_awaited_nor_signalled)
{
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_process_await_end(0, 0));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_process_await_end(ANOTHER_START, -1));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_process_signal(0, SIGTERM));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_process_signal(ANOTHER_START, SIGTERM));
}

/* ---- signals ---- */

TEST(a_signal_reaches_the_process_that_is_meant)
{
    SKIP_WITHOUT_PIDFD;
    uint64_t process = start_staying();
    CHECK_OK(lwshm_process_signal(process, 0));
    CHECK_CONTAINS("99", CHECK_FAILS(LWSHM_E_INVALID, lwshm_process_signal(process, 99))->message);
    CHECK_OK(lwshm_process_signal(process, SIGTERM));
    CHECK_EQ_INT(-SIGTERM, test_wait_any(lwshm_process_pid(process)));
}

TEST(a_signal_is_refused_for_who_has_ended)
{
    SKIP_WITHOUT_PIDFD;
    uint64_t process = start_staying();
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_process_signal(process + ANOTHER_START, SIGKILL));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_process_signal(process - ANOTHER_START, SIGKILL));
    CHECK_OK(lwshm_process_signal(process, SIGUSR1)); /* what ends it is this one */
    AWAIT(test_has_ended(lwshm_process_pid(process)));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_process_signal(process, 0));
    CHECK_EQ_INT(-SIGUSR1, test_wait_any(lwshm_process_pid(process)));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_process_signal(process, 0));
}

/* ---- signals that a parent had ignored ---- */

static void hear(int signal)
{
    (void)signal;
}

TEST(heeding_undoes_an_inherited_ignoring_and_nothing_else)
{
    struct sigaction now;
    signal(SIGINT, SIG_IGN);
    CHECK_OK(lwshm_process_heed(SIGINT));
    sigaction(SIGINT, NULL, &now);
    CHECK(now.sa_handler == SIG_DFL);
    signal(SIGINT, hear);
    CHECK_OK(lwshm_process_heed(SIGINT));
    sigaction(SIGINT, NULL, &now);
    CHECK(now.sa_handler == hear);
    CHECK_EQ_INT(LWSHM_E_INVALID, lwshm_process_heed(1000));
}
