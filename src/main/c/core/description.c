/* SPDX-License-Identifier: Apache-2.0 */
#include "core/description.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checksum.h"
#include "lwshm/version.h"

uint64_t description_fingerprint(const char *description)
{
    return description == NULL ? fnv1a("", 0) : fnv1a(description, strlen(description));
}

/* ---- what differs, for messages ---- */

static const void *region(const struct segment_header *header, enum lwshm_region which)
{
    return (const char *)header + header->region[which];
}

static bool find_struct(const struct segment_header *header, const char *name, uint64_t *size)
{
    const struct index_entry *entry = region(header, LWSHM_REGION_SHMEM_INDEX);
    for (uint32_t i = 0; i < header->struct_count; i++)
        if (strcmp(entry[i].name, name) == 0) {
            *size = entry[i].size;
            return true;
        }
    return false;
}

static bool find_tranche(const struct segment_header *header, const char *name, uint64_t *locks)
{
    const struct tranche_entry *entry = region(header, LWSHM_REGION_TRANCHES);
    for (uint32_t i = 0; i < header->tranche_count; i++)
        if (strcmp(entry[i].name, name) == 0) {
            *locks = entry[i].locks;
            return true;
        }
    return false;
}

/* True if a line of a description, "struct SIZE NAME" or "tranche LOCKS NAME", is not so. */
static bool line_differs(const struct segment_header *header, const char *line, char *why,
                         size_t capacity)
{
    char kind[16], name[LWSHM_TRANCHE_NAME_MAX + 1];
    uint64_t asked, found = 0;
    if (sscanf(line, "%15s %" SCNu64 " %63[^\n]", kind, &asked, name) != 3)
        return false;
    bool is_struct = strcmp(kind, "struct") == 0;
    if (!is_struct && strcmp(kind, "tranche") != 0)
        return false;
    bool is_there =
        is_struct ? find_struct(header, name, &found) : find_tranche(header, name, &found);
    if (is_there && found == asked)
        return false;
    if (is_there)
        snprintf(why, capacity, "%s \"%s\" has %" PRIu64 " %s, not %" PRIu64, kind, name, found,
                 is_struct ? "bytes" : "locks", asked);
    else
        snprintf(why, capacity, "it has no %s \"%s\"", kind, name);
    return true;
}

static void tell_descriptions_apart(const struct segment_header *header, const char *description,
                                    char *why, size_t capacity)
{
    for (const char *line = description; line != NULL && *line != '\0';) {
        if (line_differs(header, line, why, capacity))
            return;
        line = strchr(line, '\n');
        if (line != NULL)
            line++;
    }
    snprintf(why, capacity,
             "its version or what else describes it differs, or it has structs or tranches that "
             "are described no more");
}

/* ---- the comparison ---- */

bool description_matches(const struct segment_header *header,
                         const struct lwshm_segment_options *options, char *why, size_t capacity)
{
    const struct {
        const char *name;
        uint64_t found, asked;
    } numbers[] = {
        {"ABI version", header->abi_version, LWSHM_ABI_VERSION},
        {"max_processes", header->max_processes, options->max_processes},
        {"max_backends", header->max_backends, options->max_backends},
        {"max_tranches", header->max_tranches, options->max_tranches},
        {"max_lwlocks", header->max_lwlocks, options->max_lwlocks},
        {"max_structs", header->max_structs, options->max_structs},
        {"max_children", header->max_children, options->max_children},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].found != numbers[i].asked) {
            snprintf(why, capacity, "its %s is %" PRIu64 ", not %" PRIu64, numbers[i].name,
                     numbers[i].found, numbers[i].asked);
            return false;
        }
    /* It was made a power of two. */
    if (options->max_held_locks > header->max_held_locks ||
        options->max_held_locks <= header->max_held_locks / 2) {
        snprintf(why, capacity, "its max_held_locks is %u, not %u", header->max_held_locks,
                 options->max_held_locks);
        return false;
    }
    if (header->fingerprint != description_fingerprint(options->description)) {
        tell_descriptions_apart(header, options->description, why, capacity);
        return false;
    }
    if (header->area_bytes != options->area_bytes) {
        snprintf(why, capacity, "its areas have %" PRIu64 " bytes, not %" PRIu64,
                 header->area_bytes, options->area_bytes);
        return false;
    }
    return true;
}
