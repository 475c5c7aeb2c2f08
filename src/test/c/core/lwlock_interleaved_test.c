/*
 * One backend stopped after each single instruction of an acquire or a release, and another
 * that comes at that moment.  Whoever gets in, the other is out, and nothing is lost: the
 * orders that contention meets once in a million turns are met here one by one.
 *
 * The first is a process that is single-stepped with ptrace.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

/* A sanitizer's code has so many instructions of its own that not each is worth a stop. */
#ifdef __SANITIZE_ADDRESS__
#define STRIDE 13
#else
#define STRIDE 1
#endif

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

static struct stage {
    enum lwshm_lwlock_mode mode; /* of the stepped one */
    bool by_trying;
    bool steps_release; /* else its acquire is stepped */
    uint32_t inside;    /* it has the lock */
    uint32_t go_on;     /* it may release it */
    uint32_t rounds;    /* it has finished */
    int result;
} * stage;

/* ---- the stepped one ---- */

static void marker(bool wanted)
{
    if (wanted)
        raise(SIGUSR1); /* the tracer stops us here */
}

static void one_round(lwshm_backend *backend)
{
    marker(!stage->steps_release);
    int r = stage->by_trying ? lwshm_lwlock_try_acquire(backend, lock, stage->mode)
                             : lwshm_lwlock_acquire(backend, lock, stage->mode);
    CHECK_OK(r);
    stage->result = r;
    if (r == 1 || !stage->by_trying) {
        __atomic_store_n(&stage->inside, 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&stage->go_on, __ATOMIC_SEQ_CST) == 0)
            sched_yield();
        __atomic_store_n(&stage->inside, 0, __ATOMIC_SEQ_CST);
        marker(stage->steps_release);
        CHECK_OK(lwshm_lwlock_release(backend, lock));
    }
    __atomic_add_fetch(&stage->rounds, 1, __ATOMIC_SEQ_CST);
}

static void be_stepped(void *arg)
{
    (void)arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        FAIL("ptrace: %s", strerror(errno));
    raise(SIGSTOP);
    for (;;)
        one_round(backend);
}

/* ---- the tracer ---- */

static int wait_for_stop(pid_t pid)
{
    int status;
    CHECK_EQ_INT(pid, waitpid(pid, &status, 0));
    if (!WIFSTOPPED(status))
        FAIL("the stepped process ended with status 0x%x", (unsigned)status);
    return WSTOPSIG(status);
}

static void resume(pid_t pid, enum __ptrace_request how)
{
    if (ptrace(how, pid, NULL, NULL) < 0)
        FAIL("ptrace: %s", strerror(errno));
}

static bool is_inside(void)
{
    return __atomic_load_n(&stage->inside, __ATOMIC_SEQ_CST) != 0;
}

static uint32_t rounds(void)
{
    return __atomic_load_n(&stage->rounds, __ATOMIC_SEQ_CST);
}

static void set_go_on(uint32_t go_on)
{
    __atomic_store_n(&stage->go_on, go_on, __ATOMIC_SEQ_CST);
}

/* What the second holds excludes what the first says that it holds. */
static bool compatible(enum lwshm_lwlock_mode mine)
{
    return mine == S && stage->mode == S;
}

/* The first stands at its marker.  After so many instructions of its acquire, the second tries.  True once the first
   was through before it was stopped. */
static bool meet_in_acquire(pid_t pid, long steps, enum lwshm_lwlock_mode mine, bool clear)
{
    uint32_t round = rounds();
    set_go_on(0);
    if (clear) { /* no bit in RB; else the first's is still there */
        CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    for (long i = 0; i < steps && !is_inside() && rounds() == round; i++) {
        resume(pid, PTRACE_SINGLESTEP);
        wait_for_stop(pid);
    }
    bool through = is_inside() || rounds() != round;
    int got = CHECK_OK(lwshm_lwlock_try_acquire(me, lock, mine));
    if (got && through && rounds() == round && !compatible(mine))
        FAIL("after %ld instructions both are in", steps);
    resume(pid, PTRACE_CONT);
    if (got) {
        AWAIT(is_inside() || rounds() != round || somebody_waits(segment, lock, stage->mode));
        if (is_inside() && !compatible(mine))
            FAIL("stopped after %ld instructions, it went in beside the other", steps);
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    set_go_on(1);
    CHECK_EQ_INT(SIGUSR1, wait_for_stop(pid)); /* before its next round */
    CHECK_EQ_UINT(round + 1, rounds());
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X)); /* both have left no trace */
    CHECK_OK(lwshm_lwlock_release(me, lock));
    return through;
}

/* The same for its release. */
static bool meet_in_release(pid_t pid, long steps, enum lwshm_lwlock_mode mine)
{
    uint32_t round = rounds();
    struct lwshm_lwlock_info info;
    set_go_on(1);
    resume(pid, PTRACE_CONT);
    CHECK_EQ_INT(SIGUSR1, wait_for_stop(pid));
    for (long i = 0; i < steps && rounds() == round; i++) {
        resume(pid, PTRACE_SINGLESTEP);
        wait_for_stop(pid);
    }
    bool through = rounds() != round;
    int got = CHECK_OK(lwshm_lwlock_try_acquire(me, lock, mine));
    if (through)
        CHECK_EQ_INT(1, got);
    stage->steps_release = false; /* one marker more, so that it stops when it is through */
    resume(pid, PTRACE_CONT);
    CHECK_EQ_INT(SIGUSR1, wait_for_stop(pid));
    stage->steps_release = true;
    if (got) { /* and what it did after that has not disturbed us */
        CHECK_EQ_INT(mine, lwshm_lwlock_is_held_by(me, lock));
        CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
        if (mine == X)
            CHECK_EQ_INT(backend_info_of(me).slot, info.owner);
        else
            CHECK_EQ_UINT(1, info.shared);
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    return through;
}

static void begin(enum lwshm_lwlock_mode mode, bool by_trying, bool steps_release)
{
    stage = shared_zeros(sizeof *stage);
    *stage = (struct stage){.mode = mode, .by_trying = by_trying, .steps_release = steps_release};
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 1).offset;
    me = join(segment);
}

static void end(pid_t pid)
{
    test_kill(pid);
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

/* The first, joined and stopped. */
static pid_t start(void)
{
    pid_t pid = test_fork(be_stepped, NULL);
    CHECK_EQ_INT(SIGSTOP, wait_for_stop(pid));
    return pid;
}

static void step_acquire(enum lwshm_lwlock_mode first, bool by_trying,
                         enum lwshm_lwlock_mode second, bool clear)
{
    begin(first, by_trying, false);
    pid_t pid = start();
    long steps = 0;
    resume(pid, PTRACE_CONT);
    CHECK_EQ_INT(SIGUSR1, wait_for_stop(pid));
    while (!meet_in_acquire(pid, steps, second, clear))
        steps += STRIDE;
    CHECK(steps > 30); /* or it was not stepped at all */
    end(pid);
}

static void step_release(enum lwshm_lwlock_mode first, enum lwshm_lwlock_mode second)
{
    begin(first, false, true);
    pid_t pid = start();
    long steps = 0;
    while (!meet_in_release(pid, steps, second))
        steps += STRIDE;
    CHECK(steps > 20);
    end(pid);
}

#define SKIP_IF_EMULATED                                                                           \
    if (is_emulated())                                                                             \
    SKIP("there is no ptrace")

TEST(a_writer_comes_at_each_instruction_of_a_readers_acquire)
{
    SKIP_IF_EMULATED;
    step_acquire(S, false, X, true);
    step_acquire(S, false, X, false);
}

TEST(a_writer_comes_at_each_instruction_of_a_readers_try)
{
    SKIP_IF_EMULATED;
    step_acquire(S, true, X, true);
}

TEST(a_reader_comes_at_each_instruction_of_a_writers_acquire)
{
    SKIP_IF_EMULATED;
    step_acquire(X, false, S, true);
}

TEST(a_reader_comes_at_each_instruction_of_a_writers_try)
{
    SKIP_IF_EMULATED;
    step_acquire(X, true, S, true);
}

TEST(a_writer_comes_at_each_instruction_of_a_writers_acquire)
{
    SKIP_IF_EMULATED;
    step_acquire(X, false, X, true);
}

TEST(a_reader_comes_at_each_instruction_of_a_readers_acquire)
{
    SKIP_IF_EMULATED;
    step_acquire(S, false, S, true);
}

TEST(somebody_comes_at_each_instruction_of_a_writers_release)
{
    SKIP_IF_EMULATED;
    step_release(X, X);
    step_release(X, S);
}

TEST(somebody_comes_at_each_instruction_of_a_readers_release)
{
    SKIP_IF_EMULATED;
    step_release(S, X);
    step_release(S, S);
}
