/*
 * A reader that is woken, finds the lock free, and meets a new owner as it enters: it was
 * overtaken.  The reader is single-stepped, so that this happens each time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "core/lwlock_wait.h"
#include "fixture.h"
#include "stepping.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define AN_HOUR_NS (3600 * INT64_C(1000000000))

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

static void read_once(void *arg)
{
    (void)arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    own->spins = false;
    patience_limits.first_ns = AN_HOUR_NS; /* only wake-ups wake it */
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        FAIL("ptrace: %s", strerror(errno));
    stepping_begin();
    CHECK_OK(lwshm_lwlock_acquire(backend, lock, S));
    stepping_end();
}

static bool shares(uint32_t slot)
{
    return record_says_shared(segment, slot, lock);
}

/* Steps the reader until it has a record S (`entering`), or sleeps. */
static void step_until(pid_t reader, uint32_t slot, bool entering)
{
    int status;
    while (!(entering && shares(slot))) {
        if (ptrace(PTRACE_SINGLESTEP, reader, NULL, NULL) < 0)
            FAIL("ptrace: %s", strerror(errno));
        while (waitpid(reader, &status, WNOHANG) == 0)
            if (!entering && sleeps(reader))
                return;
        CHECK(WIFSTOPPED(status));
    }
}

TEST(a_reader_that_meets_a_new_owner_as_it_enters_has_been_overtaken)
{
    int status;
    struct lwshm_lwlock_info info;
    if (!can_step())
        SKIP(CANNOT_STEP);
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 1).offset;
    me = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t reader = test_fork(read_once, NULL);
    uint32_t slot = backend_info_of(me).slot + 1;
    CHECK_EQ_INT(reader, waitpid(reader, &status, 0));
    step_until(reader, slot, false);
    for (int turns = 1; turns <= 16; turns++) {
        CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
        CHECK_EQ_INT(-1, info.starving);
        CHECK_OK(lwshm_lwlock_release(me, lock));
        CHECK_EQ_INT(reader, waitpid(reader, &status, 0)); /* woken */
        step_until(reader, slot, true);
        int got = CHECK_OK(lwshm_lwlock_acquire_slow(me, lock, X, 0, LWSHM_LW_STEP));
        step_until(reader, slot, false);
        if (got == 0) /* it had to wait for the reader to retract */
            CHECK_EQ_INT(1, lwshm_lwlock_acquire_slow(me, lock, X, 0, LWSHM_LW_STEP));
    }
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    CHECK_EQ_INT((int)slot, info.starving);
    test_kill(reader);
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}
