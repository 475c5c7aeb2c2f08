/*
 * Members that /proc hides from one another (hidepid=2).  The kernel's lock tells the dead from the
 * living all the same, whoever has their pids by now.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fixture.h"
#include "os/process.h"

#define X LWSHM_LW_EXCLUSIVE
#define MS INT64_C(1000000)
#define NOBODY 65534
#define NOBODY_ELSE 65533
#define NOT_PERMITTED 2

struct board {
    uint32_t step;
    uint64_t lock;
    uid_t holder; /* its user */
    pid_t hidden; /* a pid that the survivor must not see */
};

static void reach(struct board *board, uint32_t step)
{
    __atomic_store_n(&board->step, step, __ATOMIC_SEQ_CST);
}

static void await_step(const struct board *board, uint32_t step)
{
    AWAIT(__atomic_load_n(&board->step, __ATOMIC_SEQ_CST) == step);
}

/* From here on the data directory is ".": the user may not be let in on the way there. */
static void become(uid_t user)
{
    CHECK_EQ_INT(0, setgroups(0, NULL));
    CHECK_EQ_INT(0, setgid(NOBODY));
    CHECK_EQ_INT(0, setuid(user));
    CHECK_EQ_INT(0, prctl(PR_SET_DUMPABLE, 1)); /* as a program that began as that user */
}

static lwshm_segment *create_for_the_group(void)
{
    struct lwshm_segment_options options = small_options();
    options.data_dir = ".";
    options.mode = 0660;
    return create_segment(&options);
}

static void survive(void *arg)
{
    struct board *board = arg;
    become(NOBODY);
    lwshm_segment *segment = create_for_the_group();
    lwshm_backend *me = join(segment);
    board->lock = make_tranche(segment, "test", 1).offset;
    reach(board, 1);
    await_step(board, 2);
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(me, board->lock, X, 50 * MS));
    reach(board, 3);
    await_step(board, 4);
    CHECK_EQ_UINT(0, os_process_identity(board->hidden));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, board->lock, X));
    CHECK_OK(lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    reach(board, 5);
    for (;;)
        pause();
}

static void hold(void *arg)
{
    struct board *board = arg;
    lwshm_segment *segment;
    become(board->holder);
    CHECK_OK(lwshm_segment_attach(".", 0660, &segment));
    CHECK_OK(lwshm_lwlock_acquire(join(segment), board->lock, X));
    reach(board, 2);
    for (;;)
        pause();
}

static void create_anew(void *unused)
{
    (void)unused;
    become(NOBODY);
    end_segment(create_for_the_group());
}

/* A process of root's that has the pid of one that has ended: 0 if `pid` is taken. */
static pid_t take_pid(pid_t pid)
{
    struct clone_args args = {
        .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
    long child = syscall(SYS_clone3, &args, sizeof args);
    if (child == 0)
        for (;;)
            pause();
    if (child < 0 && errno != EEXIST)
        _exit(NOT_PERMITTED);
    return child < 0 ? 0 : (pid_t)child;
}

static pid_t kill_and_take_pid(pid_t pid)
{
    test_kill(pid);
    AWAIT(take_pid(pid) == pid);
    return pid;
}

static void hide_processes(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("proc", "/proc", "proc", 0, "hidepid=2") < 0 || chown(test_dir(), NOBODY, NOBODY) < 0)
        _exit(NOT_PERMITTED);
    CHECK_EQ_INT(0, chdir(test_dir()));
    CHECK_EQ_INT(0, chmod(".", 0770));
}

static void stay(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}

/* A new process of root's takes the pid of each that is killed. */
static void play(void *arg)
{
    struct board *board = arg;
    hide_processes();
    test_kill(kill_and_take_pid(test_fork(stay, NULL))); /* before anything is left if it may not */
    pid_t survivor = test_fork(survive, board);
    await_step(board, 1);
    pid_t holder = test_fork(hold, board);
    await_step(board, 3);
    board->hidden = kill_and_take_pid(holder);
    reach(board, 4);
    await_step(board, 5);
    kill_and_take_pid(survivor);
    TEST_WAIT(test_fork(create_anew, NULL));
    test_kill(holder); /* the two that have the pids now */
    test_kill(survivor);
    _exit(0);
}

static void a_holder_is_dead_when_it_is_and_not_before(uid_t holder)
{
    struct board *board = shared_zeros(sizeof *board);
    board->holder = holder;
    int status = is_root() ? test_wait_any(test_fork(play, board)) : NOT_PERMITTED;
    if (status == NOT_PERMITTED)
        SKIP("processes cannot be hidden here");
    CHECK_EQ_INT(0, status);
}

TEST(a_holder_whose_pid_a_hidden_process_has_by_now_is_dead)
{
    a_holder_is_dead_when_it_is_and_not_before(NOBODY);
}

TEST(a_hidden_holder_is_dead_when_it_is_and_not_before)
{
    a_holder_is_dead_when_it_is_and_not_before(NOBODY_ELSE);
}
