/*
 * header.c - sizing, writing and checking the fixed part of a segment.
 *
 * The offsets of the regions follow from the limits, so an attacher does not believe
 * them but computes them again and compares.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/header.h"

#include <inttypes.h>
#include <string.h>

#include "core/checksum.h"
#include "core/description.h"
#include "core/members.h"
#include "core/status.h"
#include "lwshm/postmaster.h"
#include "lwshm/version.h"
#include "os/clock.h"
#include "os/data_dir.h"
#include "os/process.h"
#include "os/sysv_shm.h"

void lwshm_segment_options_init(struct lwshm_segment_options *options)
{
    *options = (struct lwshm_segment_options){
        .max_processes = 64,
        .max_backends = 128,
        .max_held_locks = 256,
        .max_tranches = 64,
        .max_lwlocks = 1024,
        .max_structs = 64,
        .mode = 0600,
        .huge_pages = LWSHM_HUGE_PAGES_OFF,
        .patience_ms = 10000,
    };
}

static const char *const region_names[LWSHM_REGION_COUNT] = {
    "header", "processes", "backends", "tranches", "lwlocks", "shmem index", "areas",
};

const char *lwshm_region_name(enum lwshm_region region)
{
    return (unsigned)region < LWSHM_REGION_COUNT ? region_names[region] : "?";
}

static uint64_t round_up(uint64_t n, uint64_t unit)
{
    return n > UINT64_MAX - (unit - 1) ? UINT64_MAX : (n + unit - 1) / unit * unit;
}

uint64_t lwshm_shmem_allocated_size(uint64_t size)
{
    return round_up(size, CACHE_LINE);
}

static uint32_t power_of_two(uint32_t n)
{
    uint32_t power = 1;
    while (power < n)
        power *= 2;
    return power;
}

static int check_option(const char *name, uint64_t value, uint64_t min, uint64_t max)
{
    if (value >= min && value <= max)
        return LWSHM_OK;
    return fail(LWSHM_E_INVALID, "%s is %" PRIu64 "; it takes %" PRIu64 " to %" PRIu64, name, value,
                min, max);
}

static int check_options(const struct lwshm_segment_options *o)
{
    const struct {
        const char *name;
        uint64_t value, min, max;
    } rules[] = {
        {"max_processes", o->max_processes, 1, LWSHM_MAX_PROCESSES},
        {"max_backends", o->max_backends, 1, LWSHM_MAX_BACKENDS},
        {"max_held_locks", o->max_held_locks, 1, LWSHM_MAX_HELD_LOCKS},
        {"max_tranches", o->max_tranches, 1, LWSHM_MAX_TRANCHES},
        {"max_lwlocks", o->max_lwlocks, 1, LWSHM_MAX_LWLOCKS},
        {"max_structs", o->max_structs, 1, LWSHM_MAX_STRUCTS},
        {"huge_pages", o->huge_pages, LWSHM_HUGE_PAGES_OFF, LWSHM_HUGE_PAGES_TRY},
        {"area_bytes", o->area_bytes, 0, 1ull << 43},
        {"after", o->after, 0, UINT32_MAX - 1},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        int r = check_option(rules[i].name, rules[i].value, rules[i].min, rules[i].max);
        if (r < 0)
            return r;
    }
    if (o->max_children >= o->max_backends)
        return fail(LWSHM_E_INVALID,
                    "max_children is %u; it takes 0 to %u, for of max_backends, which is %u, one "
                    "at least is for others than a postmaster's children",
                    o->max_children, o->max_backends - 1, o->max_backends);
    if ((o->mode & 0600) != 0600 || (o->mode & ~0660u) != 0)
        return fail(LWSHM_E_INVALID,
                    "mode is 0%o; it takes 0600, 0640 or 0660 (the owner reads and writes, others "
                    "outside the group never do)",
                    o->mode);
    return LWSHM_OK;
}

int lwshm_segment_plan(const struct lwshm_segment_options *options, struct lwshm_segment_size *size)
{
    int r = check_options(options);
    if (r < 0)
        return r;
    const uint64_t bytes[LWSHM_REGION_COUNT] = {
        [LWSHM_REGION_HEADER] = sizeof(struct segment_header),
        [LWSHM_REGION_PROCESSES] = sizeof(struct process_entry) * (uint64_t)options->max_processes,
        [LWSHM_REGION_BACKENDS] =
            backend_slot_size(power_of_two(options->max_held_locks), options->max_tranches) *
            options->max_backends,
        [LWSHM_REGION_TRANCHES] = sizeof(struct tranche_entry) * (uint64_t)options->max_tranches,
        [LWSHM_REGION_LWLOCKS] = sizeof(struct lwlock) * (uint64_t)options->max_lwlocks,
        [LWSHM_REGION_SHMEM_INDEX] = sizeof(struct index_entry) * (uint64_t)options->max_structs,
        [LWSHM_REGION_AREAS] = round_up(options->area_bytes, CACHE_LINE),
    };
    /* The ranges above keep every sum far below 2^64: nothing here can overflow. */
    uint64_t offset = 0;
    for (int i = 0; i < LWSHM_REGION_COUNT; i++) {
        size->offset[i] = offset;
        offset += i == LWSHM_REGION_AREAS ? bytes[i] : round_up(bytes[i], CACHE_LINE_PAIR);
    }
    size->total = round_up(offset, os_page_size());
    for (int i = 0; i < LWSHM_REGION_COUNT; i++)
        size->size[i] =
            (i + 1 < LWSHM_REGION_COUNT ? size->offset[i + 1] : size->total) - size->offset[i];
    return LWSHM_OK;
}

static uint64_t checksum(const struct segment_header *header)
{
    return fnv1a(header, offsetof(struct segment_header, checksum));
}

void header_write(struct segment_header *header, const struct lwshm_segment_options *options,
                  const struct lwshm_segment_size *size, const struct os_data_dir *dir,
                  const struct members_record *record, bool huge_pages)
{
    struct segment_header h = {
        .magic = SEGMENT_MAGIC,
        .abi_version = LWSHM_ABI_VERSION,
        .header_size = sizeof(struct segment_header),
        .total_size = size->total,
        .data_dir_dev = dir == NULL ? 0 : dir->dev,
        .data_dir_ino = dir == NULL ? 0 : dir->ino,
        .creator = os_process_self(),
        .created_at = os_realtime_us(),
        .generation = record == NULL ? options->after + 1 : record->generation,
        .flags = huge_pages ? SEGMENT_HUGE_PAGES : 0,
        .pid_namespace = os_process_namespaces(),
        .max_processes = options->max_processes,
        .max_backends = options->max_backends,
        .max_held_locks = power_of_two(options->max_held_locks),
        .max_tranches = options->max_tranches,
        .max_lwlocks = options->max_lwlocks,
        .max_structs = options->max_structs,
        .max_children = options->max_children,
        .nonce = record == NULL ? 0 : record->nonce,
        .members_dev = record == NULL ? 0 : record->file.dev,
        .members_ino = record == NULL ? 0 : record->file.ino,
        .area_bytes = options->area_bytes,
        .fingerprint = description_fingerprint(options->description),
        .state = SEGMENT_CREATING,
        .free_offset = size->offset[LWSHM_REGION_AREAS],
    };
    os_boot_id(h.boot_id);
    memcpy(h.region, size->offset, sizeof h.region);
    h.checksum = checksum(&h);
    h.magic = 0;
    *header = h;
}

void header_claim(struct segment_header *header)
{
    /* release: pairs with the acquire load in header_is_ours */
    __atomic_store_n(&header->magic, SEGMENT_MAGIC, __ATOMIC_RELEASE);
}

bool header_is_ours(const struct segment_header *header, uint64_t size,
                    const struct os_data_dir *dir)
{
    uint8_t boot_id[16];
    if (size < sizeof *header || __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) != SEGMENT_MAGIC)
        return false;
    os_boot_id(boot_id);
    return header->data_dir_dev == (dir == NULL ? 0 : dir->dev) &&
           header->data_dir_ino == (dir == NULL ? 0 : dir->ino) &&
           memcmp(header->boot_id, boot_id, sizeof boot_id) == 0;
}

bool header_is_of_record(const struct segment_header *header, uint64_t size,
                         const struct members_record *record)
{
    return size >= sizeof *header &&
           __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) == SEGMENT_MAGIC &&
           header->nonce == record->nonce && header->members_dev == record->file.dev &&
           header->members_ino == record->file.ino &&
           memcmp(header->boot_id, record->boot_id, sizeof header->boot_id) == 0;
}

static int corrupt(const char *field, uint64_t found, const char *rule)
{
    return with_values(fail(LWSHM_E_CORRUPT,
                            "the segment is damaged: %s is %" PRIu64 " (0x%" PRIx64
                            "), but %s; stop every process that uses it and create it again",
                            field, found, found, rule),
                       1, (int64_t)found);
}

static int check_constants(const struct segment_header *h, uint64_t size)
{
    struct lwshm_segment_size plan;
    struct lwshm_segment_options options = {
        .max_processes = h->max_processes,
        .max_backends = h->max_backends,
        .max_held_locks = h->max_held_locks,
        .max_tranches = h->max_tranches,
        .max_lwlocks = h->max_lwlocks,
        .max_structs = h->max_structs,
        .mode = 0600,
    };
    if (h->header_size != sizeof *h)
        return corrupt("header_size", h->header_size, "another number belongs to this ABI version");
    if (h->total_size != size)
        return corrupt("total_size", h->total_size, "the kernel knows another size");
    const struct {
        const char *field;
        uint32_t value, max;
    } limits[] = {
        {"max_processes", h->max_processes, LWSHM_MAX_PROCESSES},
        {"max_backends", h->max_backends, LWSHM_MAX_BACKENDS},
        {"max_held_locks", h->max_held_locks, LWSHM_MAX_HELD_LOCKS},
        {"max_tranches", h->max_tranches, LWSHM_MAX_TRANCHES},
        {"max_lwlocks", h->max_lwlocks, LWSHM_MAX_LWLOCKS},
        {"max_structs", h->max_structs, LWSHM_MAX_STRUCTS},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i].value < 1 || limits[i].value > limits[i].max)
            return corrupt(limits[i].field, limits[i].value, "that is out of its range");
    if (h->max_children >= h->max_backends)
        return corrupt("max_children", h->max_children, "it is less than max_backends");
    if (power_of_two(h->max_held_locks) != h->max_held_locks)
        return corrupt("max_held_locks", h->max_held_locks, "it is a power of two");
    int r = lwshm_segment_plan(&options, &plan);
    if (r < 0)
        return r;
    for (int i = 0; i < LWSHM_REGION_COUNT; i++) {
        if (h->region[i] != plan.offset[i])
            return corrupt(region_names[i], h->region[i], "the limits lead to another offset");
        if (h->region[i] > size)
            return corrupt(region_names[i], h->region[i], "the segment ends before that");
    }
    if (os_identity_pid(h->creator) == 0)
        return corrupt("creator", h->creator, "it names no process");
    if (h->created_at <= 0)
        return corrupt("created_at", (uint64_t)h->created_at, "it is a time after 1970");
    if (h->generation == 0)
        return corrupt("generation", h->generation, "the first one is 1");
    if ((h->flags & ~SEGMENT_HUGE_PAGES) != 0)
        return corrupt("flags", h->flags, "no such flags are known");
    if (h->checksum != checksum(h))
        return corrupt("checksum", h->checksum, "the header adds up to another one");
    return LWSHM_OK;
}

static int check_variables(const struct segment_header *h)
{
    uint32_t state = __atomic_load_n(&h->state, __ATOMIC_ACQUIRE);
    uint64_t free_offset = __atomic_load_n(&h->free_offset, __ATOMIC_ACQUIRE);
    if (state < SEGMENT_CREATING || state > SEGMENT_ADOPTING)
        return corrupt("state", state,
                       "it is 1 (creating), 2 (ready), 3 (dead) or 4 (being adopted)");
    if (__atomic_load_n(&h->stop_mode, __ATOMIC_RELAXED) > LWSHM_STOP_IMMEDIATE)
        return corrupt("stop_mode", h->stop_mode, "it is 0 (none) to 3 (immediate)");
    if (free_offset < h->region[LWSHM_REGION_AREAS] || free_offset > h->total_size ||
        free_offset % CACHE_LINE != 0)
        return corrupt("free_offset", free_offset, "it is a multiple of 64 among the areas");
    if (__atomic_load_n(&h->joined_slots, __ATOMIC_RELAXED) > h->max_backends)
        return corrupt("joined_slots", h->joined_slots, "there are not so many");
    if (h->struct_count > h->max_structs)
        return corrupt("struct_count", h->struct_count, "there is no room for so many");
    if (h->tranche_count > h->max_tranches)
        return corrupt("tranche_count", h->tranche_count, "there is no room for so many");
    return LWSHM_OK;
}

static bool name_is_sound(const char *name, size_t room)
{
    return name[0] != '\0' && memchr(name, '\0', room) != NULL;
}

static int check_index(const struct segment_header *h)
{
    uint32_t count = __atomic_load_n(&h->struct_count, __ATOMIC_ACQUIRE);
    uint64_t free_offset = __atomic_load_n(&h->free_offset, __ATOMIC_ACQUIRE);
    uint64_t end = h->region[LWSHM_REGION_AREAS];
    const struct index_entry *entry =
        (const void *)((const char *)h + h->region[LWSHM_REGION_SHMEM_INDEX]);
    for (uint32_t i = 0; i < count; i++, entry++) {
        if (!name_is_sound(entry->name, sizeof entry->name))
            return corrupt("shmem index: name of entry", i, "a name has 1 to 47 bytes");
        if (entry->offset < end || entry->offset % CACHE_LINE != 0 || entry->offset > free_offset)
            return corrupt("shmem index: offset", entry->offset, "areas follow one another");
        if (entry->size == 0 || entry->size > free_offset - entry->offset)
            return corrupt("shmem index: size", entry->size, "the areas end before that");
        end = entry->offset + lwshm_shmem_allocated_size(entry->size);
    }
    return LWSHM_OK;
}

static int check_tranches(const struct segment_header *h)
{
    uint32_t count = __atomic_load_n(&h->tranche_count, __ATOMIC_ACQUIRE);
    uint64_t next = h->region[LWSHM_REGION_LWLOCKS];
    uint64_t end = next + (uint64_t)h->max_lwlocks * sizeof(struct lwlock);
    const struct tranche_entry *entry =
        (const void *)((const char *)h + h->region[LWSHM_REGION_TRANCHES]);
    for (uint32_t i = 0; i < count; i++, entry++) {
        if (!name_is_sound(entry->name, sizeof entry->name))
            return corrupt("tranches: name of entry", i, "a name has 1 to 63 bytes");
        if (entry->offset != next)
            return corrupt("tranches: offset", entry->offset, "tranches follow one another");
        if (entry->locks == 0 || entry->locks > (end - next) / sizeof(struct lwlock))
            return corrupt("tranches: locks", entry->locks, "there are not so many");
        next += (uint64_t)entry->locks * sizeof(struct lwlock);
    }
    return LWSHM_OK;
}

/* The members of a private segment are told from the dead by /proc. */
static int check_namespaces(const struct segment_header *header)
{
    uint64_t here = os_process_namespaces(), there = header->pid_namespace;
    if (header->data_dir_ino != 0 || here == there)
        return LWSHM_OK;
    if ((uint32_t)here == (uint32_t)there)
        return with_values(
            fail(LWSHM_E_NAMESPACE,
                 "the private segment was made in time namespace %" PRIu64
                 " and this process is in %" PRIu64
                 ", so start times, by which processes are known, differ; run both in one time "
                 "namespace, or use a data directory",
                 there >> 32, here >> 32),
            2, (int64_t)(here >> 32), (int64_t)(there >> 32));
    return with_values(
        fail(LWSHM_E_NAMESPACE,
             "the private segment was made in PID namespace %" PRIu64
             " and this process is in %" PRIu64
             ", so neither could tell whether the other lives; use a data directory, or run both "
             "in one PID namespace (containers: --pid=container:... or --pid=host)",
             there & 0xffffffff, here & 0xffffffff),
        2, (int64_t)(here & 0xffffffff), (int64_t)(there & 0xffffffff));
}

int header_check(const struct segment_header *header, uint64_t size)
{
    int r;
    if (size < sizeof *header)
        return corrupt("size", size, "not even a header fits");
    if (header->abi_version != LWSHM_ABI_VERSION)
        return with_values(
            fail(LWSHM_E_ABI_VERSION,
                 "the segment has ABI version %u and this library %u; run the same version of "
                 "lwshm in all processes of a data directory",
                 header->abi_version, LWSHM_ABI_VERSION),
            2, (int64_t)LWSHM_ABI_VERSION, (int64_t)header->abi_version);
    if ((r = check_constants(header, size)) < 0)
        return r;
    if ((r = check_namespaces(header)) < 0)
        return r;
    if ((r = check_variables(header)) < 0 || (r = check_index(header)) < 0)
        return r;
    return check_tranches(header);
}
