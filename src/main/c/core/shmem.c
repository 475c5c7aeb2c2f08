/* SPDX-License-Identifier: Apache-2.0 */
#include "core/shmem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/allocator.h"

static uint32_t struct_count(const lwshm_segment *s)
{
    /* acquire: pairs with the release store in lwshm_shmem_init_struct */
    uint32_t count = __atomic_load_n(&header_of(s)->struct_count, __ATOMIC_ACQUIRE);
    return count < s->max_structs ? count : s->max_structs;
}

static const struct index_entry *find(const lwshm_segment *s, const char *name)
{
    for (uint32_t i = 0, count = struct_count(s); i < count; i++)
        if (strncmp(index_at(s, i)->name, name, LWSHM_STRUCT_NAME_MAX + 1) == 0)
            return index_at(s, i);
    return NULL;
}

static int read_entry(const lwshm_segment *s, const struct index_entry *entry,
                      struct lwshm_area *area)
{
    *area = (struct lwshm_area){.offset = entry->offset, .size = entry->size};
    if (lwshm_shmem_pointer(s, area->offset, area->size) == NULL)
        return with_values(fail(LWSHM_E_CORRUPT,
                                "the segment is damaged: struct \"%.47s\" at offset %" PRIu64
                                " with %" PRIu64 " bytes does not lie in it",
                                entry->name, area->offset, area->size),
                           1, (int64_t)area->offset);
    return LWSHM_OK;
}

/* Moves the end of the areas on; under the allocator's right. */
static int bump(lwshm_segment *s, const char *what, uint64_t size, struct lwshm_area *area)
{
    struct segment_header *header = header_of(s);
    uint64_t offset = __atomic_load_n(&header->free_offset, __ATOMIC_RELAXED);
    uint64_t left = offset <= s->size ? s->size - offset : 0;
    uint64_t allocated = lwshm_shmem_allocated_size(size);
    if (size == 0)
        return fail(LWSHM_E_INVALID, "%s of 0 bytes was asked for; it takes 1 byte or more", what);
    if (allocated > left)
        return with_values(fail(LWSHM_E_LIMIT,
                                "out of shared memory: %s needs %" PRIu64 " bytes, and %" PRIu64
                                " of the segment's %" PRIu64
                                " are left; create it with more area_bytes",
                                what, size, left, s->size),
                           2, (int64_t)size, (int64_t)left);
    __atomic_store_n(&header->free_offset, offset + allocated, __ATOMIC_RELEASE);
    *area = (struct lwshm_area){.offset = offset, .size = size};
    return LWSHM_OK;
}

static int make(lwshm_segment *s, const char *name, uint64_t size, shmem_init *init,
                const void *argument, struct lwshm_area *area)
{
    uint32_t count = struct_count(s);
    char what[80];
    if (count == s->max_structs)
        return with_values(fail(LWSHM_E_LIMIT,
                                "no index entry is left for struct \"%s\": all %u are taken; "
                                "create the segment with a larger max_structs",
                                name, count),
                           2, (int64_t)1, (int64_t)0);
    snprintf(what, sizeof what, "struct \"%s\"", name);
    int r = bump(s, what, size, area);
    if (r < 0)
        return r;
    if (init != NULL)
        init(at(s, area->offset), argument);
    struct index_entry *entry = index_at(s, count);
    memset(entry, 0, sizeof *entry);
    memcpy(entry->name, name, strlen(name));
    entry->offset = area->offset;
    entry->size = area->size;
    /* release: the entry is whole before it counts */
    __atomic_store_n(&header_of(s)->struct_count, count + 1, __ATOMIC_RELEASE);
    return LWSHM_OK;
}

int shmem_init_struct(lwshm_segment *s, const char *name, uint64_t size, shmem_init *init,
                      const void *argument, bool *found, struct lwshm_area *area)
{
    if (!is_open(s))
        return fail_closed(s);
    int r = check_name("struct", name, LWSHM_STRUCT_NAME_MAX);
    if (r < 0 || (r = allocator_enter(s)) < 0)
        return r;
    const struct index_entry *entry = find(s, name);
    *found = entry != NULL;
    if (entry == NULL)
        r = make(s, name, size, init, argument, area);
    else if ((r = read_entry(s, entry, area)) == LWSHM_OK && area->size != size)
        r = with_values(fail(LWSHM_E_SIZE_MISMATCH,
                             "struct \"%s\" exists with %" PRIu64 " bytes, and %" PRIu64
                             " were asked for; ask for the size that it was made with",
                             name, area->size, size),
                        2, (int64_t)size, (int64_t)area->size);
    allocator_leave(s);
    return r;
}

int lwshm_shmem_init_struct(lwshm_segment *s, const char *name, uint64_t size, bool *found,
                            struct lwshm_area *area)
{
    return shmem_init_struct(s, name, size, NULL, NULL, found, area);
}

int lwshm_shmem_index_find(const lwshm_segment *s, const char *name, struct lwshm_area *area)
{
    if (!is_open(s))
        return fail_closed(s);
    int r = check_name("struct", name, LWSHM_STRUCT_NAME_MAX);
    if (r < 0)
        return r;
    const struct index_entry *entry = find(s, name);
    if (entry == NULL)
        return fail(LWSHM_E_NOT_FOUND, "the segment has no struct \"%s\"", name);
    return read_entry(s, entry, area);
}

int lwshm_shmem_alloc(lwshm_segment *s, uint64_t size, struct lwshm_area *area)
{
    if (!is_open(s))
        return fail_closed(s);
    int r = allocator_enter(s);
    if (r < 0)
        return r;
    r = bump(s, "an area without a name", size, area);
    allocator_leave(s);
    return r;
}

void *lwshm_shmem_pointer(const lwshm_segment *s, uint64_t offset, uint64_t size)
{
    if (!is_open(s) || offset > s->size || size > s->size - offset)
        return NULL;
    return at(s, offset);
}

static void add_row(struct lwshm_allocation *rows, uint32_t capacity, uint32_t *count,
                    const struct lwshm_allocation *row)
{
    if (*count < capacity)
        rows[*count] = *row;
    ++*count;
}

int lwshm_shmem_allocations(const lwshm_segment *s, struct lwshm_allocation *rows,
                            uint32_t capacity)
{
    if (!is_open(s))
        return fail_closed(s);
    uint32_t count = 0;
    /* In this order: an area that counts lies below the free offset read after it. */
    uint32_t structs = struct_count(s);
    uint64_t free_offset = __atomic_load_n(&header_of(s)->free_offset, __ATOMIC_ACQUIRE);
    uint64_t anonymous = free_offset - s->region[LWSHM_REGION_AREAS];

    for (int i = 0; i < LWSHM_REGION_AREAS; i++) {
        uint64_t size = s->region[i + 1] - s->region[i];
        struct lwshm_allocation row = {.kind = LWSHM_ALLOCATION_FIXED,
                                       .offset = s->region[i],
                                       .size = size,
                                       .allocated_size = size};
        snprintf(row.name, sizeof row.name, "%s", lwshm_region_name(i));
        add_row(rows, capacity, &count, &row);
    }
    for (uint32_t i = 0; i < structs; i++) {
        const struct index_entry *entry = index_at(s, i);
        uint64_t allocated = lwshm_shmem_allocated_size(entry->size);
        struct lwshm_allocation row = {.kind = LWSHM_ALLOCATION_STRUCT,
                                       .offset = entry->offset,
                                       .size = entry->size,
                                       .allocated_size = allocated};
        snprintf(row.name, sizeof row.name, "%.47s", entry->name);
        anonymous -= allocated;
        add_row(rows, capacity, &count, &row);
    }
    add_row(rows, capacity, &count,
            &(struct lwshm_allocation){.kind = LWSHM_ALLOCATION_ANONYMOUS,
                                       .size = anonymous,
                                       .allocated_size = anonymous,
                                       .name = "<anonymous>"});
    add_row(rows, capacity, &count,
            &(struct lwshm_allocation){.kind = LWSHM_ALLOCATION_FREE,
                                       .offset = free_offset,
                                       .size = s->size - free_offset,
                                       .allocated_size = s->size - free_offset,
                                       .name = "<free>"});
    return (int)count;
}
