/*
 * Threads of one process that contend for locks, for ThreadSanitizer: what the locks guard
 * is plain, so an order that is missing between two holders is a race that it reports.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <sched.h>

#include "fixture.h"

#define THREADS 4
#define LOCKS 3
#define TURNS 3000

static lwshm_segment *segment;
static struct lwshm_tranche tranche;
static struct {
    uint64_t left, right; /* guarded by the lock of the same number */
} guarded[LOCKS];

enum way {
    WAITING,
    TRYING,
    IN_STEPS
};

struct worker {
    pthread_t thread;
    uint32_t number;
    enum way way;
    uint64_t writes[LOCKS];
};

/* Some of the waits are cancelled, and begun anew. */
static void take_in_steps(lwshm_backend *me, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    for (uint32_t step = 1;
         CHECK_OK(lwshm_lwlock_acquire_slow(me, lock, mode, step % 3 * 20000, LWSHM_LW_STEP)) == 0;
         step++) {
        if (step % 8 == 0)
            CHECK_OK(lwshm_lwlock_cancel(me, lock));
        sched_yield();
    }
}

static void take(lwshm_backend *me, uint64_t lock, enum lwshm_lwlock_mode mode, enum way way)
{
    if (way == WAITING)
        CHECK_OK(lwshm_lwlock_acquire(me, lock, mode));
    else if (way == IN_STEPS)
        take_in_steps(me, lock, mode);
    else
        while (CHECK_OK(lwshm_lwlock_try_acquire(me, lock, mode)) == 0)
            sched_yield();
}

static void *work(void *arg)
{
    struct worker *w = arg;
    lwshm_backend *me = join(segment);
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uint32_t i = (turn * 7 + w->number) % LOCKS;
        uint64_t lock = lwshm_tranche_lock(&tranche, i);
        if ((turn + w->number) % 3 == 0) {
            take(me, lock, LWSHM_LW_EXCLUSIVE, w->way);
            guarded[i].left++;
            if (turn % 32 == 0)
                sched_yield();
            guarded[i].right++;
            w->writes[i]++;
        } else {
            take(me, lock, LWSHM_LW_SHARED, w->way);
            CHECK_EQ_UINT(guarded[i].left, guarded[i].right);
        }
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    CHECK_OK(lwshm_backend_leave(me));
    return NULL;
}

/* Every other thread goes the one way, the rest the other. */
static void all_counts_come_out(enum way even, enum way odd)
{
    struct worker workers[THREADS] = {0};
    segment = create_segment(NULL);
    tranche = make_tranche(segment, "test", LOCKS);
    memset(guarded, 0, sizeof guarded);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i].number = i;
        workers[i].way = i % 2 == 0 ? even : odd;
        CHECK_EQ_INT(0, pthread_create(&workers[i].thread, NULL, work, &workers[i]));
    }
    for (uint32_t i = 0; i < THREADS; i++)
        CHECK_EQ_INT(0, pthread_join(workers[i].thread, NULL));
    for (uint32_t lock = 0; lock < LOCKS; lock++) {
        uint64_t writes = 0;
        for (uint32_t i = 0; i < THREADS; i++)
            writes += workers[i].writes[lock];
        CHECK_EQ_UINT(writes, guarded[lock].left);
        CHECK_EQ_UINT(writes, guarded[lock].right);
    }
    end_segment(segment);
}

TEST(threads_on_few_locks_lose_no_count)
{
    all_counts_come_out(WAITING, WAITING);
}

TEST(threads_that_try_and_threads_that_wait_lose_no_count)
{
    all_counts_come_out(TRYING, WAITING);
}

TEST(threads_that_wait_in_steps_lose_no_count)
{
    all_counts_come_out(IN_STEPS, IN_STEPS);
}

TEST(threads_that_wait_in_steps_and_threads_that_wait_lose_no_count)
{
    all_counts_come_out(IN_STEPS, WAITING);
}

/* ---- two locks at a time, whose records want the same place ---- */

static void *work_on_pairs(void *arg)
{
    struct worker *w = arg;
    lwshm_backend *me = join(segment);
    uint64_t first = lwshm_tranche_lock(&tranche, 0), second = lwshm_tranche_lock(&tranche, 2);
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        bool writes = (turn + w->number) % 4 == 0;
        CHECK_OK(lwshm_lwlock_acquire(me, first, LWSHM_LW_SHARED));
        CHECK_OK(lwshm_lwlock_acquire(me, second, writes ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED));
        CHECK_OK(lwshm_lwlock_release(me, first)); /* the second stays where it is */
        if (writes) {
            guarded[2].left++;
            guarded[2].right++;
            w->writes[2]++;
        } else {
            CHECK_EQ_UINT(guarded[2].left, guarded[2].right);
        }
        CHECK_OK(lwshm_lwlock_release(me, second));
    }
    CHECK_OK(lwshm_backend_leave(me));
    return NULL;
}

TEST(threads_whose_records_spill_lose_no_count)
{
    struct lwshm_segment_options options = small_options();
    struct worker workers[THREADS] = {0};
    uint64_t writes = 0;
    options.max_held_locks = 2;
    segment = create_segment(&options);
    tranche = make_tranche(segment, "test", LOCKS);
    memset(guarded, 0, sizeof guarded);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i].number = i;
        CHECK_EQ_INT(0, pthread_create(&workers[i].thread, NULL, work_on_pairs, &workers[i]));
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQ_INT(0, pthread_join(workers[i].thread, NULL));
        writes += workers[i].writes[2];
    }
    CHECK_EQ_UINT(writes, guarded[2].left);
    CHECK_EQ_UINT(writes, guarded[2].right);
    end_segment(segment);
}

/* ---- those who look ---- */

static bool stop;

static void *look(void *arg)
{
    (void)arg;
    struct lwshm_backend_info infos[16];
    struct lwshm_lwlock_info info;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        CHECK(CHECK_OK(lwshm_backend_list(segment, infos, 16)) <= THREADS);
        for (uint32_t i = 0; i < LOCKS; i++) {
            CHECK_OK(lwshm_lwlock_info(segment, lwshm_tranche_lock(&tranche, i), &info));
            CHECK(info.owner < THREADS && info.shared <= THREADS);
        }
    }
    return NULL;
}

TEST(looking_at_locks_and_backends_disturbs_nobody)
{
    struct worker workers[THREADS] = {0};
    pthread_t looker;
    segment = create_segment(NULL);
    tranche = make_tranche(segment, "test", LOCKS);
    memset(guarded, 0, sizeof guarded);
    __atomic_store_n(&stop, false, __ATOMIC_RELEASE);
    CHECK_EQ_INT(0, pthread_create(&looker, NULL, look, NULL));
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i].number = i;
        CHECK_EQ_INT(0, pthread_create(&workers[i].thread, NULL, work, &workers[i]));
    }
    for (uint32_t i = 0; i < THREADS; i++)
        CHECK_EQ_INT(0, pthread_join(workers[i].thread, NULL));
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    CHECK_EQ_INT(0, pthread_join(looker, NULL));
    end_segment(segment);
}
