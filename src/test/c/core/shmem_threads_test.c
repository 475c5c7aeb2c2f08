/*
 * Threads that allocate at once: each name is made once, each area is nobody else's, and
 * who finds one sees it whole.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>

#include "fixture.h"

#define THREADS 4
#define NAMES 40

static lwshm_segment *segment;
static struct {
    uint32_t made;
    uint64_t offset;
} areas[NAMES], tranches[NAMES];

static uint64_t same(uint64_t *known, uint64_t offset)
{
    uint64_t unknown = 0;
    __atomic_compare_exchange_n(known, &unknown, offset, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return __atomic_load_n(known, __ATOMIC_RELAXED);
}

static void *allocate(void *arg)
{
    uint32_t number = *(uint32_t *)arg;
    for (uint32_t i = 0; i < NAMES; i++) {
        uint32_t which = (i + number) % NAMES;
        struct lwshm_tranche tranche;
        struct lwshm_area area, again;
        char name[32];
        bool found;
        snprintf(name, sizeof name, "area %u", which);
        CHECK_OK(lwshm_shmem_init_struct(segment, name, 100 + which, &found, &area));
        if (!found)
            __atomic_add_fetch(&areas[which].made, 1, __ATOMIC_RELAXED);
        CHECK_EQ_UINT(same(&areas[which].offset, area.offset), area.offset);
        CHECK_OK(lwshm_shmem_index_find(segment, name, &again));
        CHECK_EQ_UINT(area.offset, again.offset);
        CHECK_EQ_UINT(100 + which, again.size);
        CHECK_OK(lwshm_tranche_init(segment, name, which + 1, &found, &tranche));
        if (!found)
            __atomic_add_fetch(&tranches[which].made, 1, __ATOMIC_RELAXED);
        CHECK_EQ_UINT(same(&tranches[which].offset, tranche.offset), tranche.offset);
        CHECK_OK(lwshm_shmem_alloc(segment, 64, &area));
        uint64_t *mine = lwshm_shmem_pointer(segment, area.offset, area.size);
        CHECK_EQ_UINT(0, mine[0]);
        mine[0] = number + 1;
    }
    return NULL;
}

static uint64_t sum_of_rows(void)
{
    struct lwshm_allocation rows[80];
    int count = CHECK_OK(lwshm_shmem_allocations(segment, rows, 80));
    uint64_t sum = 0;
    CHECK(count <= 80);
    for (int i = 0; i < count; i++) {
        sum += rows[i].allocated_size;
        CHECK(rows[i].allocated_size <= info_of(segment).size); /* none is below zero */
    }
    return sum;
}

TEST(threads_that_ask_for_the_same_names_share_them_and_the_account_adds_up_meanwhile)
{
    struct lwshm_segment_options options = small_options();
    uint32_t numbers[THREADS];
    pthread_t threads[THREADS];
    options.area_bytes = 128 * 1024;
    options.max_structs = NAMES;
    options.max_tranches = NAMES;
    options.max_lwlocks = NAMES * (NAMES + 1) / 2;
    segment = create_segment(&options);
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK_EQ_INT(0, pthread_create(&threads[i], NULL, allocate, &numbers[i]));
    }
    for (int i = 0; i < 500; i++)
        CHECK_EQ_UINT(info_of(segment).size, sum_of_rows());
    for (uint32_t i = 0; i < THREADS; i++)
        CHECK_EQ_INT(0, pthread_join(threads[i], NULL));
    for (uint32_t i = 0; i < NAMES; i++) {
        CHECK_EQ_UINT(1, areas[i].made);
        CHECK_EQ_UINT(1, tranches[i].made);
    }
    CHECK_EQ_UINT(info_of(segment).size, sum_of_rows());
    end_segment(segment);
}
