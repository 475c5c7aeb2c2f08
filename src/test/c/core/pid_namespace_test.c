/*
 * Members of one segment in two PID namespaces: the dead are told from the living, from either side.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "actor.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

static void begin(void)
{
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 4).offset;
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

struct abroad {
    pid_t pid; /* as seen from here */
    uint32_t step;
};

static void hold_abroad(struct abroad *abroad)
{
    lwshm_segment *own = attach_segment();
    CHECK_OK(lwshm_lwlock_acquire(join(own), lock, X));
    __atomic_store_n(&abroad->step, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

/* The init of a new PID namespace, without a /proc of its own, that holds the lock. */
static void go_abroad(void *arg)
{
    struct abroad *abroad = arg;
    if (unshare(CLONE_NEWPID) < 0)
        _exit(2);
    pid_t init = fork();
    if (init == 0)
        hold_abroad(abroad);
    abroad->pid = init;
    test_wait_any(init);
    _exit(0);
}

TEST(a_holder_in_another_pid_namespace_is_dead_when_it_is_and_not_before)
{
    begin();
    struct abroad *abroad = shared_zeros(sizeof *abroad);
    pid_t parent = test_fork(go_abroad, abroad);
    AWAIT(__atomic_load_n(&abroad->step, __ATOMIC_SEQ_CST) == 1 || test_has_ended(parent));
    if (test_has_ended(parent)) {
        end();
        SKIP("no new PID namespace is to be had");
    }
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(me, lock, S, 50 * 1000000ll));
    kill(abroad->pid, SIGSTOP);
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    kill(abroad->pid, SIGKILL);
    CHECK_EQ_INT(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, S));
    TEST_WAIT(parent);
    end();
}

/* The init of a new PID namespace is no member.  One of its children holds the lock, and one
   nothing. */
static void go_abroad_with_children(void *arg)
{
    struct abroad *abroad = arg;
    if (unshare(CLONE_NEWPID) < 0)
        _exit(2);
    pid_t init = fork();
    if (init == 0) {
        if (fork() == 0)
            hold_abroad(abroad);
        if (fork() == 0)
            attach_segment();
        for (;;) /* the init and the member that holds nothing */
            pause();
    }
    abroad->pid = init;
    test_wait_any(init);
    _exit(0);
}

TEST(all_members_of_a_pid_namespace_die_with_its_init)
{
    begin();
    struct abroad *abroad = shared_zeros(sizeof *abroad);
    pid_t parent = test_fork(go_abroad_with_children, abroad);
    AWAIT(test_has_ended(parent) || (__atomic_load_n(&abroad->step, __ATOMIC_SEQ_CST) == 1 &&
                                     lwshm_segment_processes(segment, NULL, 0) == 3));
    if (test_has_ended(parent)) {
        end();
        SKIP("no new PID namespace is to be had");
    }
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    kill(abroad->pid, SIGKILL);
    CHECK_EQ_INT(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, S));
    TEST_WAIT(parent);
    CHECK_OK(lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    end();
}

static void look_home(void *arg)
{
    uint32_t *step = arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *mine = join(own);
    CHECK_EQ_INT(4, lwshm_segment_processes(own, NULL, 0));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(own));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(mine, lock, S, 50 * 1000000ll));
    __atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
    int r = lwshm_lwlock_acquire(mine, lock, S);
    if (r != LWSHM_E_OWNER_DIED)
        FAIL("the lock was acquired as %d", r);
    CHECK_OK(lwshm_segment_reap_dead(own));
    CHECK_EQ_INT(2, lwshm_segment_processes(own, NULL, 0));
    CHECK_OK(lwshm_backend_leave(mine));
    close_segment(own);
    _exit(0);
}

static void look_home_from_abroad(void *arg)
{
    if (unshare(CLONE_NEWPID) < 0)
        _exit(2);
    pid_t init = fork();
    if (init == 0)
        look_home(arg);
    _exit(test_wait_any(init) == 0 ? 0 : 1);
}

TEST(from_another_pid_namespace_a_holder_is_dead_when_it_is_and_not_before)
{
    begin();
    uint32_t *step = shared_zeros(sizeof *step);
    struct actor *holder = actor_start(), *idle = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, X));
    actor_stop(holder);
    actor_stop(idle);
    pid_t looker = test_fork(look_home_from_abroad, step);
    AWAIT(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 1 || test_has_ended(looker));
    test_kill(idle->pid);
    test_kill(holder->pid);
    int status = test_wait_any(looker);
    if (status != 2) /* 2: none is to be had */
        CHECK_EQ_INT(0, status);
    lwshm_segment_reap_dead(segment);
    end();
}
