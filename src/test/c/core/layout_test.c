/*
 * The layout as the library tells it is the one that it was compiled with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/layout.h"

#include "fixture.h"

static void is_told(const char *name, uint64_t offset, uint64_t size)
{
    struct lwshm_layout_field field = layout_field(name);
    if (field.offset != offset || field.size != size)
        FAIL("%s is told as %ju bytes at %ju", name, (uintmax_t)field.size,
             (uintmax_t)field.offset);
}

#define IS_TOLD(s, f) is_told(#s "." #f, offsetof(struct s, f), sizeof(((struct s *)0)->f))

TEST(every_name_is_told_once)
{
    struct lwshm_layout_field a, b;
    uint32_t count = 0;
    for (; lwshm_layout_field(count, &a) == 1; count++) {
        CHECK(a.name != NULL && a.name[0] != '\0');
        for (uint32_t i = 0; i < count; i++) {
            CHECK_EQ_INT(1, lwshm_layout_field(i, &b));
            CHECK(strcmp(a.name, b.name) != 0);
        }
    }
    CHECK(count > 60);
    CHECK_EQ_INT(0, lwshm_layout_field(count, &a));
    CHECK_EQ_INT(0, lwshm_layout_field(UINT32_MAX, &a));
}

TEST(the_sizes_of_the_structs_are_told)
{
    is_told("segment_header", 0, 384);
    is_told("process_entry", 0, 64);
    is_told("backend_slot", 0, 64);
    is_told("lwlock", 0, LWSHM_LWLOCK_SIZE);
    is_told("tranche_entry", 0, 384); /* with its statistics */
    is_told("tranche_counters", 0, 32);
    is_told("index_entry", 0, 64);
}

TEST(what_a_binding_needs_is_told)
{
    IS_TOLD(segment_header, magic);
    IS_TOLD(segment_header, region);
    IS_TOLD(segment_header, checksum);
    IS_TOLD(segment_header, state);
    IS_TOLD(segment_header, allocator);
    IS_TOLD(backend_slot, identity);
    IS_TOLD(backend_slot, spilled);
    is_told("backend_slot.record", 64, 8);
    IS_TOLD(lwlock, word);
    IS_TOLD(lwlock, readers);
    IS_TOLD(lwlock, xfut);
    IS_TOLD(lwlock, sfut);
    IS_TOLD(lwlock, dfut);
    IS_TOLD(lwlock, tranche);
    IS_TOLD(segment_header, joined_slots);
    IS_TOLD(tranche_entry, name);
    IS_TOLD(index_entry, size);
}

TEST(the_fields_of_a_struct_lie_in_it_and_do_not_overlap)
{
    struct lwshm_layout_field a, b;
    for (uint32_t i = 0; lwshm_layout_field(i, &a) == 1; i++) {
        const char *dot = strchr(a.name, '.');
        if (dot == NULL || strcmp(a.name, "backend_slot.record") == 0)
            continue;
        for (uint32_t j = 0; lwshm_layout_field(j, &b) == 1; j++) {
            size_t stem = (size_t)(dot - a.name);
            if (i == j || strncmp(a.name, b.name, stem) != 0)
                continue;
            if (b.name[stem] == '\0')
                CHECK(a.offset + a.size <= b.size);
            else if (b.name[stem] == '.')
                CHECK(a.offset + a.size <= b.offset || b.offset + b.size <= a.offset);
        }
    }
}

/* How many fields the library tells of a struct. */
static uint32_t fields_of(const char *name)
{
    struct lwshm_layout_field field;
    size_t stem = strlen(name);
    uint32_t count = 0;
    for (uint32_t i = 0; lwshm_layout_field(i, &field) == 1; i++)
        count += strncmp(field.name, name, stem) == 0 && field.name[stem] == '.';
    return count;
}

TEST(the_document_says_the_same)
{
    char line[512], name[64] = "", field[64], full[160];
    uintmax_t offset, size, rows = 0, structs = 0;
    FILE *f = fopen("docs/memory-layout.md", "r");
    if (f == NULL)
        FAIL("cannot read docs/memory-layout.md; tests run in the project's folder");
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "## ", 3) == 0) { /* ## Lock (`lwlock`, 64 bytes) */
            if (name[0] != '\0')
                CHECK_EQ_UINT(fields_of(name), rows);
            rows = 0;
            const char *quoted = strchr(line, '`');
            name[0] = '\0';
            if (quoted == NULL || sscanf(quoted, "`%63[a-z_]`", name) != 1)
                continue;
            structs++;
            if (sscanf(quoted + strlen(name) + 2, ", %ju bytes", &size) == 1)
                is_told(name, 0, size);
        } else if (name[0] != '\0' && /* | word | 0 | 8 | W, below | */
                   sscanf(line, "| %63[a-z_] | %ju | %ju", field, &offset, &size) == 3) {
            snprintf(full, sizeof full, "%s.%s", name, field);
            is_told(full, offset, size);
            rows++;
        }
    }
    fclose(f);
    CHECK_EQ_UINT(0, rows); /* the last part is of no struct */
    struct lwshm_layout_field all;
    for (uint32_t i = 0; lwshm_layout_field(i, &all) == 1; i++) /* a struct: 0, and a size */
        structs -= all.offset == 0 && all.size != 0 && strchr(all.name, '.') == NULL;
    CHECK_EQ_UINT(0, structs);
}

TEST(the_constants_are_told)
{
    CHECK_EQ_UINT(LWSHM_ABI_VERSION, layout_constant("LWSHM_ABI_VERSION"));
    CHECK_EQ_UINT(LWSHM_ABI_VERSION, lwshm_abi_version());
    CHECK_EQ_STR(LWSHM_VERSION, lwshm_version());
    CHECK_EQ_UINT(SEGMENT_MAGIC, layout_constant("SEGMENT_MAGIC"));
    CHECK_EQ_UINT(22, layout_constant("IDENTITY_PID_BITS"));
    CHECK_EQ_UINT(1, layout_constant("RECORD_N"));
    CHECK_EQ_UINT(2, layout_constant("RECORD_S"));
    CHECK_EQ_UINT(3, layout_constant("RECORD_XIN"));
    CHECK_EQ_UINT(LOCK_OWNER_MASK, layout_constant("LOCK_OWNER_MASK"));
    CHECK_EQ_UINT(1ull << 59, layout_constant("LOCK_DPARK"));
    CHECK_EQ_UINT(1ull << 61, layout_constant("LOCK_WAKING"));
    CHECK_EQ_UINT(0, LOCK_OWNER_MASK & LOCK_STARVING_MASK);
    CHECK_EQ_UINT(0, (LOCK_OWNER_MASK | LOCK_STARVING_MASK) &
                         (LOCK_POISON | LOCK_XWAIT | LOCK_SWAIT | LOCK_DPARK | LOCK_WAKING));
}

TEST(the_magic_reads_lwshmseg_in_memory)
{
    lwshm_segment *segment = create_segment(NULL);
    CHECK(memcmp(lwshm_shmem_pointer(segment, 0, 8), "LWSHMSEG", 8) == 0);
    end_segment(segment);
}
