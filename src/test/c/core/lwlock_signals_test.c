/*
 * Waiters in whom signals rain, as a sampling profiler makes them: a signal ends a sleep, and
 * nothing else.  The look at the backend in the way stays due by the clock.
 *
 * How soon a death is noticed is counted in signals, not in time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "actor.h"
#include "core/patience.h"
#include "os/clock.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define US INT64_C(1000)
#define MS (1000 * US)
#define AN_HOUR_NS (3600 * 1000 * MS)

/* What the waiter waits for, and what the killed holder has. */
enum wait {
    WRITER_FOR_WRITER,
    READER_FOR_WRITER,
    WRITER_FOR_READER, /* in its drain */
    PERMITS,
    WAITS
};

static lwshm_segment *segment;
static uint64_t lock;
static struct lwshm_semaphore semaphore;

static struct rain {
    uint32_t signals; /* that the waiter got */
    int64_t every_ns;
    bool restarts;
    bool patient; /* five signals come between two looks */
    int64_t timeout_ns;
} * rain;

static void begin(void)
{
    bool found;
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 4).offset;
    CHECK_OK(
        lwshm_semaphore_init(segment, "permits", 2, LWSHM_SEMAPHORE_OWNED, &found, &semaphore));
    rain = shared_zeros(sizeof *rain);
}

static uint32_t signals(void)
{
    return __atomic_load_n(&rain->signals, __ATOMIC_SEQ_CST);
}

/* ---- in the waiter ---- */

static void count_signal(int number)
{
    (void)number;
    __atomic_add_fetch(&rain->signals, 1, __ATOMIC_SEQ_CST);
}

static void let_it_rain(timer_t *timer)
{
    struct sigaction action = {.sa_handler = count_signal,
                               .sa_flags = rain->restarts ? SA_RESTART : 0};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct timespec every = {.tv_sec = rain->every_ns / 1000000000,
                             .tv_nsec = rain->every_ns % 1000000000};
    struct itimerspec timing = {.it_interval = every, .it_value = every};
    if (sigaction(SIGUSR2, &action, NULL) < 0 || timer_create(CLOCK_MONOTONIC, &event, timer) < 0 ||
        timer_settime(*timer, 0, &timing, NULL) < 0)
        FAIL("timer: %s", strerror(errno));
}

static int wait_for_it(const struct acting *self, enum wait wait)
{
    enum lwshm_lwlock_mode mode = wait == READER_FOR_WRITER ? S : X;
    bool timed = rain->timeout_ns != LWSHM_FOREVER;
    int r;
    if (wait == PERMITS)
        r = timed ? lwshm_semaphore_acquire_timed(self->me, &semaphore, 1, rain->timeout_ns)
                  : lwshm_semaphore_acquire(self->me, &semaphore, 1);
    else
        r = timed ? lwshm_lwlock_acquire_timed(self->me, lock, mode, rain->timeout_ns)
                  : lwshm_lwlock_acquire(self->me, lock, mode);
    return !timed && r == LWSHM_OK ? 1 : r;
}

static int act_wait_in_the_rain(const struct acting *self, uint64_t wait, uint64_t unused)
{
    timer_t timer;
    (void)unused;
    if (rain->patient)
        patience_limits.first_ns = patience_limits.longest_ns = 5 * rain->every_ns;
    let_it_rain(&timer);
    int r = wait_for_it(self, (enum wait)wait);
    timer_delete(timer);
    return r;
}

/* ---- outside ---- */

static int act_hold(const struct acting *self, uint64_t wait, uint64_t unused)
{
    (void)unused;
    if (wait == PERMITS)
        return lwshm_semaphore_acquire(self->me, &semaphore, 2);
    return lwshm_lwlock_acquire(self->me, lock, wait == WRITER_FOR_READER ? S : X);
}

static struct actor *holder_against(enum wait wait)
{
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_hold, wait, 0));
    return holder;
}

static struct actor *waiter_in_the_rain(enum wait wait)
{
    struct actor *waiter = actor_start();
    rain->signals = 0;
    actor_tell(waiter, act_wait_in_the_rain, wait, 0);
    AWAIT(actor_waits_for(segment, waiter, wait == PERMITS ? semaphore.offset : lock));
    return waiter;
}

static void repair(void)
{
    lwshm_backend *me = join(segment);
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(lwshm_backend_leave(me));
}

static void a_dead_holder_is_recovered(enum wait wait)
{
    bool poisons = wait == WRITER_FOR_WRITER || wait == READER_FOR_WRITER;
    struct actor *holder = holder_against(wait), *waiter = waiter_in_the_rain(wait);
    test_kill(holder->pid);
    uint32_t before = signals();
    CHECK_EQ_INT(poisons ? LWSHM_E_OWNER_DIED : 1, actor_result(waiter));
    uint32_t took = signals() - before;
    if ((rain->patient || rain->every_ns >= 20 * MS) && took > 50)
        FAIL("it took %u signals to notice", took);
    actor_end(waiter);
    if (poisons)
        repair();
    CHECK_OK(lwshm_segment_reap_dead(segment));
}

static void dead_holders_are_recovered(enum wait wait)
{
    static const int64_t every[] = {100 * US, 1 * MS, 5 * MS, 20 * MS, 100 * MS};
    begin();
    for (int i = 0; i < 5 * 8; i++) {
        *rain = (struct rain){.every_ns = every[i / 8],
                              .restarts = i % 2 != 0,
                              .patient = i / 4 % 2 != 0,
                              .timeout_ns = i / 2 % 2 == 0 ? LWSHM_FOREVER : AN_HOUR_NS};
        a_dead_holder_is_recovered(wait);
    }
    end_segment(segment);
}

TEST(a_writer_in_whom_signals_rain_recovers_a_dead_writer)
{
    dead_holders_are_recovered(WRITER_FOR_WRITER);
}

TEST(a_reader_in_whom_signals_rain_recovers_a_dead_writer)
{
    dead_holders_are_recovered(READER_FOR_WRITER);
}

TEST(an_owner_that_drains_while_signals_rain_recovers_a_dead_reader)
{
    dead_holders_are_recovered(WRITER_FOR_READER);
}

TEST(one_that_waits_for_permits_while_signals_rain_gets_those_of_a_dead_holder)
{
    dead_holders_are_recovered(PERMITS);
}

TEST(a_time_out_runs_out_while_signals_rain)
{
    begin();
    for (enum wait wait = WRITER_FOR_WRITER; wait < WAITS; wait++) {
        struct actor *holder = holder_against(wait), *waiter = actor_start();
        for (int i = 0; i < 4; i++) {
            *rain = (struct rain){.every_ns = i / 2 == 0 ? 100 * US : 7 * MS,
                                  .restarts = i % 2 != 0,
                                  .timeout_ns = 30 * MS};
            int64_t since = os_monotonic_ns();
            CHECK_EQ_INT(0, actor_do(waiter, act_wait_in_the_rain, wait, 0));
            CHECK(os_monotonic_ns() - since >= 30 * MS);
            CHECK(signals() > 0);
        }
        actor_end(waiter);
        actor_end(holder);
    }
    end_segment(segment);
}

TEST(a_signal_is_no_turn)
{
    struct lwshm_lwlock_info info;
    begin();
    for (enum wait wait = WRITER_FOR_WRITER; wait < PERMITS; wait++) {
        *rain = (struct rain){.every_ns = 200 * US, .timeout_ns = LWSHM_FOREVER};
        struct actor *holder = holder_against(wait), *waiter = waiter_in_the_rain(wait);
        uint32_t before = signals();
        AWAIT(signals() - before > 500);
        CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
        CHECK_EQ_INT(-1, info.starving);
        actor_end(holder);
        CHECK_EQ_INT(1, actor_result(waiter));
        actor_end(waiter);
    }
    end_segment(segment);
}
