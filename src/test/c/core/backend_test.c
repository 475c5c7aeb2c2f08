/*
 * Backends: seats that are taken, given back, and taken back from the dead.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "core/layout.h"
#include "fixture.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static lwshm_segment *segment;
static uint64_t lock;

static void begin(uint32_t max_backends)
{
    struct lwshm_segment_options options = small_options();
    options.max_backends = max_backends;
    segment = create_segment(&options);
    lock = make_tranche(segment, "test", 4).offset;
}

static void end(void)
{
    end_segment(segment);
}

static void is_full(void)
{
    lwshm_backend *none = NULL;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_LIMIT, lwshm_backend_join(segment, &none));
    CHECK_CONTAINS("max_backends", error->message);
    CHECK(none == NULL);
}

TEST(a_backend_is_listed_from_join_to_leave)
{
    begin(4);
    struct lwshm_backend_info info;
    CHECK_EQ_INT(0, lwshm_backend_list(segment, &info, 1));
    lwshm_backend *backend = join(segment);
    CHECK_EQ_INT(1, lwshm_backend_list(segment, &info, 1));
    CHECK_EQ_UINT(0, info.slot);
    CHECK_EQ_INT(getpid(), info.pid);
    CHECK_EQ_UINT(0, info.held_locks);
    CHECK_EQ_UINT(0, info.wait_lock);
    struct lwshm_backend_info own = backend_info_of(backend);
    CHECK(memcmp(&own, &info, sizeof own) == 0);
    uint64_t *identity = (uint64_t *)((char *)lwshm_shmem_pointer(segment, info.slot_offset, 64) +
                                      layout_field("backend_slot.identity").offset);
    CHECK_EQ_UINT(BACKEND_JOINED, *identity & 0xff);
    CHECK_OK(lwshm_backend_leave(backend));
    CHECK_EQ_UINT(BACKEND_FREE, *identity & 0xff);
    CHECK_EQ_INT(0, lwshm_backend_list(segment, &info, 1));
    end();
}

TEST(the_generation_of_a_slot_goes_up_each_time_it_is_given_back)
{
    begin(4);
    for (uint32_t i = 0; i < 5; i++) {
        lwshm_backend *backend = join(segment);
        CHECK_EQ_UINT(0, backend_info_of(backend).slot);
        CHECK_EQ_UINT(i, backend_info_of(backend).generation);
        CHECK_OK(lwshm_backend_leave(backend));
    }
    end();
}

TEST(the_generation_of_a_slot_may_wrap)
{
    begin(1);
    lwshm_backend *backend = join(segment);
    struct lwshm_backend_info info = backend_info_of(backend);
    uint64_t *identity = lwshm_shmem_pointer(segment, info.slot_offset, 8);
    CHECK_OK(lwshm_backend_leave(backend));
    *identity |= 0xffffffull << 24;
    backend = join(segment);
    CHECK_EQ_UINT(0xffffff, backend_info_of(backend).generation);
    CHECK_OK(lwshm_lwlock_acquire(backend, lock, X));
    CHECK_OK(lwshm_lwlock_release(backend, lock));
    CHECK_OK(lwshm_lwlock_acquire(backend, lock, S));
    CHECK_OK(lwshm_backend_leave(backend));
    backend = join(segment);
    CHECK_EQ_UINT(0, backend_info_of(backend).generation);
    CHECK_OK(lwshm_lwlock_acquire(backend, lock, X));
    CHECK_OK(lwshm_backend_leave(backend));
    end();
}

TEST(no_more_backends_join_than_there_are_slots)
{
    begin(3);
    lwshm_backend *backends[3];
    for (int i = 0; i < 3; i++)
        backends[i] = join(segment);
    is_full();
    CHECK_OK(lwshm_backend_leave(backends[1]));
    backends[1] = join(segment);
    CHECK_EQ_UINT(1, backend_info_of(backends[1]).slot);
    is_full();
    for (int i = 0; i < 3; i++)
        CHECK_OK(lwshm_backend_leave(backends[i]));
    end();
}

TEST(leaving_releases_shared_holds)
{
    begin(3);
    lwshm_backend *a = join(segment), *b = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(a, lock, S));
    CHECK_OK(lwshm_lwlock_acquire(a, lock + 64, S));
    CHECK_EQ_INT(0, lwshm_backend_leave(a));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(b, lock, X));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(b, lock + 64, X));
    CHECK_EQ_INT(2, lwshm_backend_release_all(b));
    CHECK_EQ_INT(0, lwshm_backend_leave(b));
    end();
}

TEST(leaving_poisons_what_is_held_exclusively_and_counts_it)
{
    begin(3);
    lwshm_backend *a = join(segment), *b = join(segment);
    uint32_t generation = backend_info_of(a).generation;
    CHECK_OK(lwshm_lwlock_acquire(a, lock, X));
    CHECK_OK(lwshm_lwlock_acquire(a, lock + 64, S));
    CHECK_OK(lwshm_lwlock_acquire(a, lock + 128, X));
    CHECK_EQ_INT(2, lwshm_backend_leave(a));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(b, lock, S));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(b, lock + 128, X));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(b, lock + 64, X));
    lwshm_backend *next = join(segment);
    CHECK_EQ_UINT(generation + 1, backend_info_of(next).generation);
    CHECK_EQ_UINT(0, backend_info_of(next).held_locks);
    CHECK_OK(lwshm_backend_release_all(b));
    CHECK_EQ_INT(0, lwshm_backend_leave(b));
    CHECK_EQ_INT(0, lwshm_backend_leave(next));
    end(); /* nobody counts as joined */
}

TEST(a_backend_that_is_none_is_refused)
{
    struct lwshm_backend_info info;
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_leave(NULL));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_release_all(NULL));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_held_locks(NULL));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_info(NULL, &info));
}

TEST(the_list_writes_no_more_than_there_is_room_for)
{
    begin(4);
    lwshm_backend *backends[3];
    struct lwshm_backend_info infos[3] = {{0}, {0}, {.slot = 77}};
    for (int i = 0; i < 3; i++)
        backends[i] = join(segment);
    CHECK_EQ_INT(3, lwshm_backend_list(segment, infos, 2));
    CHECK_EQ_UINT(1, infos[1].slot);
    CHECK_EQ_UINT(77, infos[2].slot);
    for (int i = 0; i < 3; i++)
        CHECK_OK(lwshm_backend_leave(backends[i]));
    end();
}

/* ---- processes that end without leaving ---- */

enum doing {
    HOLDING_NOTHING,
    HELD_AND_RELEASED,
    HOLDING_EXCLUSIVE,
    HOLDING_SHARED
};

static uint32_t *joined;

static void join_and_stay(void *arg)
{
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    switch (*(enum doing *)arg) {
    case HOLDING_NOTHING:
        break;
    case HELD_AND_RELEASED:
        CHECK_OK(lwshm_lwlock_acquire(backend, lock, X));
        CHECK_OK(lwshm_lwlock_release(backend, lock));
        CHECK_OK(lwshm_lwlock_acquire(backend, lock, S));
        CHECK_OK(lwshm_lwlock_release(backend, lock));
        break;
    case HOLDING_EXCLUSIVE:
        CHECK_OK(lwshm_lwlock_acquire(backend, lock, X));
        break;
    case HOLDING_SHARED:
        CHECK_OK(lwshm_lwlock_acquire(backend, lock, S));
        break;
    }
    __atomic_add_fetch(joined, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

static pid_t other_backend(enum doing doing)
{
    if (joined == NULL)
        joined = shared_zeros(sizeof *joined);
    uint32_t before = __atomic_load_n(joined, __ATOMIC_SEQ_CST);
    pid_t pid = test_fork(join_and_stay, &doing);
    AWAIT(__atomic_load_n(joined, __ATOMIC_SEQ_CST) == before + 1);
    return pid;
}

static void its_slot_is_reused(enum doing doing)
{
    struct lwshm_lwlock_info left;
    begin(1);
    pid_t pid = other_backend(doing);
    is_full();
    kill(pid, SIGKILL);
    AWAIT(test_has_ended(pid)); /* a zombie is dead */
    lwshm_backend *backend = join(segment);
    CHECK_EQ_INT(getpid(), backend_info_of(backend).pid);
    CHECK_EQ_UINT(1, backend_info_of(backend).generation);
    CHECK_EQ_UINT(0, backend_info_of(backend).held_locks);
    CHECK_OK(lwshm_lwlock_info(segment, lock, &left));
    CHECK_EQ_INT(-1, left.owner);
    CHECK_EQ_UINT(0, left.shared);
    if (doing == HOLDING_EXCLUSIVE) { /* what it died in is not forgotten with it */
        CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(backend, lock, X));
        CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(backend, lock));
    } else {
        CHECK_OK(lwshm_lwlock_acquire(backend, lock, X));
    }
    CHECK_OK(lwshm_backend_leave(backend));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0)); /* its entry went, too */
    test_kill(pid);
    end();
}

TEST(the_slot_of_a_killed_process_that_held_nothing_is_reused)
{
    its_slot_is_reused(HOLDING_NOTHING);
}

TEST(the_slot_of_a_killed_process_that_had_released_everything_is_reused)
{
    its_slot_is_reused(HELD_AND_RELEASED);
}

TEST(the_slot_of_a_killed_exclusive_holder_is_reused_and_its_lock_is_poisoned)
{
    its_slot_is_reused(HOLDING_EXCLUSIVE);
}

TEST(the_slot_of_a_killed_shared_holder_is_reused)
{
    its_slot_is_reused(HOLDING_SHARED);
}

static void its_slot_is_kept_while_it_is_stopped(enum doing doing)
{
    begin(1);
    pid_t pid = other_backend(doing);
    kill(pid, SIGSTOP);
    for (int i = 0; i < 20; i++)
        is_full();
    struct lwshm_backend_info info;
    struct lwshm_lwlock_info held;
    CHECK_EQ_INT(1, lwshm_backend_list(segment, &info, 1));
    CHECK_EQ_INT(pid, info.pid);
    CHECK_EQ_UINT(doing == HOLDING_NOTHING ? 0 : 1, info.held_locks);
    CHECK_OK(lwshm_lwlock_info(segment, lock, &held));
    CHECK_EQ_INT(doing == HOLDING_EXCLUSIVE ? 0 : -1, held.owner);
    CHECK_EQ_UINT(doing == HOLDING_SHARED, held.shared);
    test_kill(pid);
    lwshm_backend *backend = join(segment);
    CHECK_OK(lwshm_backend_leave(backend));
    end();
}

TEST(the_slot_of_a_stopped_process_is_kept)
{
    its_slot_is_kept_while_it_is_stopped(HOLDING_NOTHING);
}

TEST(the_slot_of_a_stopped_exclusive_holder_is_kept)
{
    its_slot_is_kept_while_it_is_stopped(HOLDING_EXCLUSIVE);
}

TEST(the_slot_of_a_stopped_shared_holder_is_kept)
{
    its_slot_is_kept_while_it_is_stopped(HOLDING_SHARED);
}

TEST(who_finds_no_free_slot_recovers_those_of_all_dead_processes)
{
    begin(4);
    lwshm_backend *mine = join(segment);
    pid_t holder = other_backend(HOLDING_SHARED), idle = other_backend(HOLDING_NOTHING);
    pid_t living = other_backend(HOLDING_SHARED);
    test_kill(holder);
    test_kill(idle);
    CHECK_EQ_INT(4, lwshm_segment_processes(segment, NULL, 0));
    lwshm_backend *next = join(segment), *last = join(segment);
    CHECK_EQ_UINT(1, backend_info_of(next).slot);
    CHECK_EQ_UINT(2, backend_info_of(last).slot);
    CHECK_EQ_INT(2, lwshm_segment_processes(segment, NULL, 0));
    is_full();
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(mine, lock, X)); /* one who holds it lives */
    CHECK_OK(lwshm_backend_leave(last));
    CHECK_OK(lwshm_backend_leave(next));
    CHECK_OK(lwshm_backend_leave(mine));
    test_kill(living);
    end();
}

static void *outlive_the_main_thread(void *arg)
{
    __atomic_add_fetch((uint32_t *)arg, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
    return NULL;
}

static void end_the_main_thread(void *arg)
{
    pthread_t thread;
    lwshm_segment *own = attach_segment();
    join(own);
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, outlive_the_main_thread, arg));
    pthread_exit(NULL);
}

static bool is_zombie(pid_t pid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    size_t length = f == NULL ? 0 : fread(text, 1, sizeof text - 1, f);
    if (f != NULL)
        fclose(f);
    text[length] = '\0';
    return strstr(text, ") Z ") != NULL;
}

TEST(a_process_whose_main_thread_has_ended_is_alive_while_another_runs)
{
    begin(1);
    uint32_t *running = shared_zeros(sizeof *running);
    pid_t pid = test_fork(end_the_main_thread, running);
    AWAIT(__atomic_load_n(running, __ATOMIC_SEQ_CST) == 1 && is_zombie(pid));
    for (int i = 0; i < 20; i++)
        is_full();
    test_kill(pid);
    lwshm_backend *backend = join(segment);
    CHECK_OK(lwshm_backend_leave(backend));
    end();
}

/* ---- fork ---- */

static lwshm_backend *inherited;

static void use_the_parents_backend(void *arg)
{
    struct lwshm_backend_info info;
    (void)arg;
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_acquire(inherited, lock + 64, S));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_try_acquire(inherited, lock + 64, X));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_release(inherited, lock));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_is_held_by(inherited, lock));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_acquire_slow(inherited, lock, X, 0, 0));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_release_slow(inherited, lock, 0));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_await_release(inherited, lock, 0, 0));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_cancel(inherited, lock));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_backend_release_all(inherited));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_backend_held_locks(inherited));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_backend_info(inherited, &info));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_backend_leave(inherited));
    lwshm_segment *own = attach_segment();
    lwshm_backend *backend = join(own);
    CHECK_EQ_INT(getpid(), backend_info_of(backend).pid);
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(backend, lock, S));
    CHECK_OK(lwshm_backend_leave(backend));
    close_segment(own);
}

TEST(a_forked_child_has_none_of_its_parents_backends)
{
    begin(2);
    inherited = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(inherited, lock, X));
    TEST_WAIT(test_fork(use_the_parents_backend, NULL));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(inherited, lock));
    CHECK_OK(lwshm_lwlock_release(inherited, lock));
    CHECK_OK(lwshm_backend_leave(inherited));
    end();
}
