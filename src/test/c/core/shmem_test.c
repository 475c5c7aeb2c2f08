/*
 * Areas: named and not, found again, refused; and the account of every byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "fixture.h"

static lwshm_segment *segment;

static void begin(void)
{
    segment = create_segment(NULL);
}

static void end(void)
{
    end_segment(segment);
}

static int init(const char *name, uint64_t size, struct lwshm_area *area, bool *found)
{
    return lwshm_shmem_init_struct(segment, name, size, found, area);
}

static uint64_t free_bytes(void)
{
    struct lwshm_allocation rows[64];
    int count = CHECK_OK(lwshm_shmem_allocations(segment, rows, 64));
    CHECK_EQ_UINT(LWSHM_ALLOCATION_FREE, rows[count - 1].kind);
    return rows[count - 1].allocated_size;
}

TEST(a_name_is_made_once_and_found_afterwards)
{
    begin();
    struct lwshm_area made, again, indexed;
    bool found = true;
    CHECK_OK(init("accounts", 1000, &made, &found));
    CHECK(!found);
    CHECK_OK(init("accounts", 1000, &again, &found));
    CHECK(found);
    CHECK_EQ_UINT(made.offset, again.offset);
    CHECK_EQ_UINT(1000, again.size);
    CHECK_OK(lwshm_shmem_index_find(segment, "accounts", &indexed));
    CHECK_EQ_UINT(made.offset, indexed.offset);
    CHECK_EQ_UINT(1000, indexed.size);
    end();
}

TEST(areas_are_aligned_zeroed_and_one_after_another)
{
    begin();
    uint64_t next = 0;
    for (uint64_t size = 1; size < 300; size += 23) {
        struct lwshm_area area;
        CHECK_OK(lwshm_shmem_alloc(segment, size, &area));
        CHECK_EQ_UINT(0, area.offset % 64);
        CHECK_EQ_UINT(size, area.size);
        if (next != 0)
            CHECK_EQ_UINT(next, area.offset);
        next = area.offset + lwshm_shmem_allocated_size(size);
        unsigned char *bytes = lwshm_shmem_pointer(segment, area.offset, size);
        CHECK_EQ_UINT(0, (uintptr_t)bytes % 64);
        for (uint64_t i = 0; i < size; i++)
            CHECK_EQ_UINT(0, bytes[i]);
        memset(bytes, 0xff, size);
    }
    end();
}

TEST(another_size_than_it_was_made_with_is_refused_with_both)
{
    begin();
    struct lwshm_area area;
    bool found;
    static const uint64_t others[] = {0, 1, 99, 101, 128, UINT64_MAX};
    CHECK_OK(init("a", 100, &area, &found));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct lwshm_error *error =
            CHECK_FAILS(LWSHM_E_SIZE_MISMATCH, init("a", others[i], &area, &found));
        CHECK_EQ_UINT(2, error->value_count);
        CHECK_EQ_INT(others[i], error->values[0]);
        CHECK_EQ_INT(100, error->values[1]);
        CHECK_CONTAINS("\"a\"", error->message);
    }
    end();
}

TEST(a_name_that_nobody_made_is_not_found)
{
    begin();
    struct lwshm_area area;
    bool found;
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_shmem_index_find(segment, "nothing", &area));
    CHECK_OK(init("nothing much", 1, &area, &found));
    CHECK_CONTAINS(
        "nothing",
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_shmem_index_find(segment, "nothing", &area))->message);
    end();
}

TEST(names_have_one_to_forty_seven_bytes_of_utf8)
{
    static const char forty_seven[] = "01234567890123456789012345678901234567890123456";
    static const char forty_eight[] = "012345678901234567890123456789012345678901234567";
    static const char *const bad[] = {
        "",
        forty_eight,
        "\xff",
        "a\x80",
        "\xc3(",    /* a byte is missing */
        "end\xc3",  /* at the end */
        "\xc0\xaf", /* not the shortest form */
        "\xe0\x80\xaf",
        "\xf0\x80\x80\xaf",
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* past U+10FFFF */
        "\xf8\x88\x80\x80\x80",
    };
    static const char *const good[] = {
        "a",
        " ",
        "\x01",
        forty_seven,
        "gr\xc3\xbc\xc3\x9f",
        "\xe2\x82\xac",
        "\xf0\x9f\x90\x98",
        "\xf4\x8f\xbf\xbf",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
    };
    begin();
    struct lwshm_area area;
    bool found;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(LWSHM_E_INVALID, init(bad[i], 64, &area, &found));
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_shmem_index_find(segment, bad[i], &area));
    }
    CHECK_FAILS(LWSHM_E_INVALID, init(NULL, 64, &area, &found));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_OK(init(good[i], 64, &area, &found));
        CHECK(!found);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_OK(init(good[i], 64, &area, &found));
        CHECK(found);
    }
    end();
}

TEST(an_area_of_nothing_is_refused)
{
    begin();
    struct lwshm_area area;
    bool found;
    uint64_t before = free_bytes();
    CHECK_FAILS(LWSHM_E_INVALID, init("empty", 0, &area, &found));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_shmem_alloc(segment, 0, &area));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_shmem_index_find(segment, "empty", &area));
    CHECK_EQ_UINT(before, free_bytes());
    end();
}

TEST(more_than_is_left_is_refused_with_what_was_asked_and_what_is_left)
{
    begin();
    struct lwshm_area area;
    bool found;
    uint64_t left = free_bytes();
    const uint64_t too_much[] = {left + 1,        left * 2,        1ull << 40,      1ull << 63,
                                 UINT64_MAX - 64, UINT64_MAX - 63, UINT64_MAX - 62, UINT64_MAX};
    for (size_t i = 0; i < sizeof too_much / sizeof *too_much; i++) {
        const struct lwshm_error *error =
            CHECK_FAILS(LWSHM_E_LIMIT, init("large", too_much[i], &area, &found));
        CHECK_EQ_UINT(2, error->value_count);
        CHECK_EQ_UINT(too_much[i], (uint64_t)error->values[0]);
        CHECK_EQ_INT(left, error->values[1]);
        CHECK_CONTAINS("area_bytes", error->message);
        CHECK_FAILS(LWSHM_E_LIMIT, lwshm_shmem_alloc(segment, too_much[i], &area));
    }
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_shmem_index_find(segment, "large", &area));
    CHECK_OK(init("large", left, &area, &found)); /* which it takes to the last byte */
    CHECK_EQ_UINT(0, free_bytes());
    CHECK_FAILS(LWSHM_E_LIMIT, lwshm_shmem_alloc(segment, 1, &area));
    end();
}

TEST(when_the_index_is_full_there_are_still_areas_without_a_name)
{
    begin();
    struct lwshm_area area;
    char name[32];
    bool found;
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "struct %d", i);
        CHECK_OK(init(name, 64, &area, &found));
    }
    uint64_t before = free_bytes();
    CHECK_CONTAINS("max_structs",
                   CHECK_FAILS(LWSHM_E_LIMIT, init("one more", 64, &area, &found))->message);
    CHECK_EQ_UINT(before, free_bytes());
    CHECK_OK(init("struct 7", 64, &area, &found));
    CHECK(found);
    CHECK_OK(lwshm_shmem_alloc(segment, 64, &area));
    end();
}

TEST(a_pointer_is_given_for_what_lies_in_the_segment_and_for_nothing_else)
{
    begin();
    uint64_t size = info_of(segment).size;
    char *base = lwshm_shmem_pointer(segment, 0, size);
    CHECK(base != NULL);
    CHECK(lwshm_shmem_pointer(segment, size - 1, 1) == base + size - 1);
    CHECK(lwshm_shmem_pointer(segment, 64, 0) == base + 64);
    CHECK(lwshm_shmem_pointer(segment, size - 1, 2) == NULL);
    CHECK(lwshm_shmem_pointer(segment, size + 1, 0) == NULL);
    CHECK(lwshm_shmem_pointer(segment, 0, size + 1) == NULL);
    CHECK(lwshm_shmem_pointer(segment, 64, UINT64_MAX - 32) == NULL);
    CHECK(lwshm_shmem_pointer(segment, UINT64_MAX, UINT64_MAX) == NULL);
    CHECK(lwshm_shmem_pointer(NULL, 0, 1) == NULL);
    end();
}

/* ---- the account ---- */

static uint64_t sum_of(const struct lwshm_allocation *rows, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        sum += rows[i].allocated_size;
        CHECK(rows[i].allocated_size <= info_of(segment).size); /* none is below zero */
    }
    return sum;
}

TEST(the_account_has_a_row_for_everything_and_adds_up_to_the_segment)
{
    begin();
    struct lwshm_allocation rows[64];
    struct lwshm_area first, second, nameless;
    bool found;
    CHECK_OK(init("first", 100, &first, &found));
    CHECK_OK(lwshm_shmem_alloc(segment, 200, &nameless));
    CHECK_OK(init("second", 64, &second, &found));
    CHECK_OK(lwshm_shmem_alloc(segment, 1, &nameless));
    int count = CHECK_OK(lwshm_shmem_allocations(segment, rows, 64));
    CHECK_EQ_INT(LWSHM_REGION_AREAS + 4, count);
    CHECK_EQ_UINT(info_of(segment).size, sum_of(rows, count));
    uint64_t offset = 0;
    for (int i = 0; i < LWSHM_REGION_AREAS; i++) {
        CHECK_EQ_UINT(LWSHM_ALLOCATION_FIXED, rows[i].kind);
        CHECK_EQ_STR(lwshm_region_name((enum lwshm_region)i), rows[i].name);
        CHECK_EQ_UINT(offset, rows[i].offset);
        offset += rows[i].allocated_size;
    }
    const struct lwshm_allocation *row = rows + LWSHM_REGION_AREAS;
    CHECK_EQ_UINT(LWSHM_ALLOCATION_STRUCT, row[0].kind);
    CHECK_EQ_STR("first", row[0].name);
    CHECK_EQ_UINT(first.offset, row[0].offset);
    CHECK_EQ_UINT(100, row[0].size);
    CHECK_EQ_UINT(128, row[0].allocated_size);
    CHECK_EQ_STR("second", row[1].name);
    CHECK_EQ_UINT(64, row[1].allocated_size);
    CHECK_EQ_UINT(LWSHM_ALLOCATION_ANONYMOUS, row[2].kind);
    CHECK_EQ_UINT(256 + 64, row[2].allocated_size);
    CHECK_EQ_UINT(LWSHM_ALLOCATION_FREE, row[3].kind);
    CHECK_EQ_UINT(nameless.offset + 64, row[3].offset);
    CHECK_EQ_UINT(info_of(segment).size, row[3].offset + row[3].allocated_size);
    CHECK_EQ_INT(count, lwshm_shmem_allocations(segment, NULL, 0));
    struct lwshm_allocation few[2] = {{0}, {.kind = 77}};
    CHECK_EQ_INT(count, lwshm_shmem_allocations(segment, few, 1)); /* writes no more than fits */
    CHECK_EQ_UINT(77, few[1].kind);
    end();
}

static void allocate_all_the_time(void *arg)
{
    lwshm_segment *own = attach_segment();
    struct lwshm_area area;
    char name[32];
    bool found;
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "struct %d", i);
        CHECK_OK(lwshm_shmem_init_struct(own, name, 100, &found, &area));
        for (int j = 0; j < 4; j++)
            CHECK_OK(lwshm_shmem_alloc(own, 70, &area));
        sched_yield();
    }
    __atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
    close_segment(own);
}

TEST(the_account_adds_up_while_another_process_allocates)
{
    begin();
    struct lwshm_allocation rows[64];
    bool *done = shared_zeros(sizeof *done);
    pid_t pid = test_fork(allocate_all_the_time, done);
    do {
        int count = CHECK_OK(lwshm_shmem_allocations(segment, rows, 64));
        CHECK_EQ_UINT(info_of(segment).size, sum_of(rows, count));
    } while (!__atomic_load_n(done, __ATOMIC_ACQUIRE));
    TEST_WAIT(pid);
    CHECK_EQ_INT(LWSHM_REGION_AREAS + 18, lwshm_shmem_allocations(segment, rows, 64));
    CHECK_EQ_UINT(16 * 4 * 128, rows[LWSHM_REGION_AREAS + 16].allocated_size);
    end();
}

/* ---- two processes ---- */

#define NAMES 12

struct made {
    uint32_t start;
    uint32_t by_me[2];
    uint64_t offset[2][NAMES];
};
static struct made *made;

static void make_all(void *arg)
{
    int me = *(int *)arg;
    lwshm_segment *own = attach_segment();
    for (int i = 0; i < NAMES; i++) {
        struct lwshm_area area;
        char name[32];
        bool found;
        snprintf(name, sizeof name, "name %d", i);
        meet(&made->start, 2);
        CHECK_OK(lwshm_shmem_init_struct(own, name, 64, &found, &area));
        __atomic_add_fetch(&made->by_me[me], !found, __ATOMIC_SEQ_CST);
        made->offset[me][i] = area.offset;
        if (!found)
            __atomic_add_fetch((uint64_t *)lwshm_shmem_pointer(own, area.offset, 8), 1,
                               __ATOMIC_SEQ_CST);
    }
    close_segment(own);
}

TEST(of_two_processes_that_want_a_name_exactly_one_makes_it)
{
    begin();
    made = shared_zeros(sizeof *made);
    pid_t pids[2];
    for (int i = 0; i < 2; i++)
        pids[i] = test_fork(make_all, &i);
    for (int i = 0; i < 2; i++)
        TEST_WAIT(pids[i]);
    CHECK_EQ_UINT(NAMES, made->by_me[0] + made->by_me[1]);
    for (int i = 0; i < NAMES; i++) {
        CHECK_EQ_UINT(made->offset[0][i], made->offset[1][i]);
        CHECK_EQ_UINT(1, *(uint64_t *)lwshm_shmem_pointer(segment, made->offset[0][i], 8));
    }
    end();
}
