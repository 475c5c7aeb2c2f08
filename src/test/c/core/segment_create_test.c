/*
 * Creating: one of many, over what earlier lives left, and against those still alive.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <signal.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "os/members_file.h"

TEST(a_second_creator_is_told_who_holds_the_segment)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment = create_segment(NULL), *second = NULL;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    CHECK_EQ_UINT(1, error->value_count);
    CHECK_EQ_INT(getpid(), error->values[0]);
    CHECK_CONTAINS(test_dir(), error->message);
    CHECK(second == NULL);
    close_segment(attach_segment()); /* the first is as it was */
    end_segment(segment);
}

TEST(a_segment_of_another_mode_is_ours_all_the_same)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *wide = NULL, *narrow = NULL;
    options.mode = 0660;
    CHECK_EQ_INT(LWSHM_OK, lwshm_segment_create(&options, &wide));
    options.mode = 0600;
    CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &narrow));
    CHECK_OK(lwshm_segment_close(wide));
    CHECK_OK(lwshm_segment_create(&options, &narrow));
    end_segment(narrow);
}

/* ---- two at once ---- */

#define RACERS 2
#define ROUNDS 25

static struct race {
    uint32_t start, end;
    int results[RACERS];
    pid_t pids[RACERS];
    int64_t named[RACERS];
    uint32_t generation[RACERS];
} * race;

static void run_the_race(void *arg)
{
    int me = *(int *)arg;
    struct lwshm_segment_options options = small_options();
    for (int round = 0; round < ROUNDS; round++) {
        lwshm_segment *segment;
        race->pids[me] = getpid();
        meet(&race->start, RACERS);
        int r = lwshm_segment_create(&options, &segment);
        if (r == LWSHM_OK && round % 2 == 0)
            CHECK_OK(lwshm_segment_publish(segment));
        race->results[me] = r;
        race->named[me] = r == LWSHM_E_IN_USE ? lwshm_last_error()->values[0] : 0;
        meet(&race->end, RACERS);
        int winner = race->results[0] == LWSHM_OK ? 0 : 1;
        CHECK_EQ_INT(LWSHM_OK, race->results[winner]);
        CHECK_EQ_INT(LWSHM_E_IN_USE, race->results[1 - winner]);
        CHECK_EQ_INT(race->pids[winner], race->named[1 - winner]);
        if (winner == me)
            end_segment(segment);
        meet(&race->end, RACERS);
    }
}

TEST(of_two_creators_exactly_one_wins_and_the_other_is_told_its_pid)
{
    pid_t pids[RACERS];
    race = shared_zeros(sizeof *race);
    for (int i = 0; i < RACERS; i++)
        pids[i] = test_fork(run_the_race, &i);
    for (int i = 0; i < RACERS; i++)
        TEST_WAIT(pids[i]);
    for (int i = 0; i < RACERS; i++)
        CHECK_EQ_INT(0, segments_made_by(pids[i]));
}

/* ---- over what a killed process left ---- */

static void create_and_be_killed(void *arg)
{
    (void)arg;
    create_segment(NULL);
    raise(SIGKILL);
}

TEST(a_segment_left_by_a_killed_process_is_replaced_and_the_generation_goes_up)
{
    for (uint32_t generation = 1; generation < 4; generation++) {
        pid_t killed = test_fork(create_and_be_killed, NULL);
        CHECK_EQ_INT(-SIGKILL, test_wait_any(killed));
        CHECK_EQ_INT(1, segments_made_by(killed));
        lwshm_segment *none;
        CHECK_CONTAINS(
            "open() adopts it",
            CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &none))->message);
    }
    lwshm_segment *segment = create_segment(NULL);
    CHECK_EQ_UINT(4, info_of(segment).generation);
    CHECK_EQ_INT(key_of(test_dir()), info_of(segment).key);
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    CHECK_EQ_INT(1, segments_made_by(getpid()));
    end_segment(segment);
    CHECK_EQ_INT(0, segments_made_by(getpid()));
    segment = create_segment(NULL); /* after an orderly end it begins anew */
    CHECK_EQ_UINT(1, info_of(segment).generation);
    end_segment(segment);
}

TEST(the_new_segment_is_zero_and_may_have_another_size)
{
    struct lwshm_segment_options options = small_options();
    struct lwshm_area area;
    CHECK_EQ_INT(-SIGKILL, test_wait_any(test_fork(create_and_be_killed, NULL)));
    options.area_bytes = 100000;
    options.max_lwlocks = 1;
    lwshm_segment *segment = create_segment(&options);
    CHECK_OK(lwshm_shmem_alloc(segment, 100000, &area));
    const char *bytes = lwshm_shmem_pointer(segment, area.offset, area.size);
    for (int i = 0; i < 100000; i++)
        if (bytes[i] != 0)
            FAIL("byte %d is %d", i, bytes[i]);
    end_segment(segment);
}

static uint32_t *attached;

static void attach_and_stay(void *arg)
{
    (void)arg;
    join(attach_segment());
    __atomic_add_fetch(attached, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

static void create_and_stay(void *arg)
{
    (void)arg;
    join(create_segment(NULL));
    __atomic_add_fetch(attached, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

TEST(after_all_are_killed_at_once_a_new_segment_is_made_at_once)
{
    attached = shared_zeros(sizeof *attached);
    for (int round = 0; round < 10; round++) {
        pid_t pids[4];
        __atomic_store_n(attached, 0, __ATOMIC_SEQ_CST);
        for (uint32_t i = 0; i < 4; i++) {
            pids[i] = test_fork(i == 0 ? create_and_stay : attach_and_stay, NULL);
            AWAIT(__atomic_load_n(attached, __ATOMIC_SEQ_CST) == i + 1);
        }
        for (int i = 0; i < 4; i++)
            kill(pids[i], SIGKILL);
        for (int i = 0; i < 4; i++)
            AWAIT(test_has_ended(pids[i])); /* and nobody has waited for them */
        lwshm_segment *segment = create_segment(NULL);
        CHECK_EQ_UINT(2, info_of(segment).generation);
        CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
        for (int i = 0; i < 4; i++)
            test_kill(pids[i]);
        end_segment(segment);
    }
}

static void create_with_much_memory(void *arg)
{
    /* In small pages the kernel takes a while to take it back. */
    size_t bytes = 192 << 20;
    char *much = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(much != MAP_FAILED);
    madvise(much, bytes, MADV_NOHUGEPAGE);
    memset(much, 1, bytes);
    create_and_stay(arg);
}

TEST(a_new_segment_is_made_while_a_killed_process_is_still_on_its_way_out)
{
    attached = shared_zeros(sizeof *attached);
    for (int round = 0; round < 3; round++) {
        __atomic_store_n(attached, 0, __ATOMIC_SEQ_CST);
        pid_t pid = test_fork(create_with_much_memory, NULL);
        AWAIT(__atomic_load_n(attached, __ATOMIC_SEQ_CST) == 1);
        kill(pid, SIGKILL);
        end_segment(create_segment(NULL)); /* at once */
        test_wait_any(pid);
    }
}

/* ---- against those still alive ---- */

TEST(a_process_that_attached_keeps_the_segment_when_its_creator_is_killed)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *second;
    attached = shared_zeros(sizeof *attached);
    pid_t creator = test_fork(create_and_stay, NULL);
    AWAIT(__atomic_load_n(attached, __ATOMIC_SEQ_CST) == 1);
    pid_t other = test_fork(attach_and_stay, NULL);
    AWAIT(__atomic_load_n(attached, __ATOMIC_SEQ_CST) == 2);
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    CHECK_EQ_UINT(2, error->value_count);
    CHECK_EQ_INT(creator, error->values[0]);
    CHECK_EQ_INT(other, error->values[1]);
    test_kill(creator);
    error = CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    CHECK_EQ_UINT(1, error->value_count);
    CHECK_EQ_INT(other, error->values[0]);
    test_kill(other);
    end_segment(create_segment(NULL));
}

static void stay(void *arg)
{
    (void)arg;
    __atomic_add_fetch(attached, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

static void create_fork_and_be_killed(void *orphan)
{
    create_segment(NULL);
    fflush(NULL);
    pid_t child = fork(); /* not test_fork's, which dies with its parent */
    if (child == 0)
        stay(NULL);
    *(pid_t *)orphan = child;
    raise(SIGKILL);
}

TEST(a_process_that_only_inherited_the_mapping_is_no_member)
{
    if (is_emulated())
        SKIP("the emulator keeps a mapping in forked children");
    pid_t *orphan = shared_zeros(sizeof *orphan);
    attached = shared_zeros(sizeof *attached);
    CHECK_EQ_INT(-SIGKILL, test_wait_any(test_fork(create_fork_and_be_killed, orphan)));
    AWAIT(__atomic_load_n(attached, __ATOMIC_SEQ_CST) == 1);
    lwshm_segment *segment = create_segment(NULL);
    CHECK_EQ_UINT(2, info_of(segment).generation);
    kill(*orphan, SIGKILL);
    end_segment(segment);
}

TEST(a_stopped_process_is_alive)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *second;
    attached = shared_zeros(sizeof *attached);
    pid_t creator = test_fork(create_and_stay, NULL);
    AWAIT(__atomic_load_n(attached, __ATOMIC_SEQ_CST) == 1);
    kill(creator, SIGSTOP);
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    CHECK_EQ_INT(creator, error->values[0]);
    test_kill(creator);
    end_segment(create_segment(NULL));
}

/* ---- the directory's lock ---- */

struct held {
    uint32_t step;
    bool exclusive;
};

static void hold_the_lock(void *arg)
{
    struct held *held = arg;
    struct os_data_dir dir;
    struct os_file_id id;
    os_file_hold *hold;
    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &dir));
    CHECK_EQ_INT(0, os_members_hold(&dir, 0, held->exclusive, &id, &hold));
    __atomic_store_n(&held->step, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&held->step, __ATOMIC_SEQ_CST) == 1)
        testing_nap();
    _exit(0); /* which lets it go */
}

static pid_t start_holder(struct held *held)
{
    end_segment(create_segment(NULL)); /* makes the file */
    pid_t holder = test_fork(hold_the_lock, held);
    AWAIT(__atomic_load_n(&held->step, __ATOMIC_SEQ_CST) == 1);
    return holder;
}

static void create_behind_the_lock(void *arg)
{
    lwshm_segment *segment = create_segment(NULL);
    CHECK_EQ_UINT(2, __atomic_load_n((uint32_t *)arg, __ATOMIC_SEQ_CST));
    end_segment(segment);
}

TEST(a_creator_waits_for_another_process_that_is_at_work_in_the_directory)
{
    for (int exclusive = 0; exclusive < 2; exclusive++) {
        struct held *held = shared_zeros(sizeof *held);
        held->exclusive = exclusive != 0;
        pid_t holder = start_holder(held);
        pid_t creator = test_fork(create_behind_the_lock, &held->step);
        AWAIT(sleeps(creator));
        CHECK_EQ_INT(0, segments_made_by(creator));
        __atomic_store_n(&held->step, 2, __ATOMIC_SEQ_CST);
        TEST_WAIT(holder);
        TEST_WAIT(creator);
    }
}

TEST(behind_one_that_is_stopped_all_fail_in_the_end_and_a_member_leaves_without_deleting)
{
    struct lwshm_segment_options options = small_options();
    struct held *held = shared_zeros(sizeof *held);
    lwshm_segment *segment;
    held->exclusive = true;
    pid_t holder = start_holder(held);
    kill(holder, SIGSTOP);
    CHECK_CONTAINS("stopped",
                   CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &segment))->message);
    CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_attach(test_dir(), 0, &segment));
    CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_open(&options, &segment, NULL, 0));
    kill(holder, SIGCONT);
    __atomic_store_n(&held->step, 2, __ATOMIC_SEQ_CST);
    TEST_WAIT(holder);

    segment = create_segment(NULL);
    __atomic_store_n(&held->step, 0, __ATOMIC_SEQ_CST);
    holder = test_fork(hold_the_lock, held);
    AWAIT(__atomic_load_n(&held->step, __ATOMIC_SEQ_CST) == 1);
    int shmid = info_of(segment).shmid;
    close_segment(segment);
    CHECK(segment_exists(shmid));
    test_kill(holder);
    end_segment(create_segment(NULL)); /* which replaces what was left */
    CHECK(!segment_exists(shmid));
}

TEST(the_lock_on_the_directory_is_let_go_when_the_segment_is_made_and_when_it_is_not)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment = create_segment(NULL), *second;
    struct os_data_dir dir;
    struct os_file_id id;
    os_file_hold *hold;
    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &dir));
    CHECK_EQ_INT(0, os_members_hold(&dir, 0, true, &id, &hold));
    os_members_release(hold);
    CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    CHECK_EQ_INT(0, os_members_hold(&dir, 0, true, &id, &hold));
    os_members_release(hold);
    os_data_dir_close(&dir);
    end_segment(segment);
}

/* ---- options ---- */

TEST(private_segments_are_as_many_as_one_likes)
{
    struct lwshm_segment_options options = small_options();
    options.data_dir = NULL;
    lwshm_segment *first = create_segment(&options), *second = create_segment(&options);
    CHECK(info_of(first).shmid != info_of(second).shmid);
    CHECK_EQ_UINT(1, info_of(second).generation);
    end_segment(first);
    end_segment(second);
}

TEST(bad_options_make_nothing)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    options.max_backends = 0;
    CHECK_CONTAINS("max_backends",
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_create(&options, &segment))->message);
    options = small_options();
    options.mode = 0666;
    CHECK_CONTAINS("0666",
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_create(&options, &segment))->message);
    CHECK_EQ_INT(0, segments_made_by(getpid()));
}
