/*
 * One process at a time allocates: the dead are succeeded, the living are waited for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/allocator.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "actor.h"
#include "allocating.h"
#include "core/backend_slot.h"

static lwshm_segment *segment;
static struct segment_header *header;

static void begin(void)
{
    segment = create_segment(NULL);
    header = lwshm_shmem_pointer(segment, 0, sizeof *header);
}

static void end(void)
{
    CHECK_EQ_UINT(0, __atomic_load_n(&header->allocator, __ATOMIC_SEQ_CST));
    end_segment(segment);
}

static void allocate(void)
{
    struct lwshm_tranche tranche;
    struct lwshm_area area;
    bool found;
    CHECK_OK(lwshm_shmem_alloc(segment, 64, &area));
    CHECK_OK(lwshm_shmem_init_struct(segment, "struct", 64, &found, &area));
    CHECK_OK(lwshm_tranche_init(segment, "tranche", 1, &found, &tranche));
}

static int act_enter_allocator(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)unused;
    (void)unused2;
    return allocator_enter(self->segment);
}

static int act_leave_allocator(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)unused;
    (void)unused2;
    allocator_leave(self->segment);
    return 0;
}

/* An actor that is allocating. */
static struct actor *allocating(void)
{
    struct actor *actor = actor_start();
    CHECK_OK(actor_do(actor, act_enter_allocator, 0, 0));
    return actor;
}

TEST(a_killed_process_that_was_allocating_is_succeeded)
{
    begin();
    struct actor *killed = allocating();
    kill(killed->pid, SIGKILL);
    AWAIT(test_has_ended(killed->pid));
    allocate(); /* while it is a zombie */
    test_kill(killed->pid);
    killed = allocating();
    test_kill(killed->pid);
    allocate(); /* and when it is gone */
    end();
}

TEST(a_process_that_was_allocating_and_whose_entry_another_has_is_succeeded)
{
    begin();
    struct actor *killed = allocating();
    test_kill(killed->pid);
    struct actor *next = actor_start(); /* takes its entry and its slot */
    CHECK_EQ_UINT(killed->slot, next->slot);
    CHECK(header->allocator != 0);
    allocate();
    actor_end(next);
    end();
}

static void allocate_behind(void *arg)
{
    lwshm_segment *own = attach_segment();
    struct lwshm_area area;
    CHECK_OK(lwshm_shmem_alloc(own, 64, &area));
    __atomic_store_n((uint32_t *)arg, 1, __ATOMIC_SEQ_CST);
    close_segment(own);
}

static void is_waited_for(bool stopped)
{
    begin();
    uint32_t *done = shared_zeros(sizeof *done);
    struct actor *holder = allocating();
    if (stopped)
        actor_stop(holder);
    uint64_t free_offset = header->free_offset;
    pid_t waiter = test_fork(allocate_behind, done);
    AWAIT(sleeps(waiter) && lwshm_segment_processes(segment, NULL, 0) == 3);
    for (int i = 0; i < 50; i++) { /* it naps, looks, and naps again */
        AWAIT(sleeps(waiter));
        CHECK_EQ_UINT(free_offset, __atomic_load_n(&header->free_offset, __ATOMIC_SEQ_CST));
        CHECK_EQ_UINT(0, __atomic_load_n(done, __ATOMIC_SEQ_CST));
    }
    CHECK_EQ_INT(0, kill(holder->pid, SIGCONT));
    CHECK_OK(actor_do(holder, act_leave_allocator, 0, 0));
    TEST_WAIT(waiter);
    CHECK_EQ_UINT(1, *done);
    CHECK_EQ_UINT(free_offset + 64, header->free_offset);
    actor_end(holder);
    end();
}

TEST(a_live_process_that_is_allocating_is_waited_for)
{
    is_waited_for(false);
}

TEST(a_stopped_process_that_is_allocating_is_waited_for)
{
    is_waited_for(true);
}

TEST(two_handles_of_one_process_exclude_each_other)
{
    begin();
    lwshm_segment *second = attach_segment();
    check_that_allocator_excludes(segment, lwshm_shmem_alloc, second);
    check_that_allocator_excludes(second, lwshm_shmem_alloc, segment);
    close_segment(second);
    end();
}

/* ---- a forked child ---- */

static void *allocate_during_a_fork(void *step)
{
    CHECK_OK(allocator_enter(segment));
    __atomic_store_n((uint32_t *)step, 1, __ATOMIC_SEQ_CST);
    AWAIT(__atomic_load_n((uint32_t *)step, __ATOMIC_SEQ_CST) == 2);
    allocator_leave(segment);
    return NULL;
}

/* The handle that it inherits has its mutex locked by a thread that is not there. */
static void allocate_in_two_threads(void *step)
{
    struct lwshm_area area;
    lwshm_segment *own = attach_segment();
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_shmem_alloc(segment, 64, &area));
    __atomic_store_n((uint32_t *)step, 2, __ATOMIC_SEQ_CST);
    check_that_allocator_excludes(own, lwshm_shmem_alloc, own);
    close_segment(own);
    _exit(0); /* the leak checker would look for the parent's other thread */
}

TEST(two_threads_of_a_child_that_was_forked_during_an_allocation_exclude_each_other)
{
    uint32_t *step = shared_zeros(sizeof *step);
    pthread_t thread;
    begin();
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, allocate_during_a_fork, step));
    AWAIT(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 1);
    pid_t child = test_fork(allocate_in_two_threads, step);
    CHECK_EQ_INT(0, pthread_join(thread, NULL));
    TEST_WAIT(child);
    end();
}

TEST(what_was_half_made_when_its_maker_was_killed_counts_as_nameless)
{
    /* Between moving the end of the areas on and counting the entry. */
    begin();
    struct lwshm_allocation rows[32];
    struct actor *killed = allocating();
    header->free_offset += 128;
    test_kill(killed->pid);
    struct lwshm_area area;
    bool found;
    CHECK_OK(lwshm_shmem_init_struct(segment, "next", 64, &found, &area));
    CHECK(!found);
    int count = CHECK_OK(lwshm_shmem_allocations(segment, rows, 32));
    CHECK_EQ_UINT(LWSHM_ALLOCATION_ANONYMOUS, rows[count - 2].kind);
    CHECK_EQ_UINT(128, rows[count - 2].allocated_size);
    close_segment(attach_segment());
    end();
}

TEST(a_word_that_names_no_process_is_a_damage_that_stops_nobody)
{
    begin();
    __atomic_store_n(&header->allocator, 1ull << 40, __ATOMIC_SEQ_CST);
    allocate();
    end();
}
