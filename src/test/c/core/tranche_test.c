/*
 * Tranches: named arrays of locks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <unistd.h>

#include "fixture.h"

static lwshm_segment *segment;

static void begin(void)
{
    segment = create_segment(NULL); /* 8 tranches, 64 locks */
}

static void end(void)
{
    end_segment(segment);
}

static int init(const char *name, uint32_t locks, bool *found, struct lwshm_tranche *tranche)
{
    return lwshm_tranche_init(segment, name, locks, found, tranche);
}

TEST(a_tranche_is_made_once_and_found_afterwards_by_name_and_number)
{
    begin();
    struct lwshm_tranche made, again;
    bool found = true;
    CHECK_OK(init("accounts", 5, &found, &made));
    CHECK(!found);
    CHECK_EQ_UINT(5, made.locks);
    CHECK_EQ_UINT(0, made.id);
    CHECK_EQ_STR("accounts", made.name);
    CHECK_OK(init("accounts", 5, &found, &again));
    CHECK(found);
    CHECK(memcmp(&made, &again, sizeof made) == 0);
    memset(&again, 0, sizeof again);
    CHECK_OK(lwshm_tranche_find(segment, "accounts", &again));
    CHECK_EQ_UINT(made.offset, again.offset);
    CHECK_EQ_STR("accounts", again.name);
    CHECK_OK(lwshm_tranche_get(segment, 0, &again));
    CHECK_EQ_UINT(made.offset, again.offset);
    CHECK_EQ_UINT(5, again.locks);
    end();
}

TEST(tranches_lie_side_by_side_and_their_locks_a_line_apart)
{
    begin();
    struct lwshm_tranche first = make_tranche(segment, "first", 3),
                         second = make_tranche(segment, "second", 2);
    CHECK_EQ_UINT(1, second.id);
    CHECK_EQ_UINT(0, first.offset % 64);
    CHECK_EQ_UINT(first.offset + 64, lwshm_tranche_lock(&first, 1));
    CHECK_EQ_UINT(first.offset + 128, lwshm_tranche_lock(&first, 2));
    CHECK_EQ_UINT(0, lwshm_tranche_lock(&first, 3));
    CHECK_EQ_UINT(0, lwshm_tranche_lock(&first, UINT32_MAX));
    CHECK_EQ_UINT(first.offset + 192, second.offset);
    end();
}

TEST(another_number_of_locks_than_it_was_made_with_is_refused_with_both)
{
    begin();
    struct lwshm_tranche tranche = make_tranche(segment, "a", 4);
    bool found;
    static const uint32_t others[] = {0, 1, 3, 5, UINT32_MAX};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct lwshm_error *error =
            CHECK_FAILS(LWSHM_E_SIZE_MISMATCH, init("a", others[i], &found, &tranche));
        CHECK_EQ_UINT(2, error->value_count);
        CHECK_EQ_INT(others[i], error->values[0]);
        CHECK_EQ_INT(4, error->values[1]);
    }
    end();
}

TEST(a_tranche_that_nobody_made_is_not_found)
{
    begin();
    struct lwshm_tranche tranche;
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_find(segment, "a", &tranche));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_get(segment, 0, &tranche));
    make_tranche(segment, "ab", 1);
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_find(segment, "a", &tranche));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_get(segment, 1, &tranche));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_get(segment, UINT32_MAX, &tranche));
    end();
}

TEST(names_have_one_to_sixty_three_bytes_of_utf8)
{
    begin();
    char name[65];
    struct lwshm_tranche tranche;
    bool found;
    memset(name, 'n', 64);
    name[64] = '\0';
    CHECK_FAILS(LWSHM_E_INVALID, init(name, 1, &found, &tranche));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_tranche_find(segment, name, &tranche));
    CHECK_FAILS(LWSHM_E_INVALID, init("", 1, &found, &tranche));
    CHECK_FAILS(LWSHM_E_INVALID, init(NULL, 1, &found, &tranche));
    CHECK_FAILS(LWSHM_E_INVALID, init("\xc3\x28", 1, &found, &tranche));
    name[63] = '\0';
    CHECK_OK(init(name, 1, &found, &tranche));
    CHECK_EQ_STR(name, tranche.name);
    CHECK_OK(lwshm_tranche_find(segment, name, &tranche));
    CHECK_EQ_STR(name, tranche.name);
    end();
}

TEST(a_tranche_without_locks_is_refused)
{
    begin();
    struct lwshm_tranche tranche;
    bool found;
    CHECK_FAILS(LWSHM_E_INVALID, init("none", 0, &found, &tranche));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_find(segment, "none", &tranche));
    end();
}

TEST(more_locks_than_are_left_are_refused_with_what_was_asked_and_what_is_left)
{
    begin();
    struct lwshm_tranche tranche;
    bool found;
    make_tranche(segment, "some", 60);
    static const uint32_t too_many[] = {5, 64, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        const struct lwshm_error *error =
            CHECK_FAILS(LWSHM_E_LIMIT, init("more", too_many[i], &found, &tranche));
        CHECK_EQ_INT(too_many[i], error->values[0]);
        CHECK_EQ_INT(4, error->values[1]);
        CHECK_CONTAINS("max_lwlocks", error->message);
    }
    CHECK_OK(init("more", 4, &found, &tranche));
    CHECK_CONTAINS("max_lwlocks",
                   CHECK_FAILS(LWSHM_E_LIMIT, init("one", 1, &found, &tranche))->message);
    end();
}

TEST(more_tranches_than_there_are_entries_are_refused)
{
    begin();
    struct lwshm_tranche tranche;
    char name[] = "t0";
    bool found;
    for (; name[1] < '8'; name[1]++)
        make_tranche(segment, name, 1);
    CHECK_CONTAINS("max_tranches",
                   CHECK_FAILS(LWSHM_E_LIMIT, init("t8", 1, &found, &tranche))->message);
    CHECK_OK(init("t7", 1, &found, &tranche));
    CHECK(found);
    end();
}

/* ---- two processes ---- */

struct made {
    uint32_t start;
    uint32_t by_me[2];
    uint64_t offset[2][8];
};
static struct made *made;

static void make_all(void *arg)
{
    int me = *(int *)arg;
    lwshm_segment *own = attach_segment();
    for (int i = 0; i < 8; i++) {
        struct lwshm_tranche tranche;
        char name[] = "t0";
        bool found;
        name[1] = (char)('0' + i);
        meet(&made->start, 2);
        CHECK_OK(lwshm_tranche_init(own, name, 8, &found, &tranche));
        __atomic_add_fetch(&made->by_me[me], !found, __ATOMIC_SEQ_CST);
        made->offset[me][i] = tranche.offset;
    }
    close_segment(own);
}

TEST(of_two_processes_that_want_a_tranche_exactly_one_makes_it)
{
    begin();
    made = shared_zeros(sizeof *made);
    pid_t pids[2];
    for (int i = 0; i < 2; i++)
        pids[i] = test_fork(make_all, &i);
    for (int i = 0; i < 2; i++)
        TEST_WAIT(pids[i]);
    CHECK_EQ_UINT(8, made->by_me[0] + made->by_me[1]);
    for (int i = 0; i < 8; i++)
        CHECK_EQ_UINT(made->offset[0][i], made->offset[1][i]);
    end();
}
