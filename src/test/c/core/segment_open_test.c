/*
 * Opening: attached, adopted, or made; and what becomes of an orphan.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <sys/shm.h>
#include <unistd.h>

#include "core/handle.h"
#include "fixture.h"

#define DESCRIPTION "struct 64 data\ntranche 4 locks\nversion 1"
#define VALUE 4711

static struct lwshm_segment_options options;
static char replaced[256];

static void describe(const char *description)
{
    options = small_options();
    options.description = description;
}

static lwshm_segment *open_as(enum lwshm_opened expected)
{
    lwshm_segment *segment;
    CHECK_EQ_INT(expected,
                 CHECK_OK(lwshm_segment_open(&options, &segment, replaced, sizeof replaced)));
    return segment;
}

static int64_t *data_of(lwshm_segment *segment)
{
    struct lwshm_area area;
    bool found;
    CHECK_OK(lwshm_shmem_init_struct(segment, "data", 64, &found, &area));
    return lwshm_shmem_pointer(segment, area.offset, area.size);
}

static lwshm_segment *open_new(void)
{
    lwshm_segment *segment = open_as(LWSHM_OPENED_CREATED);
    *data_of(segment) = VALUE;
    make_tranche(segment, "locks", 4);
    CHECK_OK(lwshm_segment_publish(segment));
    return segment;
}

static void open_and_be_killed(void *arg)
{
    (void)arg;
    lwshm_segment *segment = open_new();
    lwshm_backend *me = join(segment);
    CHECK_OK(
        lwshm_lwlock_acquire(me, make_tranche(segment, "locks", 4).offset, LWSHM_LW_EXCLUSIVE));
    raise(SIGKILL);
}

static void leave_an_orphan(void)
{
    CHECK_EQ_INT(-SIGKILL, test_wait_any(test_fork(open_and_be_killed, NULL)));
}

TEST(the_first_makes_the_segment_and_the_next_attach_to_it)
{
    describe(DESCRIPTION);
    lwshm_segment *first = open_new(), *second = open_as(LWSHM_OPENED_ATTACHED);
    CHECK_EQ_INT(info_of(first).shmid, info_of(second).shmid);
    CHECK_EQ_INT(VALUE, *data_of(second));
    CHECK_EQ_STR("", replaced);
    close_segment(first);
    close_segment(attach_segment()); /* it lives on without its creator */
    end_segment(second);
}

TEST(what_the_killed_left_is_adopted_with_its_data_and_its_poison)
{
    describe(DESCRIPTION);
    leave_an_orphan();
    lwshm_segment *segment = open_as(LWSHM_OPENED_ADOPTED), *early;
    CHECK_EQ_STR("", replaced);
    CHECK_EQ_UINT(1, info_of(segment).is_adopter);
    CHECK_EQ_UINT(0, info_of(segment).is_creator);
    CHECK_EQ_UINT(1, info_of(segment).generation);
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    CHECK_EQ_INT(0, lwshm_backend_list(segment, NULL, 0));
    CHECK_EQ_INT(VALUE, *data_of(segment));
    CHECK_CONTAINS(
        "adopted",
        CHECK_FAILS(LWSHM_E_NOT_READY, lwshm_segment_attach(test_dir(), 0, &early))->message);
    CHECK_OK(lwshm_segment_publish(segment));
    lwshm_backend *me = join(segment);
    uint64_t lock = make_tranche(segment, "locks", 4).offset;
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, LWSHM_LW_SHARED));
    CHECK_OK(lwshm_backend_leave(me));
    close_segment(attach_segment());
    end_segment(segment);
}

static void adopt_and_be_killed(void *arg)
{
    (void)arg;
    open_as(LWSHM_OPENED_ADOPTED);
    raise(SIGKILL);
}

TEST(an_adopter_that_is_killed_or_gives_up_is_followed_by_the_next)
{
    describe(DESCRIPTION);
    leave_an_orphan();
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(-SIGKILL, test_wait_any(test_fork(adopt_and_be_killed, NULL)));
    close_segment(open_as(LWSHM_OPENED_ADOPTED));
    lwshm_segment *segment = open_as(LWSHM_OPENED_ADOPTED);
    CHECK_EQ_INT(VALUE, *data_of(segment));
    CHECK_OK(lwshm_segment_publish(segment));
    end_segment(segment);
}

static void create_and_be_killed(void *arg)
{
    lwshm_segment *segment;
    (void)arg;
    CHECK_OK(lwshm_segment_create(&options, &segment));
    raise(SIGKILL);
}

TEST(what_was_never_published_is_not_adopted)
{
    describe(DESCRIPTION);
    CHECK_EQ_INT(-SIGKILL, test_wait_any(test_fork(create_and_be_killed, NULL)));
    lwshm_segment *segment = open_as(LWSHM_OPENED_CREATED);
    CHECK_CONTAINS("before it was ready", replaced);
    CHECK_EQ_UINT(2, info_of(segment).generation);
    end_segment(segment);
}

static void is_replaced(const char *why)
{
    struct lwshm_segment_options before = options;
    describe(DESCRIPTION);
    leave_an_orphan();
    options = before;
    lwshm_segment *segment = open_as(LWSHM_OPENED_CREATED);
    CHECK_CONTAINS(why, replaced);
    close_segment(segment);
}

TEST(an_orphan_that_is_something_else_is_replaced_and_it_is_said_what_differs)
{
    describe("struct 128 data\ntranche 4 locks\nversion 1");
    is_replaced("struct \"data\" has 64 bytes, not 128");
    describe("struct 64 data\ntranche 5 locks\nversion 1");
    is_replaced("tranche \"locks\" has 4 locks, not 5");
    describe("struct 64 other\ntranche 4 locks\nversion 1");
    is_replaced("it has no struct \"other\"");
    describe("struct 64 data\ntranche 4 locks\nversion 2");
    is_replaced("version");
    describe(DESCRIPTION);
    options.max_backends++;
    is_replaced("max_backends is 16, not 17");
    describe(DESCRIPTION);
    options.max_held_locks *= 2;
    is_replaced("max_held_locks is 16, not 32");
    describe(DESCRIPTION);
    options.area_bytes += 64;
    is_replaced("areas have 16384 bytes, not 16448");
    describe(DESCRIPTION);
    options.mode = 0660;
    is_replaced("mode is 0600, not 0660");
}

TEST(a_damaged_orphan_is_replaced)
{
    describe(DESCRIPTION);
    leave_an_orphan();
    int shmid = shmget(key_of(test_dir()), 0, 0);
    char *bytes = attach_bytes(shmid);
    *(uint32_t *)field_at(bytes, "segment_header.max_structs") = 0;
    detach_bytes(bytes);
    lwshm_segment *segment = open_as(LWSHM_OPENED_CREATED);
    CHECK_CONTAINS("max_structs", replaced);
    CHECK(!segment_exists(shmid));
    end_segment(segment);
}

TEST(a_live_segment_that_is_something_else_is_refused_with_its_pids)
{
    describe(DESCRIPTION);
    lwshm_segment *segment = open_new(), *other;
    describe("version 2");
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_open(&options, &other, NULL, 0));
    CHECK_CONTAINS("version", error->message);
    CHECK_EQ_UINT(1, error->value_count);
    CHECK_EQ_INT(getpid(), error->values[0]);
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    end_segment(segment);
}

static void open_late(void *arg)
{
    close_segment(open_as(LWSHM_OPENED_ATTACHED));
    (void)arg;
}

TEST(one_that_is_not_ready_is_waited_for_at_most_as_long_as_one_likes)
{
    describe(DESCRIPTION);
    lwshm_segment *segment = open_as(LWSHM_OPENED_CREATED), *other;
    *data_of(segment) = VALUE;
    options.patience_ms = 20;
    CHECK_FAILS(LWSHM_E_NOT_READY, lwshm_segment_open(&options, &other, NULL, 0));
    options.patience_ms = UINT32_MAX;
    pid_t late = test_fork(open_late, NULL);
    AWAIT(sleeps(late));
    CHECK_OK(lwshm_segment_publish(segment));
    TEST_WAIT(late);
    end_segment(segment);
}

TEST(a_private_segment_is_not_opened)
{
    lwshm_segment *none;
    describe(DESCRIPTION);
    options.data_dir = NULL;
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_open(&options, &none, NULL, 0));
}

TEST(create_replaces_an_orphan)
{
    describe(DESCRIPTION);
    leave_an_orphan();
    lwshm_segment *segment = create_segment(&options);
    CHECK_EQ_UINT(2, info_of(segment).generation);
    CHECK_EQ_INT(0, *data_of(segment));
    end_segment(segment);
}

/* ---- all are killed at once, again and again ---- */

#define WORKERS 3
#define ROUNDS 300

struct pair {
    uint64_t adoptions;
    uint64_t a, b; /* equal, whenever nobody is inside the lock */
};

static struct pair *pair_of(lwshm_segment *segment)
{
    return (struct pair *)data_of(segment);
}

/* Puts right what a killed holder left between two steps. */
static void audit(lwshm_segment *segment, lwshm_backend *me, uint64_t lock)
{
    struct pair *pair = pair_of(segment);
    int r = CHECK_OK(lwshm_lwlock_acquire_for_repair(me, lock));
    if (r == 1) {
        CHECK(pair->a == pair->b || pair->a == pair->b + 1);
        pair->b = pair->a;
        CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
    }
    CHECK_EQ_UINT(pair->a, pair->b);
    CHECK_OK(lwshm_lwlock_release(me, lock));
}

static void open_and_work(void *arg)
{
    uint32_t *working = arg;
    lwshm_segment *segment;
    int opened = CHECK_OK(lwshm_segment_open(&options, &segment, NULL, 0));
    struct pair *pair = pair_of(segment);
    uint64_t lock = make_tranche(segment, "locks", 4).offset;
    lwshm_backend *me = join(segment);
    if (opened != LWSHM_OPENED_ATTACHED) {
        audit(segment, me, lock);
        pair->adoptions += opened == LWSHM_OPENED_ADOPTED;
        CHECK_OK(lwshm_segment_publish(segment));
    }
    for (bool told = false;; told = true) {
        audit(segment, me, lock);
        CHECK_OK(lwshm_lwlock_acquire(me, lock, LWSHM_LW_EXCLUSIVE));
        __atomic_store_n(&pair->a, pair->a + 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&pair->b, pair->b + 1, __ATOMIC_SEQ_CST);
        CHECK_OK(lwshm_lwlock_release(me, lock));
        if (!told)
            __atomic_add_fetch(working, 1, __ATOMIC_SEQ_CST);
    }
}

TEST(after_all_are_killed_at_once_in_the_middle_of_work_one_adopts_and_nothing_is_lost)
{
    uint32_t *working = shared_zeros(sizeof *working);
    uint64_t last = 0;
    describe(DESCRIPTION);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t workers[WORKERS];
        *working = 0;
        for (int i = 0; i < WORKERS; i++)
            workers[i] = test_fork(open_and_work, working);
        AWAIT(__atomic_load_n(working, __ATOMIC_SEQ_CST) == WORKERS);
        for (int i = 0; i < WORKERS; i++)
            kill(workers[i], SIGKILL);
        for (int i = 0; i < WORKERS; i++)
            CHECK_EQ_INT(-SIGKILL, test_wait_any(workers[i]));
        int shmid = shmget(key_of(test_dir()), 0, 0);
        lwshm_segment *segment = open_as(LWSHM_OPENED_ADOPTED);
        CHECK_EQ_INT(shmid, info_of(segment).shmid);
        CHECK_EQ_UINT((uint64_t)round, pair_of(segment)->adoptions);
        CHECK(pair_of(segment)->a >= last + WORKERS);
        last = pair_of(segment)->a;
        if (round + 1 < ROUNDS) {
            close_segment(segment); /* unpublished: the next adopts it again */
            continue;
        }
        CHECK_OK(lwshm_segment_publish(segment));
        end_segment(segment);
    }
}
