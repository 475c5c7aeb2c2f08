/*
 * Nobody is passed over for ever: I8, counted.
 *
 * A stream of others takes and releases the lock without a pause.  From the moment that a
 * waiter has named itself the starving waiter, each of them may finish what it had begun, and no more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <unistd.h>

#include "core/lwlock_wait.h"
#include "overtaking.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define STREAM 3
#define EPISODES 40
#define AN_HOUR_NS (3600 * INT64_C(1000000000))

static lwshm_segment *segment;
static uint64_t lock;

struct stream {
    enum lwshm_lwlock_mode mode;
    uint32_t number;
};

static struct score {
    uint32_t stop;
    uint32_t episode;
    uint32_t victim; /* slot */
    uint32_t acquisitions;
    uint32_t overtakings[EPISODES + 1][STREAM];
} * score;

static void pass_by(void *arg)
{
    const struct stream *stream = arg;
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    struct lwshm_lwlock_info info;
    /* Only the victim starves, and on a busy machine it may be slow to take the free lock: nobody
       takes its name off for that. */
    lwlock_turns_before_starving = UINT32_MAX;
    patience_limits.first_ns = patience_limits.longest_ns = AN_HOUR_NS;
    while (__atomic_load_n(&score->stop, __ATOMIC_SEQ_CST) == 0) {
        CHECK_OK(lwshm_lwlock_acquire(backend, lock, stream->mode));
        /* While we are in, the victim is not: the episode is the one that we overtake in. */
        uint32_t episode = __atomic_load_n(&score->episode, __ATOMIC_SEQ_CST);
        CHECK_OK(lwshm_lwlock_info(own, lock, &info));
        if (info.starving == (int32_t)score->victim)
            score->overtakings[episode][stream->number]++;
        __atomic_add_fetch(&score->acquisitions, 1, __ATOMIC_SEQ_CST);
        CHECK_OK(lwshm_lwlock_release(backend, lock));
    }
    CHECK_OK(lwshm_backend_leave(backend));
    close_segment(own);
}

static struct lwlock *words(void)
{
    return lwshm_shmem_pointer(segment, lock, sizeof(struct lwlock));
}

static bool starves(const struct actor *victim)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    return info.starving == (int32_t)victim->slot;
}

/* Has the victim wait until it starves or gets in.  If `held`, we have the lock meanwhile and
   overtake it, so that it must starve; otherwise the stream overtakes it, or not. */
static bool has_starved(struct actor *victim, enum lwshm_lwlock_mode mode, lwshm_backend *me,
                        bool held)
{
    bool starved = false;
    if (held)
        CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    actor_tell(victim, act_acquire, lock, mode);
    AWAIT((starved = starves(victim)) || actor_is_done(victim) ||
          (held && overtake(words(), mode) && false));
    if (held)
        CHECK_OK(lwshm_lwlock_release(me, lock));
    return starved;
}

static void
each_overtakes_a_starving_waiter_once_at_most(enum lwshm_lwlock_mode victims,
                                              const enum lwshm_lwlock_mode modes[STREAM])
{
    pid_t pids[STREAM];
    uint32_t starved = 0;
    score = shared_zeros(sizeof *score);
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 4).offset;
    lwshm_backend *me = join(segment);
    struct actor *victim = actor_start();
    score->victim = victim->slot;
    for (uint32_t i = 0; i < STREAM; i++) {
        struct stream stream = {modes[i], i};
        pids[i] = test_fork(pass_by, &stream);
    }
    for (uint32_t episode = 0; episode < EPISODES; episode++) {
        uint32_t before = __atomic_load_n(&score->acquisitions, __ATOMIC_SEQ_CST);
        AWAIT(__atomic_load_n(&score->acquisitions, __ATOMIC_SEQ_CST) > before + 10);
        bool held = episode % 2 == 0, did = has_starved(victim, victims, me, held);
        CHECK(did || !held);
        starved += did;
        CHECK_OK(actor_result(victim));
        CHECK(!starves(victim));
        __atomic_add_fetch(&score->episode, 1, __ATOMIC_SEQ_CST);
        CHECK_OK(actor_do(victim, act_release, lock, 0));
    }
    __atomic_store_n(&score->stop, 1, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < STREAM; i++)
        TEST_WAIT(pids[i]);
    CHECK(starved >= EPISODES / 2);
    for (uint32_t episode = 0; episode < EPISODES; episode++)
        for (uint32_t i = 0; i < STREAM; i++)
            if (score->overtakings[episode][i] > 1)
                FAIL("in episode %u, process %u overtook the starving waiter %u times", episode, i,
                     score->overtakings[episode][i]);
    actor_end(victim);
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

TEST(a_stream_of_readers_does_not_starve_a_writer)
{
    each_overtakes_a_starving_waiter_once_at_most(X, (enum lwshm_lwlock_mode[]){S, S, S});
}

TEST(a_stream_of_writers_does_not_starve_a_reader)
{
    each_overtakes_a_starving_waiter_once_at_most(S, (enum lwshm_lwlock_mode[]){X, X, X});
}

TEST(a_stream_of_readers_and_writers_does_not_starve_a_writer)
{
    each_overtakes_a_starving_waiter_once_at_most(X, (enum lwshm_lwlock_mode[]){X, S, X});
}
