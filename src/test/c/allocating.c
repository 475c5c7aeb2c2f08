/*
 * allocating.c - see allocating.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE /* gettid */
#include "allocating.h"

#include <pthread.h>
#include <unistd.h>

#include "core/allocator.h"

struct late {
    __typeof__(lwshm_shmem_alloc) *alloc;
    lwshm_segment *segment;
    int status;
    pid_t thread; /* 0 until it has begun */
    bool done;
};

static void *allocate(void *arg)
{
    struct late *late = arg;
    struct lwshm_area area;
    __atomic_store_n(&late->thread, gettid(), __ATOMIC_SEQ_CST);
    late->status = late->alloc(late->segment, 64, &area);
    __atomic_store_n(&late->done, true, __ATOMIC_SEQ_CST);
    return NULL;
}

static bool is_done(const struct late *late)
{
    return __atomic_load_n(&late->done, __ATOMIC_SEQ_CST);
}

static bool is_asleep(const struct late *late)
{
    pid_t thread = __atomic_load_n(&late->thread, __ATOMIC_SEQ_CST);
    return thread != 0 && sleeps(thread);
}

void check_that_allocator_excludes(lwshm_segment *holder, __typeof__(lwshm_shmem_alloc) *alloc,
                                   lwshm_segment *other)
{
    const struct segment_header *header = lwshm_shmem_pointer(holder, 0, sizeof *header);
    struct late late = {.alloc = alloc, .segment = other};
    pthread_t thread;
    CHECK_OK(allocator_enter(holder));
    uint64_t free_offset = header->free_offset;
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, allocate, &late));
    for (int i = 0; i < 50; i++) { /* it may nap, look, and nap again */
        AWAIT(is_done(&late) || is_asleep(&late));
        CHECK(!is_done(&late));
        CHECK_EQ_UINT(free_offset, __atomic_load_n(&header->free_offset, __ATOMIC_SEQ_CST));
        testing_nap();
    }
    allocator_leave(holder);
    CHECK_EQ_INT(0, pthread_join(thread, NULL));
    CHECK_EQ_INT(LWSHM_OK, late.status);
    CHECK_EQ_UINT(free_offset + 64, header->free_offset);
}
