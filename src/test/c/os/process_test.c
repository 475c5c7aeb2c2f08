/*
 * Who a process is, and whether it is proven dead.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include "os/process.h"

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static void stay(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

static void say_who(void *arg)
{
    *(uint64_t *)arg = os_process_self();
}

TEST(a_process_knows_itself_as_others_know_it)
{
    uint64_t *child = shared_zeros(sizeof *child), self = os_process_self();
    CHECK_EQ_INT(getpid(), os_identity_pid(self));
    CHECK_EQ_UINT(os_process_identity(getpid()), self);
    CHECK(!os_process_is_dead(self));
    pid_t pid = test_fork(say_who, child);
    AWAIT(test_has_ended(pid));
    CHECK_EQ_UINT(os_process_identity(pid), *child); /* a zombie still has its number */
    CHECK_EQ_INT(pid, os_identity_pid(*child));
    TEST_WAIT(pid);
    CHECK_EQ_UINT(0, os_process_identity(pid));
}

TEST(a_killed_process_is_dead_before_and_after_it_is_waited_for)
{
    pid_t pid = test_fork(stay, NULL);
    uint64_t identity = os_process_identity(pid);
    CHECK(identity != 0 && !os_process_is_dead(identity));
    kill(pid, SIGKILL);
    AWAIT(test_has_ended(pid));
    CHECK(os_process_is_dead(identity));
    test_wait_any(pid);
    CHECK(os_process_is_dead(identity));
}

TEST(a_stopped_process_is_alive)
{
    pid_t pid = test_fork(stay, NULL);
    uint64_t identity = os_process_identity(pid);
    kill(pid, SIGSTOP);
    for (int i = 0; i < 20; i++)
        CHECK(!os_process_is_dead(identity) && !os_process_is_dying(identity));
    test_kill(pid);
}

TEST(a_killed_process_is_dying_and_then_dead)
{
    pid_t pid = test_fork(stay, NULL);
    uint64_t identity = os_process_identity(pid);
    CHECK(!os_process_is_dying(identity));
    kill(pid, SIGSTOP);
    CHECK(!os_process_is_dying(identity));
    kill(pid, SIGKILL);
    AWAIT(test_has_ended(pid));
    CHECK(os_process_is_dying(identity));
    test_wait_any(pid);
    CHECK(os_process_is_dying(identity));
}

/* ---- one that runs no instruction any more, and that the kernel has not finished with ---- */

#define MUCH ((size_t)256 << 20)

static void fill_memory(void)
{
    /* In small pages the kernel takes a while to take it back, and to write it down. */
    char *much = mmap(NULL, MUCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(much != MAP_FAILED);
    madvise(much, MUCH, MADV_NOHUGEPAGE);
    memset(much, 'x', MUCH);
}

static void fill_memory_and_stay(void *ready)
{
    fill_memory();
    __atomic_store_n((uint32_t *)ready, 1, __ATOMIC_SEQ_CST);
    stay(NULL);
}

static void fill_memory_and_dump_core(void *ready)
{
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &unlimited);
    CHECK_EQ_INT(0, chdir(test_dir()));
    fill_memory();
    __atomic_store_n((uint32_t *)ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n((uint32_t *)ready, __ATOMIC_SEQ_CST) == 1)
        testing_nap();
    abort();
}

/* Whether it was seen to run no more before it had ended. */
static bool runs_no_more_before_its_end(void run(void *), int signal)
{
    uint32_t *ready = shared_zeros(sizeof *ready);
    pid_t pid = test_fork(run, ready);
    uint64_t identity = os_process_identity(pid);
    AWAIT(__atomic_load_n(ready, __ATOMIC_SEQ_CST) == 1);
    CHECK(!os_process_runs_no_more(identity));
    kill(pid, SIGSTOP);
    CHECK(!os_process_runs_no_more(identity));
    kill(pid, SIGCONT);
    __atomic_store_n(ready, 2, __ATOMIC_SEQ_CST);
    kill(pid, signal);
    AWAIT(os_process_runs_no_more(identity));
    bool before = !test_has_ended(pid);
    test_wait_any(pid);
    CHECK(os_process_runs_no_more(identity));
    return before;
}

TEST(a_killed_process_is_seen_to_run_no_more_before_its_memory_is_gone)
{
    AWAIT(runs_no_more_before_its_end(fill_memory_and_stay, SIGKILL));
}

static bool dumps_go_to_files(void)
{
    char pattern[256] = "|";
    struct rlimit core;
    FILE *f = fopen("/proc/sys/kernel/core_pattern", "r");
    if (f == NULL)
        return false;
    bool is_read = fgets(pattern, sizeof pattern, f) != NULL;
    fclose(f);
    return is_read && pattern[0] != '|' && pattern[0] != '\n' && pattern[0] != '/' &&
           getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == RLIM_INFINITY;
}

TEST(a_process_is_seen_to_run_no_more_before_its_core_is_written)
{
    if (!dumps_go_to_files())
        SKIP("cores are not written to files here");
    AWAIT(runs_no_more_before_its_end(fill_memory_and_dump_core, SIGCONT));
}

static void *outlive_the_main_thread(void *ready)
{
    __atomic_store_n((uint32_t *)ready, 1, __ATOMIC_SEQ_CST);
    stay(NULL);
    return NULL;
}

static void have_a_thread_live_on(void *ready)
{
    pthread_t other;
    CHECK_EQ_INT(0, pthread_create(&other, NULL, outlive_the_main_thread, ready));
    pthread_exit(NULL);
}

TEST(a_process_whose_main_thread_has_ended_runs_on)
{
    uint32_t *ready = shared_zeros(sizeof *ready);
    pid_t pid = test_fork(have_a_thread_live_on, ready);
    uint64_t identity = os_process_identity(pid);
    AWAIT(__atomic_load_n(ready, __ATOMIC_SEQ_CST) == 1);
    for (int i = 0; i < 100; i++)
        CHECK(!os_process_runs_no_more(identity) && !os_process_is_dying(identity));
    test_kill(pid);
    CHECK(os_process_runs_no_more(identity));
}

TEST(a_process_that_started_at_another_time_is_another)
{
    pid_t pid = test_fork(stay, NULL);
    uint64_t identity = os_process_identity(pid);
    CHECK(os_process_is_dead(identity + (1ull << 22)));
    CHECK(os_process_is_dead(identity - (1ull << 22)));
    CHECK(os_process_is_dead((uint64_t)pid));
    CHECK(!os_process_is_dead(identity));
    test_kill(pid);
}

TEST(nobody_is_not_dead)
{
    CHECK(!os_process_is_dead(0));
    CHECK(!os_process_is_dead(1ull << 22)); /* pid 0 */
}

#define MANY_GROUPS 2000

/* 3: it took a /proc that numbers processes otherwise for its own, 2: none such is to be had. */
static void judge_by_a_foreign_proc(void *arg)
{
    gid_t groups[MANY_GROUPS];
    (void)arg;
    for (int i = 0; i < MANY_GROUPS; i++)
        groups[i] = 100000 + (gid_t)i;
    if (setgroups(MANY_GROUPS, groups) < 0 || unshare(CLONE_NEWPID) < 0)
        _exit(2);
    pid_t init = fork();
    if (init == 0)
        _exit(os_process_self() == 0 || os_process_identity(getpid()) != 0 ||
                      os_process_is_dead(os_process_self())
                  ? 3
                  : 0);
    _exit(test_wait_any(init));
}

/* /proc/<pid>/status names the groups before what tells the namespaces. */
TEST(the_proc_of_another_namespace_is_known_for_that_by_a_process_of_many_groups)
{
    int status = test_wait_any(test_fork(judge_by_a_foreign_proc, NULL));
    if (status == 2)
        SKIP("so many groups, or a new PID namespace, are not to be had");
    CHECK_EQ_INT(0, status);
}

static void *stay_in_a_thread(void *arg)
{
    __atomic_store_n((uint32_t *)arg, 1, __ATOMIC_SEQ_CST);
    stay(arg);
    return NULL;
}

static void end_the_main_thread(void *arg)
{
    pthread_t thread;
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, stay_in_a_thread, arg));
    pthread_exit(NULL);
}

static char state_of(pid_t pid)
{
    char path[32], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    size_t length = f == NULL ? 0 : fread(text, 1, sizeof text - 1, f);
    if (f != NULL)
        fclose(f);
    text[length] = '\0';
    char *end = strrchr(text, ')');
    return end == NULL ? '?' : end[2];
}

TEST(a_process_whose_main_thread_has_ended_is_alive_until_the_last_thread_ends)
{
    uint32_t *running = shared_zeros(sizeof *running);
    pid_t pid = test_fork(end_the_main_thread, running);
    uint64_t identity = os_process_identity(pid);
    AWAIT(__atomic_load_n(running, __ATOMIC_SEQ_CST) == 1 && state_of(pid) == 'Z');
    CHECK(!os_process_is_dead(identity));
    kill(pid, SIGKILL);
    AWAIT(test_has_ended(pid));
    CHECK(os_process_is_dead(identity));
    test_wait_any(pid);
}

TEST(a_programs_name_may_look_like_anything)
{
    /* The kernel takes the name from the file's. */
    char path[4200], line[4300];
    snprintf(path, sizeof path, "%s/) Z 1 (", test_dir());
    snprintf(line, sizeof line, "cp /bin/sleep '%s'", path);
    if (system(line) != 0)
        SKIP("there is no sleep to copy");
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, "3600", (char *)NULL);
        _exit(1);
    }
    uint64_t before = os_process_identity(pid);
    char comm[64] = "", file[32];
    do {
        snprintf(file, sizeof file, "/proc/%d/comm", (int)pid);
        FILE *f = fopen(file, "r");
        CHECK(f != NULL && fgets(comm, sizeof comm, f) != NULL);
        fclose(f);
        testing_nap();
    } while (strcmp(comm, ") Z 1 (\n") != 0);
    CHECK_EQ_UINT(before, os_process_identity(pid));
    CHECK(!os_process_is_dead(before));
    test_kill(pid);
    CHECK(os_process_is_dead(before));
}

TEST(forks_are_counted_in_the_child)
{
    os_watch_forks();
    os_watch_forks();
    unsigned *counts = shared_zeros(2 * sizeof *counts), mine = os_fork_count;
    pid_t pid = fork();
    if (pid == 0) {
        counts[0] = os_fork_count;
        _exit(0);
    }
    TEST_WAIT(pid);
    CHECK_EQ_UINT(mine + 1, counts[0]);
    CHECK_EQ_UINT(mine, os_fork_count);
}

static void map_and_stay(void *arg)
{
    int *shmid = arg;
    attach_bytes(*shmid);
    *shmid = -1;
    stay(NULL);
}

TEST(who_maps_a_segment_is_found)
{
    int *shared = shared_zeros(sizeof *shared);
    int shmid = *shared = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    int32_t pids[4];
    CHECK_EQ_UINT(0, os_processes_mapping(shmid, pids, 4));
    pid_t pid = test_fork(map_and_stay, shared);
    AWAIT(__atomic_load_n(shared, __ATOMIC_SEQ_CST) == -1);
    CHECK_EQ_UINT(1, os_processes_mapping(shmid, pids, 4));
    CHECK_EQ_INT(pid, pids[0]);
    char *bytes = attach_bytes(shmid);
    CHECK_EQ_UINT(2, os_processes_mapping(shmid, pids, 4));
    CHECK_EQ_UINT(1, os_processes_mapping(shmid, pids, 1));
    CHECK_EQ_UINT(0, os_processes_mapping(shmid, pids, 0));
    detach_bytes(bytes);
    test_kill(pid);
    CHECK_EQ_UINT(0, os_processes_mapping(shmid, pids, 4));
    shmctl(shmid, IPC_RMID, NULL);
}

static void map_the_same_number_elsewhere(void *arg)
{
    int *shmid = arg, other;
    if (unshare(CLONE_NEWIPC) < 0)
        _exit(2);
    /* Numbers begin anew in a new namespace. */
    do
        other = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    while (other >= 0 && other < *shmid);
    if (other != *shmid)
        _exit(2);
    attach_bytes(other);
    *shmid = -1;
    stay(NULL);
}

TEST(who_maps_a_segment_of_the_same_number_in_another_ipc_namespace_is_not_meant)
{
    int *shared = shared_zeros(sizeof *shared);
    int shmid = *shared = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    int32_t pids[4];
    pid_t pid = test_fork(map_the_same_number_elsewhere, shared);
    AWAIT(__atomic_load_n(shared, __ATOMIC_SEQ_CST) == -1 || test_has_ended(pid));
    bool made = *shared == -1;
    if (made)
        CHECK_EQ_UINT(0, os_processes_mapping(shmid, pids, 4));
    test_kill(pid);
    shmctl(shmid, IPC_RMID, NULL);
    if (!made)
        SKIP("no IPC namespace with such a number is to be had");
}

TEST(the_boot_has_an_id_and_the_namespaces_have_theirs)
{
    uint8_t id[16], again[16], none[16] = {0};
    os_boot_id(id);
    os_boot_id(again);
    CHECK(memcmp(id, again, 16) == 0 && memcmp(id, none, 16) != 0);
    CHECK(os_namespace("pid") != 0 && os_namespace("ipc") != 0);
    CHECK(os_namespace("pid") != os_namespace("ipc"));
    CHECK_EQ_UINT(os_namespace("pid"), os_namespace("pid"));
    CHECK_EQ_UINT(0, os_namespace("none of that name"));
    CHECK(os_processors() >= 1);
}
