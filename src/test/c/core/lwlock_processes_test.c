/*
 * Processes that contend for a few locks in both modes.  What the locks guard are plain
 * words, so that a hole in the exclusion is a lost count or a torn pair.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sched.h>

#include "fixture.h"

#define PROCESSES 4
#define LOCKS 12
#define TURNS 6000

/* On a line of its own, and never atomic. */
struct guarded {
    volatile uint64_t left, right;
    uint64_t rest[6];
};

struct expected {
    uint32_t start;
    uint32_t finished;
    uint64_t writes[PROCESSES][LOCKS];
};
static struct expected *expected;

struct role {
    uint32_t number;
    uint32_t locks;    /* how many of them are fought for */
    uint32_t together; /* how many are held at a time */
    uint32_t distance; /* between them, so that their records want the same place or not */
    bool in_tries;     /* with try_acquire where it comes */
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void write_one(struct guarded *g)
{
    uint64_t n = g->left;
    if (g->right != n)
        FAIL("a writer sees %ju and %ju", (uintmax_t)n, (uintmax_t)g->right);
    g->left = n + 1;
    if (n % 16 == 0)
        sched_yield(); /* somebody shall come while we are inside */
    g->right = n + 1;
}

static void read_one(const struct guarded *g)
{
    uint64_t left = g->left;
    if (left % 16 == 0)
        sched_yield();
    uint64_t right = g->right;
    if (left != right)
        FAIL("a reader sees %ju and %ju", (uintmax_t)left, (uintmax_t)right);
}

static void contend(void *arg)
{
    const struct role *role = arg;
    lwshm_segment *segment = attach_segment();
    lwshm_backend *me = join(segment);
    struct lwshm_tranche tranche;
    struct lwshm_area area;
    uint32_t random = role->number + 1;
    CHECK_OK(lwshm_tranche_find(segment, "test", &tranche));
    CHECK_OK(lwshm_shmem_index_find(segment, "guarded", &area));
    struct guarded *guarded = lwshm_shmem_pointer(segment, area.offset, area.size);
    meet(&expected->start, PROCESSES);
    for (int turn = 0; turn < TURNS; turn++) {
        uint32_t first = next_random(&random) % role->locks, held = 0;
        enum lwshm_lwlock_mode mode[4];
        /* In one order for all, or they would wait for one another for ever. */
        for (uint32_t i = first; held < role->together && i < LOCKS; i += role->distance, held++) {
            uint64_t lock = lwshm_tranche_lock(&tranche, i);
            mode[held] = next_random(&random) % 3 == 0 ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED;
            if (!role->in_tries || CHECK_OK(lwshm_lwlock_try_acquire(me, lock, mode[held])) == 0)
                CHECK_OK(lwshm_lwlock_acquire(me, lock, mode[held]));
        }
        for (uint32_t i = first, j = 0; j < held; i += role->distance, j++) {
            if (mode[j] == LWSHM_LW_EXCLUSIVE) {
                write_one(&guarded[i]);
                expected->writes[role->number][i]++;
            } else {
                read_one(&guarded[i]);
            }
        }
        if (turn % 3 == 0) {
            CHECK_EQ_INT(held, lwshm_backend_release_all(me));
        } else {
            for (uint32_t j = 0; j < held; j++)
                CHECK_OK(lwshm_lwlock_release(
                    me, lwshm_tranche_lock(&tranche, first + j * role->distance)));
        }
    }
    CHECK_OK(lwshm_backend_leave(me));
    close_segment(segment);
}

static void all_counts_come_out(struct role role, uint32_t max_held_locks)
{
    struct lwshm_segment_options options = small_options();
    struct lwshm_lwlock_info info;
    struct lwshm_area area;
    pid_t pids[PROCESSES];
    bool found;
    options.max_held_locks = max_held_locks;
    expected = shared_zeros(sizeof *expected);
    lwshm_segment *segment = create_segment(&options);
    struct lwshm_tranche tranche = make_tranche(segment, "test", LOCKS);
    CHECK_OK(
        lwshm_shmem_init_struct(segment, "guarded", LOCKS * sizeof(struct guarded), &found, &area));
    const struct guarded *guarded = lwshm_shmem_pointer(segment, area.offset, area.size);
    for (uint32_t i = 0; i < PROCESSES; i++) {
        role.number = i;
        pids[i] = test_fork(contend, &role);
    }
    for (uint32_t i = 0; i < PROCESSES; i++)
        TEST_WAIT(pids[i]);
    for (uint32_t lock = 0; lock < LOCKS; lock++) {
        uint64_t writes = 0;
        for (uint32_t i = 0; i < PROCESSES; i++)
            writes += expected->writes[i][lock];
        CHECK_EQ_UINT(writes, guarded[lock].left);
        CHECK_EQ_UINT(writes, guarded[lock].right);
        CHECK_OK(lwshm_lwlock_info(segment, lwshm_tranche_lock(&tranche, lock), &info));
        CHECK_EQ_INT(-1, info.owner);
        CHECK_EQ_UINT(0, info.shared);
    }
    CHECK_EQ_INT(0, lwshm_backend_list(segment, NULL, 0));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    end_segment(segment);
}

TEST(four_processes_on_one_lock_lose_no_count)
{
    all_counts_come_out((struct role){.locks = 1, .together = 1, .distance = 1}, 16);
}

TEST(four_processes_on_two_locks_lose_no_count)
{
    all_counts_come_out((struct role){.locks = 2, .together = 1, .distance = 1}, 16);
}

TEST(four_processes_that_hold_two_locks_at_a_time_lose_no_count)
{
    all_counts_come_out((struct role){.locks = 3, .together = 2, .distance = 1}, 16);
}

TEST(four_processes_whose_records_want_the_same_place_lose_no_count)
{
    all_counts_come_out((struct role){.locks = 4, .together = 2, .distance = 2}, 2);
    all_counts_come_out((struct role){.locks = 4, .together = 3, .distance = 4}, 4);
}

TEST(four_processes_that_try_first_lose_no_count)
{
    all_counts_come_out((struct role){.locks = 2, .together = 2, .distance = 2, .in_tries = true},
                        2);
}

/* ---- at full speed ----
 *
 * One reader and one writer with nothing but the lock between them, so that they are as often
 * as can be at its first steps at the same time: a fence that is missing there shows here, if
 * anywhere.
 */

#define FULL_SPEED_TURNS 150000

static void run_at_full_speed(void *arg)
{
    const struct role *role = arg;
    lwshm_segment *segment = attach_segment();
    lwshm_backend *me = join(segment);
    struct lwshm_tranche tranche;
    struct lwshm_area area;
    CHECK_OK(lwshm_tranche_find(segment, "test", &tranche));
    CHECK_OK(lwshm_shmem_index_find(segment, "guarded", &area));
    struct guarded *g = lwshm_shmem_pointer(segment, area.offset, area.size);
    enum lwshm_lwlock_mode mode = role->number == 0 ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED;
    meet(&expected->start, 2);
    for (int turn = 0; turn < FULL_SPEED_TURNS; turn++) {
        if (CHECK_OK(lwshm_lwlock_try_acquire(me, tranche.offset, mode)) == 0)
            continue;
        uint64_t left = g->left, right = g->right;
        if (left != right)
            FAIL("the pair is torn: %ju and %ju", (uintmax_t)left, (uintmax_t)right);
        if (mode == LWSHM_LW_EXCLUSIVE) {
            g->left = left + 1;
            g->right = left + 1;
        }
        CHECK_OK(lwshm_lwlock_release(me, tranche.offset));
    }
    CHECK_OK(lwshm_backend_leave(me));
    close_segment(segment);
}

TEST(a_reader_and_a_writer_at_full_speed_never_meet_inside)
{
    struct lwshm_area area;
    pid_t pids[2];
    bool found;
    expected = shared_zeros(sizeof *expected);
    lwshm_segment *segment = create_segment(NULL);
    make_tranche(segment, "test", 1);
    CHECK_OK(lwshm_shmem_init_struct(segment, "guarded", sizeof(struct guarded), &found, &area));
    for (uint32_t i = 0; i < 2; i++) {
        struct role role = {.number = i};
        pids[i] = test_fork(run_at_full_speed, &role);
    }
    for (int i = 0; i < 2; i++)
        TEST_WAIT(pids[i]);
    end_segment(segment);
}
