/*
 * A damaged segment is refused, never believed and never a crash.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <sys/shm.h>
#include <unistd.h>

#include "core/layout.h"
#include "fixture.h"

#define STRUCTS 3
#define TRANCHES 3

static lwshm_segment *segment;
static char *bytes; /* the segment's, read and written behind the library's back */

static void begin(void)
{
    struct lwshm_area area;
    bool found;
    segment = create_segment(NULL);
    bytes = attach_bytes(info_of(segment).shmid);
    for (int i = 0; i < STRUCTS; i++) {
        char name[] = "struct .";
        name[7] = (char)('0' + i);
        CHECK_OK(lwshm_shmem_init_struct(segment, name, 100, &found, &area));
        name[0] = 'S';
        make_tranche(segment, name, 4);
    }
}

static void end(void)
{
    detach_bytes(bytes);
    end_segment(segment);
}

static int attach(void)
{
    lwshm_segment *other;
    int r = lwshm_segment_attach(test_dir(), 0, &other);
    if (r == LWSHM_OK)
        close_segment(other);
    return r;
}

static struct segment_header *header(void)
{
    return (struct segment_header *)bytes;
}

static struct index_entry *index_entries(void)
{
    return (struct index_entry *)(bytes + header()->region[LWSHM_REGION_SHMEM_INDEX]);
}

static struct tranche_entry *tranche_entries(void)
{
    return (struct tranche_entry *)(bytes + header()->region[LWSHM_REGION_TRANCHES]);
}

/* ---- the header, field by field ---- */

static int expected_for(const char *name)
{
    static const char *const decide_whose[] = {"magic", "nonce", "members_dev", "members_ino",
                                               "boot_id"};
    for (size_t i = 0; i < sizeof decide_whose / sizeof *decide_whose; i++)
        if (strcmp(name, decide_whose[i]) == 0)
            return LWSHM_E_NOT_FOUND;
    return strcmp(name, "abi_version") == 0 ? LWSHM_E_ABI_VERSION : LWSHM_E_CORRUPT;
}

/* Calls `damage` for each field of the header; returns how many there are. */
static int for_each_field(void (*damage)(const char *name, const struct lwshm_layout_field *field))
{
    struct lwshm_layout_field field;
    const char prefix[] = "segment_header.";
    int count = 0;
    for (uint32_t i = 0; lwshm_layout_field(i, &field) == 1; i++)
        if (strncmp(field.name, prefix, sizeof prefix - 1) == 0) {
            damage(field.name + sizeof prefix - 1, &field);
            count++;
        }
    return count;
}

static void flip_whole(const char *name, const struct lwshm_layout_field *field)
{
    if (strcmp(name, "allocator") == 0)
        return; /* says who is at work, and is believed of nobody dead: see below */
    for (uint64_t i = 0; i < field->size; i++)
        bytes[field->offset + i] ^= (char)0xff;
    int r = attach();
    if (r != expected_for(name))
        FAIL("%s turned over: %s: %s", name, lwshm_status_name(r), lwshm_last_error()->message);
    for (uint64_t i = 0; i < field->size; i++)
        bytes[field->offset + i] ^= (char)0xff;
}

TEST(each_field_of_the_header_that_is_turned_over_is_found_out)
{
    begin();
    CHECK(for_each_field(flip_whole) >= 25);
    CHECK_EQ_INT(LWSHM_OK, attach()); /* all is as it was */
    end();
}

static void flip_each_bit(const char *name, const struct lwshm_layout_field *field)
{
    if (field->offset > layout_field("segment_header.checksum").offset)
        return; /* those that change have no checksum */
    for (uint64_t bit = 0; bit < field->size * 8; bit++) {
        char *byte = bytes + field->offset + bit / 8;
        *byte ^= (char)(1 << bit % 8);
        int r = attach();
        if (r != expected_for(name))
            FAIL("bit %u of %s: %s", (unsigned)bit, name, lwshm_status_name(r));
        *byte ^= (char)(1 << bit % 8);
    }
}

TEST(each_bit_of_the_header_that_never_changes_is_found_out)
{
    begin();
    for_each_field(flip_each_bit);
    CHECK_EQ_INT(LWSHM_OK, attach());
    end();
}

static void is_named(const char *part, const void *where, uint64_t bad, size_t size)
{
    char *at = bytes + ((const char *)where - bytes);
    char before[8];
    memcpy(before, at, size);
    memcpy(at, &bad, size);
    CHECK_EQ_INT(LWSHM_E_CORRUPT, attach());
    CHECK_CONTAINS(part, lwshm_last_error()->message);
    CHECK_EQ_UINT(1, lwshm_last_error()->value_count);
    CHECK_EQ_UINT(bad, lwshm_last_error()->values[0]);
    memcpy(at, before, size);
}

#define IS_NAMED(part, field, bad) is_named(part, &(field), bad, sizeof(field))

TEST(the_damaged_field_is_named_with_what_was_found_in_it)
{
    begin();
    struct segment_header *h = header();
    IS_NAMED("header_size", h->header_size, 12);
    IS_NAMED("total_size", h->total_size, h->total_size * 2);
    IS_NAMED("max_processes", h->max_processes, 0);
    IS_NAMED("max_backends", h->max_backends, 65535);
    IS_NAMED("max_held_locks", h->max_held_locks, 17);
    IS_NAMED("max_tranches", h->max_tranches, 1u << 20);
    IS_NAMED("max_lwlocks", h->max_lwlocks, 0xffffffff);
    IS_NAMED("max_structs", h->max_structs, 0);
    IS_NAMED("max_children", h->max_children, h->max_backends);
    for (int i = 1; i < LWSHM_REGION_COUNT; i++)
        IS_NAMED(lwshm_region_name((enum lwshm_region)i), h->region[i], 1ull << 60);
    IS_NAMED("creator", h->creator, 0);
    IS_NAMED("created_at", h->created_at, UINT64_MAX);
    IS_NAMED("generation", h->generation, 0);
    IS_NAMED("flags", h->flags, 6);
    IS_NAMED("checksum", h->checksum, 42);
    IS_NAMED("state", h->state, 0);
    IS_NAMED("state", h->state, 5);
    IS_NAMED("stop_mode", h->stop_mode, 4);
    IS_NAMED("free_offset", h->free_offset, 0);
    IS_NAMED("free_offset", h->free_offset, h->region[LWSHM_REGION_AREAS] - 64);
    IS_NAMED("free_offset", h->free_offset, h->free_offset + 1);
    IS_NAMED("free_offset", h->free_offset, h->total_size + 64);
    IS_NAMED("struct_count", h->struct_count, h->max_structs + 1);
    IS_NAMED("tranche_count", h->tranche_count, 0xffffffff);
    CHECK_EQ_INT(LWSHM_OK, attach());
    end();
}

TEST(another_abi_version_is_named_with_ours)
{
    begin();
    header()->abi_version = 77;
    CHECK_EQ_INT(LWSHM_E_ABI_VERSION, attach());
    CHECK_EQ_UINT(2, lwshm_last_error()->value_count);
    CHECK_EQ_INT(LWSHM_ABI_VERSION, lwshm_last_error()->values[0]);
    CHECK_EQ_INT(77, lwshm_last_error()->values[1]);
    CHECK_CONTAINS("77", lwshm_last_error()->message);
    header()->abi_version = LWSHM_ABI_VERSION;
    end();
}

TEST(a_state_of_creating_is_no_damage)
{
    begin();
    header()->state = SEGMENT_CREATING;
    CHECK_EQ_INT(LWSHM_E_NOT_READY, attach());
    header()->state = SEGMENT_READY;
    CHECK_EQ_INT(LWSHM_OK, attach());
    end();
}

TEST(nonsense_for_an_allocator_is_nobody_and_is_taken_over)
{
    begin();
    struct lwshm_area area;
    header()->allocator = ~header()->allocator;
    lwshm_segment *other = attach_segment();
    CHECK_OK(lwshm_shmem_alloc(other, 64, &area));
    CHECK_EQ_UINT(0, header()->allocator);
    close_segment(other);
    end();
}

/* ---- the index ---- */

TEST(an_index_entry_that_cannot_be_is_found_out)
{
    begin();
    struct index_entry *entry = index_entries();
    uint64_t free_offset = header()->free_offset;
    for (int i = 0; i < STRUCTS; i++) {
        IS_NAMED("shmem index: offset", entry[i].offset, free_offset + 64);
        IS_NAMED("shmem index: offset", entry[i].offset, header()->total_size);
        IS_NAMED("shmem index: offset", entry[i].offset, UINT64_MAX - 63);
        IS_NAMED("shmem index: offset", entry[i].offset, entry[i].offset + 1);
        IS_NAMED("shmem index: offset", entry[i].offset, 0);
        IS_NAMED("shmem index: offset", entry[i].offset, header()->region[LWSHM_REGION_LWLOCKS]);
        IS_NAMED("shmem index: size", entry[i].size, 0);
        IS_NAMED("shmem index: size", entry[i].size, UINT64_MAX);
        IS_NAMED("shmem index: size", entry[i].size, UINT64_MAX - 62);
        IS_NAMED("shmem index: size", entry[i].size, free_offset - entry[i].offset + 1);
        struct index_entry before = entry[i];
        entry[i].name[0] = '\0';
        CHECK_EQ_INT(LWSHM_E_CORRUPT, attach());
        CHECK_CONTAINS("name of entry", lwshm_last_error()->message);
        memset(entry[i].name, 'n', sizeof entry[i].name);
        CHECK_EQ_INT(LWSHM_E_CORRUPT, attach());
        CHECK_CONTAINS("name of entry", lwshm_last_error()->message);
        entry[i] = before;
    }
    CHECK_EQ_INT(LWSHM_OK, attach());
    end();
}

TEST(areas_that_overlap_are_found_out)
{
    begin();
    IS_NAMED("shmem index: offset", index_entries()[1].offset, index_entries()[0].offset);
    IS_NAMED("shmem index: offset", index_entries()[2].offset, index_entries()[1].offset + 64);
    end();
}

TEST(an_entry_that_counts_and_is_not_there_is_found_out)
{
    begin();
    header()->struct_count++;
    CHECK_EQ_INT(LWSHM_E_CORRUPT, attach());
    header()->struct_count--;
    header()->tranche_count++;
    CHECK_EQ_INT(LWSHM_E_CORRUPT, attach());
    header()->tranche_count--;
    CHECK_EQ_INT(LWSHM_OK, attach());
    end();
}

/* ---- the tranches ---- */

TEST(a_tranche_that_cannot_be_is_found_out)
{
    begin();
    struct tranche_entry *entry = tranche_entries();
    for (int i = 0; i < TRANCHES; i++) {
        IS_NAMED("tranches: offset", entry[i].offset, 0);
        IS_NAMED("tranches: offset", entry[i].offset, entry[i].offset + 64);
        IS_NAMED("tranches: offset", entry[i].offset, entry[i].offset + 8);
        IS_NAMED("tranches: offset", entry[i].offset, header()->total_size);
        IS_NAMED("tranches: offset", entry[i].offset, UINT64_MAX - 63);
        IS_NAMED("tranches: locks", entry[i].locks, 0);
        IS_NAMED("tranches: locks", entry[i].locks, header()->max_lwlocks + 1);
        IS_NAMED("tranches: locks", entry[i].locks, UINT32_MAX);
        struct tranche_entry before = entry[i];
        entry[i].name[0] = '\0';
        CHECK_EQ_INT(LWSHM_E_CORRUPT, attach());
        CHECK_CONTAINS("name of entry", lwshm_last_error()->message);
        memset(entry[i].name, 'n', sizeof entry[i].name);
        CHECK_EQ_INT(LWSHM_E_CORRUPT, attach());
        entry[i] = before;
    }
    CHECK_EQ_INT(LWSHM_OK, attach());
    end();
}

/* ---- damage after the attach: nothing crashes ---- */

TEST(an_entry_damaged_after_the_attach_is_named_when_it_is_asked_for)
{
    begin();
    struct index_entry *entry = index_entries() + 1, sound = *entry;
    struct tranche_entry *tranche = tranche_entries() + 1, whole = *tranche;
    struct lwshm_tranche found;
    struct lwshm_area area;
    bool is_found;
    static const uint64_t offsets[] = {1ull << 40, UINT64_MAX, UINT64_MAX - 63};
    for (int i = 0; i < 3; i++) {
        entry->offset = tranche->offset = offsets[i];
        CHECK_FAILS(LWSHM_E_CORRUPT, lwshm_shmem_index_find(segment, "struct 1", &area));
        CHECK_FAILS(LWSHM_E_CORRUPT,
                    lwshm_shmem_init_struct(segment, "struct 1", 100, &is_found, &area));
        CHECK_FAILS(LWSHM_E_CORRUPT, lwshm_tranche_find(segment, "Struct 1", &found));
        CHECK_FAILS(LWSHM_E_CORRUPT, lwshm_tranche_get(segment, 1, &found));
        CHECK_FAILS(LWSHM_E_CORRUPT, lwshm_tranche_init(segment, "Struct 1", 4, &is_found, &found));
    }
    *entry = sound;
    *tranche = whole;
    entry->size = UINT64_MAX;
    CHECK_FAILS(LWSHM_E_CORRUPT, lwshm_shmem_index_find(segment, "struct 1", &area));
    tranche->offset += 8;
    CHECK_FAILS(LWSHM_E_CORRUPT, lwshm_tranche_get(segment, 1, &found));
    *tranche = whole;
    tranche->locks = 0;
    CHECK_FAILS(LWSHM_E_CORRUPT, lwshm_tranche_get(segment, 1, &found));
    tranche->locks = UINT32_MAX;
    CHECK_FAILS(LWSHM_E_CORRUPT, lwshm_tranche_get(segment, 1, &found));
    *entry = sound;
    *tranche = whole;
    CHECK_OK(lwshm_tranche_get(segment, 1, &found));
    end();
}

/* Calls everything that reads the segment, and believes nothing. */
static void walk(lwshm_segment *s)
{
    struct lwshm_allocation rows[64];
    struct lwshm_backend_info backends[64];
    struct lwshm_lwlock_info lock;
    struct lwshm_tranche tranche;
    struct lwshm_area area;
    int32_t pids[64];
    lwshm_shmem_allocations(s, rows, 64);
    lwshm_segment_processes(s, pids, 64);
    lwshm_backend_list(s, backends, 64);
    for (char name[] = "struct 0"; name[7] < '0' + STRUCTS + 1; name[7]++)
        if (lwshm_shmem_index_find(s, name, &area) == LWSHM_OK) {
            volatile char *p = lwshm_shmem_pointer(s, area.offset, area.size);
            if (p != NULL && area.size > 0) /* within the segment, whatever it says */
                (void)(p[0] + p[area.size - 1]);
        }
    for (char name[] = "Struct 0"; name[7] < '0' + TRANCHES + 1; name[7]++)
        if (lwshm_tranche_find(s, name, &tranche) == LWSHM_OK && tranche.locks > 0) {
            CHECK_OK(lwshm_lwlock_info(s, tranche.offset, &lock));
            CHECK_OK(lwshm_lwlock_info(s, lwshm_tranche_lock(&tranche, tranche.locks - 1), &lock));
        }
    for (uint32_t id = 0; id < 10; id++)
        lwshm_tranche_get(s, id, &tranche);
}

TEST(random_damage_is_refused_or_survived)
{
    begin();
    size_t fixed = header()->region[LWSHM_REGION_AREAS], size = info_of(segment).size;
    lwshm_backend *me = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(me, tranche_entries()[0].offset, LWSHM_LW_SHARED));
    char *sound = malloc(size);
    CHECK(sound != NULL);
    memcpy(sound, bytes, size);
    int attached = 0, refused = 0;
    srandom(1);
    for (int round = 0; round < 600; round++) {
        lwshm_segment *before = attach_segment(), *after = NULL;
        for (long flips = 1 + random() % 8; flips > 0; flips--) {
            /* The header, index and tranches are small beside the backends: each gets its share. */
            const uint64_t *region = ((struct segment_header *)sound)->region;
            int which = (int)(random() % LWSHM_REGION_AREAS);
            uint64_t at = region[which] + (uint64_t)random() % (region[which + 1] - region[which]);
            if (at < fixed)
                bytes[at] ^= (char)(1 << random() % 8);
        }
        walk(before);
        walk(segment);
        if (lwshm_segment_attach(test_dir(), 0, &after) == LWSHM_OK) {
            attached++;
            walk(after);
            lwshm_segment_close(after);
        } else {
            refused++;
        }
        memcpy(bytes, sound, size);
        lwshm_segment_close(before);
        memcpy(bytes, sound, size); /* its entry, which it could perhaps not give back */
    }
    CHECK(attached > 100 && refused > 100); /* or it tested half of what it should */
    free(sound);
    CHECK_OK(lwshm_backend_leave(me));
    end();
}

TEST(a_segment_of_nothing_but_noise_is_refused)
{
    begin();
    size_t size = info_of(segment).size;
    char *sound = malloc(size);
    memcpy(sound, bytes, size);
    srandom(2);
    for (int round = 0; round < 300; round++) {
        /* What makes it ours stays, the rest is noise; then it is made to look right. */
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)random();
        struct segment_header *h = header(), *was = (struct segment_header *)sound;
        h->magic = was->magic;
        h->abi_version = was->abi_version;
        h->nonce = was->nonce;
        h->members_dev = was->members_dev;
        h->members_ino = was->members_ino;
        memcpy(h->boot_id, was->boot_id, sizeof h->boot_id);
        h->header_size = was->header_size;
        if (round % 3 > 0)
            h->total_size = was->total_size;
        if (round % 3 > 1)
            memcpy(&h->max_processes, &was->max_processes, 6 * 4);
        CHECK_EQ_INT(LWSHM_E_CORRUPT, attach());
        walk(segment);
    }
    memcpy(bytes, sound, size);
    free(sound);
    CHECK_EQ_INT(LWSHM_OK, attach());
    end();
}

TEST(a_removed_segment_is_told_from_one_that_is_there)
{
    begin();
    CHECK_EQ_UINT(0, info_of(segment).is_removed);
    int shmid = info_of(segment).shmid;
    CHECK_EQ_INT(0, shmctl(shmid, IPC_RMID, NULL)); /* it goes with the last one attached */
    CHECK_EQ_UINT(1, info_of(segment).is_removed);
    CHECK_OK(lwshm_segment_check(segment)); /* nothing is damaged */
    detach_bytes(bytes);
    CHECK_OK(lwshm_segment_detach(segment, LWSHM_DETACH_UNMAP));
    CHECK_OK(lwshm_segment_close(segment));
}
