/*
 * Sizing a segment: known before it is made, checked, and adding up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <unistd.h>

#include "core/layout.h"
#include "fixture.h"

static struct lwshm_segment_size plan(const struct lwshm_segment_options *options)
{
    struct lwshm_segment_size size;
    CHECK_OK(lwshm_segment_plan(options, &size));
    return size;
}

static void adds_up(const struct lwshm_segment_options *options)
{
    struct lwshm_segment_size size = plan(options);
    uint64_t offset = 0;
    for (int i = 0; i < LWSHM_REGION_COUNT; i++) {
        CHECK_EQ_UINT(offset, size.offset[i]);
        CHECK_EQ_UINT(0, size.size[i] % 64);
        CHECK_EQ_UINT(0, size.offset[i] % 128);
        offset += size.size[i];
    }
    CHECK_EQ_UINT(offset, size.total);
    CHECK_EQ_UINT(0, size.total % (uint64_t)sysconf(_SC_PAGESIZE));
    CHECK(size.size[LWSHM_REGION_AREAS] >= options->area_bytes);
    CHECK(size.size[LWSHM_REGION_PROCESSES] >= options->max_processes * 64ull);
    CHECK(size.size[LWSHM_REGION_BACKENDS] >=
          options->max_backends * (64 + 8ull * options->max_held_locks));
    CHECK(size.size[LWSHM_REGION_LWLOCKS] >= options->max_lwlocks * 64ull);
    CHECK(size.size[LWSHM_REGION_TRANCHES] >= options->max_tranches * 128ull);
    CHECK(size.size[LWSHM_REGION_SHMEM_INDEX] >= options->max_structs * 64ull);
}

TEST(the_defaults_are_those_that_are_documented)
{
    struct lwshm_segment_options o;
    memset(&o, 0xff, sizeof o);
    lwshm_segment_options_init(&o);
    CHECK(o.data_dir == NULL);
    CHECK_EQ_UINT(0, o.area_bytes);
    CHECK_EQ_UINT(64, o.max_processes);
    CHECK_EQ_UINT(128, o.max_backends);
    CHECK_EQ_UINT(256, o.max_held_locks);
    CHECK_EQ_UINT(64, o.max_tranches);
    CHECK_EQ_UINT(1024, o.max_lwlocks);
    CHECK_EQ_UINT(64, o.max_structs);
    CHECK_EQ_UINT(0600, o.mode);
    CHECK_EQ_UINT(LWSHM_HUGE_PAGES_OFF, o.huge_pages);
    adds_up(&o);
}

TEST(the_regions_follow_one_another_and_add_up_to_the_total)
{
    struct lwshm_segment_options o = small_options();
    for (o.max_held_locks = 1; o.max_held_locks < 40; o.max_held_locks++)
        for (o.area_bytes = 0; o.area_bytes < 5000; o.area_bytes += 777) {
            o.max_processes = o.max_held_locks % 7 + 1;
            o.max_structs = o.max_held_locks % 5 + 1;
            adds_up(&o);
        }
}

TEST(the_largest_of_everything_can_be_planned)
{
    struct lwshm_segment_options o = small_options();
    o.area_bytes = 1ull << 43;
    o.max_processes = 4096;
    o.max_backends = 65534;
    o.max_held_locks = 4096;
    o.max_tranches = 65535;
    o.max_lwlocks = 1u << 24;
    o.max_structs = 65536;
    o.mode = 0660;
    o.huge_pages = LWSHM_HUGE_PAGES_TRY;
    adds_up(&o);
}

TEST(a_byte_more_of_areas_takes_a_cache_line_or_a_page_more)
{
    struct lwshm_segment_options o = small_options();
    o.area_bytes = 0;
    uint64_t before = plan(&o).size[LWSHM_REGION_AREAS], page = (uint64_t)sysconf(_SC_PAGESIZE);
    o.area_bytes = before;
    CHECK_EQ_UINT(before, plan(&o).size[LWSHM_REGION_AREAS]);
    o.area_bytes = before + 1;
    CHECK_EQ_UINT(before + page, plan(&o).size[LWSHM_REGION_AREAS]);
}

/* ---- options out of range ---- */

static void is_refused(struct lwshm_segment_options options, const char *name, const char *value)
{
    struct lwshm_segment_size size;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_plan(&options, &size));
    CHECK_CONTAINS(name, error->message);
    CHECK_CONTAINS(value, error->message);
}

#define IS_REFUSED(option, number, text)                                                           \
    do {                                                                                           \
        struct lwshm_segment_options options = small_options();                                    \
        options.option = number;                                                                   \
        is_refused(options, #option, text);                                                        \
    } while (0)

TEST(what_is_out_of_range_is_named_with_its_value)
{
    IS_REFUSED(max_processes, 0, "0");
    IS_REFUSED(max_processes, 4097, "4097");
    IS_REFUSED(max_backends, 0, "0");
    IS_REFUSED(max_backends, 65535, "65535");
    IS_REFUSED(max_held_locks, 0, "0");
    IS_REFUSED(max_held_locks, 4097, "4097");
    IS_REFUSED(max_tranches, 0, "0");
    IS_REFUSED(max_tranches, 65536, "65536");
    IS_REFUSED(max_lwlocks, 0, "0");
    IS_REFUSED(max_lwlocks, (1u << 24) + 1, "16777217");
    IS_REFUSED(max_structs, 0, "0");
    IS_REFUSED(max_structs, 65537, "65537");
    IS_REFUSED(huge_pages, 3, "3");
    IS_REFUSED(area_bytes, (1ull << 43) + 1, "8796093022209");
    IS_REFUSED(area_bytes, UINT64_MAX, "18446744073709551615");
}

TEST(the_mode_is_the_owners_and_perhaps_the_groups)
{
    IS_REFUSED(mode, 0, "00");
    IS_REFUSED(mode, 0400, "0400");
    IS_REFUSED(mode, 0060, "060");
    IS_REFUSED(mode, 0604, "0604");
    IS_REFUSED(mode, 0666, "0666");
    IS_REFUSED(mode, 0700, "0700");
    IS_REFUSED(mode, 01600, "01600");
    struct lwshm_segment_options o = small_options();
    static const uint32_t good[] = {0600, 0640, 0660};
    for (size_t i = 0; i < 3; i++) {
        o.mode = good[i];
        plan(&o);
    }
}

TEST(regions_have_names)
{
    static const char *const names[] = {"header",  "processes",   "backends", "tranches",
                                        "lwlocks", "shmem index", "areas"};
    for (int i = 0; i < LWSHM_REGION_COUNT; i++)
        CHECK_EQ_STR(names[i], lwshm_region_name((enum lwshm_region)i));
    CHECK_EQ_STR("?", lwshm_region_name(LWSHM_REGION_COUNT));
    CHECK_EQ_STR("?", lwshm_region_name((enum lwshm_region) - 1));
}

TEST(a_size_takes_whole_cache_lines)
{
    CHECK_EQ_UINT(0, lwshm_shmem_allocated_size(0));
    CHECK_EQ_UINT(64, lwshm_shmem_allocated_size(1));
    CHECK_EQ_UINT(64, lwshm_shmem_allocated_size(64));
    CHECK_EQ_UINT(128, lwshm_shmem_allocated_size(65));
    CHECK_EQ_UINT(UINT64_MAX - 63, lwshm_shmem_allocated_size(UINT64_MAX - 63));
    CHECK_EQ_UINT(UINT64_MAX, lwshm_shmem_allocated_size(UINT64_MAX - 62));
    CHECK_EQ_UINT(UINT64_MAX, lwshm_shmem_allocated_size(UINT64_MAX));
}
