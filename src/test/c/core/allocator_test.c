/*
 * One process at a time allocates: the dead are succeeded, the living are waited for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/layout.h"

#include <signal.h>
#include <unistd.h>

#include "fixture.h"
#include "os/process.h"

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

static void stay(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

TEST(a_killed_process_that_was_allocating_is_succeeded)
{
    begin();
    pid_t pid = test_fork(stay, NULL);
    header->allocator = os_process_identity(pid);
    kill(pid, SIGKILL);
    AWAIT(test_has_ended(pid));
    allocate(); /* while it is a zombie */
    test_kill(pid);
    header->allocator = (uint64_t)pid | 12345ull << IDENTITY_PID_BITS;
    allocate(); /* and when it is gone */
    end();
}

TEST(a_process_that_was_allocating_and_whose_pid_another_has_is_succeeded)
{
    begin();
    header->allocator = os_process_identity(getppid()) + (1ull << IDENTITY_PID_BITS);
    allocate();
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

static void is_waited_for(int signal_first)
{
    begin();
    uint32_t *done = shared_zeros(sizeof *done);
    pid_t holder = test_fork(stay, NULL);
    if (signal_first != 0)
        kill(holder, signal_first);
    __atomic_store_n(&header->allocator, os_process_identity(holder), __ATOMIC_SEQ_CST);
    uint64_t free_offset = header->free_offset;
    pid_t waiter = test_fork(allocate_behind, done);
    AWAIT(sleeps(waiter) && lwshm_segment_processes(segment, NULL, 0) == 2);
    for (int i = 0; i < 50; i++) { /* it naps, looks, and naps again */
        AWAIT(sleeps(waiter));
        CHECK_EQ_UINT(free_offset, __atomic_load_n(&header->free_offset, __ATOMIC_SEQ_CST));
        CHECK_EQ_UINT(0, __atomic_load_n(done, __ATOMIC_SEQ_CST));
    }
    __atomic_store_n(&header->allocator, 0, __ATOMIC_SEQ_CST);
    TEST_WAIT(waiter);
    CHECK_EQ_UINT(1, *done);
    CHECK_EQ_UINT(free_offset + 64, header->free_offset);
    test_kill(holder);
    end();
}

TEST(a_live_process_that_is_allocating_is_waited_for)
{
    is_waited_for(0);
}

TEST(a_stopped_process_that_is_allocating_is_waited_for)
{
    is_waited_for(SIGSTOP);
}

TEST(a_name_of_ones_own_can_only_be_left_from_before_and_is_no_obstacle)
{
    begin();
    header->allocator = os_process_self();
    allocate();
    end();
}

TEST(what_was_half_made_when_its_maker_was_killed_counts_as_nameless)
{
    /* Between moving the end of the areas on and counting the entry. */
    begin();
    struct lwshm_allocation rows[32];
    pid_t pid = test_fork(stay, NULL);
    header->allocator = os_process_identity(pid);
    header->free_offset += 128;
    test_kill(pid);
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
