/*
 * Threads that join and leave at once, and a detach that comes in between.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>

#include "fixture.h"

#define THREADS 4
#define SLOTS 3 /* one too few for all */
#define TURNS 1500

static lwshm_segment *segment;
static uint32_t owners[SLOTS]; /* how many say that the slot is theirs */
static uint32_t refused;

static void *join_and_leave(void *arg)
{
    uint64_t lock = *(const uint64_t *)arg;
    lwshm_backend *me;
    for (int i = 0; i < TURNS; i++) {
        int r = lwshm_backend_join(segment, &me);
        if (r == LWSHM_E_LIMIT) {
            __atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
            continue;
        }
        CHECK_OK(r);
        uint32_t slot = backend_info_of(me).slot;
        CHECK(slot < SLOTS);
        CHECK_EQ_UINT(1, __atomic_add_fetch(&owners[slot], 1, __ATOMIC_RELAXED));
        if (i % 2 == 0)
            CHECK_OK(lwshm_lwlock_acquire(me, lock, LWSHM_LW_SHARED)); /* and leaves with it */
        __atomic_sub_fetch(&owners[slot], 1, __ATOMIC_RELAXED);
        CHECK_OK(lwshm_backend_leave(me));
    }
    return NULL;
}

TEST(a_slot_has_one_owner_at_a_time)
{
    struct lwshm_segment_options options = small_options();
    pthread_t threads[THREADS];
    struct lwshm_lwlock_info info;
    options.max_backends = SLOTS;
    segment = create_segment(&options);
    uint64_t lock = make_tranche(segment, "test", 1).offset;
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(0, pthread_create(&threads[i], NULL, join_and_leave, &lock));
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(0, pthread_join(threads[i], NULL));
    CHECK_EQ_INT(0, lwshm_backend_list(segment, NULL, 0));
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    CHECK_EQ_UINT(0, info.shared);
    end_segment(segment);
}

static void *join_until_closed(void *arg)
{
    lwshm_backend *me;
    int r;
    (void)arg;
    while ((r = lwshm_backend_join(segment, &me)) != LWSHM_E_CLOSED) {
        CHECK_OK(r);
        CHECK_OK(lwshm_backend_leave(me));
    }
    return NULL;
}

TEST(a_detach_comes_before_a_join_or_is_refused)
{
    for (int round = 0; round < 100; round++) {
        pthread_t threads[2];
        lwshm_segment *rest = create_segment(NULL);
        int r;
        segment = attach_segment();
        for (int i = 0; i < 2; i++)
            CHECK_EQ_INT(0, pthread_create(&threads[i], NULL, join_until_closed, NULL));
        while ((r = lwshm_segment_detach(segment, LWSHM_DETACH_UNMAP)) == LWSHM_E_BUSY)
            ;
        CHECK_OK(r);
        for (int i = 0; i < 2; i++)
            CHECK_EQ_INT(0, pthread_join(threads[i], NULL));
        CHECK_EQ_INT(0, lwshm_backend_list(rest, NULL, 0));
        close_segment(segment);
        end_segment(rest);
    }
}
