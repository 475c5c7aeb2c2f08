/*
 * segment_open.c - attaching to a segment, adopting what the killed have left, or making one.
 *
 * An orphan is a segment that was published and has no members any more.  Its adopter holds the
 * directory's lock exclusively, so nobody enters while it ends what the dead held:
 *
 *   state ADOPTING   from here on only an adopter uses it; if it is killed, the next adopts again
 *   slots, entries   what the dead held is released or poisoned
 *   entry            the segment is in use; the directory's lock is given back
 *   publish          READY, as after a creation
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>

#include "core/description.h"
#include "core/header.h"
#include "core/process_entry.h"
#include "core/recover.h"
#include "core/segment.h"
#include "core/survey.h"
#include "lwshm/version.h"
#include "os/clock.h"

#define LOOK_AGAIN_NS 2000000

/* ---- adopting ---- */

/* The orphan's memory if it is to be adopted, else NULL and `why` says why not; empty: there is
   nothing of which to say anything. */
static void *attach_orphan(const struct segment_place *place, const struct members_record *record,
                           const struct lwshm_segment_options *options, struct os_shm_stat *stat,
                           char *why, size_t capacity)
{
    void *address;
    if (record->shmid < 0 || record->ipc_namespace != os_namespace("ipc") ||
        os_shm_stat(record->shmid, stat) < 0 || !survey_is_owned(stat, place->dir->uid, 0660) ||
        os_shm_attach(record->shmid, false, &address) < 0)
        return NULL;
    const struct segment_header *header = address;
    uint32_t state = SEGMENT_DEAD;
    if (header_is_of_record(header, stat->size, record))
        state = __atomic_load_n(&header->state, __ATOMIC_ACQUIRE);
    if (state == SEGMENT_CREATING) {
        snprintf(why, capacity, "its creator was killed before it was ready");
    } else if (state == SEGMENT_READY || state == SEGMENT_ADOPTING) {
        bool is_known = header->abi_version == LWSHM_ABI_VERSION;
        if (is_known && header_check(header, stat->size) < 0)
            snprintf(why, capacity, "%s", lwshm_last_error()->message);
        else if (stat->mode != options->mode)
            snprintf(why, capacity, "its mode is 0%o, not 0%o", stat->mode, options->mode);
        else if (description_matches(header, options, why, capacity))
            return address;
    }
    os_shm_detach(address);
    return NULL;
}

/* All of them are dead: nobody can enter while the directory's lock is held. */
static void recover_orphan(lwshm_segment *s)
{
    struct segment_header *header = header_of(s);
    for (uint32_t i = 0; i < s->max_backends; i++) {
        recover_any(s, i);
        __atomic_store_n(&slot_at(s, i)->child, 0, __ATOMIC_RELAXED);
    }
    for (uint32_t i = 0; i < s->max_processes; i++)
        __atomic_store_n(&process_at(s, i)->identity, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&header->stop_mode, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&header->allocator, 0, __ATOMIC_RELEASE);
}

static int adopt(const struct segment_place *place, const struct members_record *record,
                 void *address, const struct os_shm_stat *stat, lwshm_segment **segment)
{
    struct segment_header *header = address;
    lwshm_segment *s = segment_handle_new(place, record->shmid, record->key);
    int r = LWSHM_E_SYSTEM;
    if (s != NULL) {
        /* seq_cst: pairs with the exchange in survey_remove */
        __atomic_store_n(&header->state, SEGMENT_ADOPTING, __ATOMIC_SEQ_CST);
        s->base = address;
        s->mode = stat->mode;
        s->is_adopter = true;
        segment_copy_header(s, header);
        recover_orphan(s);
        r = process_enter(s, place->lock);
    }
    if (r == LWSHM_OK) {
        segment_handle_open(s);
        *segment = s;
        return LWSHM_OPENED_ADOPTED;
    }
    os_shm_detach(address);
    if (s != NULL)
        segment_handle_free(s);
    return r;
}

static int adopt_or_make(const struct segment_place *place,
                         const struct lwshm_segment_options *options, char *why, size_t capacity,
                         lwshm_segment **segment)
{
    struct members_record record;
    struct os_shm_stat stat;
    void *address = NULL;
    if (members_record_read(place->lock, &record))
        address = attach_orphan(place, &record, options, &stat, why, capacity);
    if (address != NULL)
        return adopt(place, &record, address, &stat, segment);
    int r = segment_make(place, options, segment);
    return r < 0 ? r : LWSHM_OPENED_CREATED;
}

/* ---- attaching ---- */

static int attach_described(const struct segment_place *place,
                            const struct lwshm_segment_options *options, lwshm_segment **segment)
{
    char why[256];
    int r = segment_attach_recorded(place, options->mode, segment);
    if (r < 0 || description_matches(header_of(*segment), options, why, sizeof why))
        return r < 0 ? r : LWSHM_OPENED_ATTACHED;
    process_leave(*segment);
    os_shm_detach((*segment)->base);
    segment_handle_free(*segment);
    *segment = NULL;
    struct members members = members_look(place->lock);
    return fail_members(
        LWSHM_E_IN_USE, &members, "attach to it as it is, or stop what uses it first",
        "the segment of data directory \"%s\" is not what is described (%s), and is",
        place->lock->path, why);
}

/* ---- the public call ---- */

static int open_once(const struct os_data_dir *dir, const struct lwshm_segment_options *options,
                     char *why, size_t capacity, lwshm_segment **segment)
{
    struct directory_lock lock;
    struct segment_place place = {.dir = dir, .lock = &lock};
    struct members members;
    int r = directory_lock_settled(dir, options->data_dir, options->alone != 0, &lock, &members);
    if (r < 0)
        return r;
    if (members.standing == MEMBERS_NONE)
        r = adopt_or_make(&place, options, why, capacity, segment);
    else if (options->alone != 0)
        r = segment_fail_in_use(&lock, &members);
    else
        r = attach_described(&place, options, segment);
    directory_unlock(&lock);
    return r;
}

int lwshm_segment_open(const struct lwshm_segment_options *options, lwshm_segment **segment,
                       char *replaced, uint32_t capacity)
{
    struct os_data_dir dir;
    struct lwshm_segment_size size;
    char why[LWSHM_ERROR_MESSAGE] = "";
    int64_t deadline = os_monotonic_ns() + options->patience_ms * INT64_C(1000000);
    int r = lwshm_segment_plan(options, &size);
    if (r < 0 || (r = segment_check_proc()) < 0)
        return r;
    if (options->data_dir == NULL)
        return fail(LWSHM_E_INVALID, "a private segment is not opened: create it, or attach to it "
                                     "by its id");
    if ((r = segment_open_data_dir(options->data_dir, options->mode, true, &dir)) < 0)
        return r;
    while ((r = open_once(&dir, options, why, sizeof why, segment)) == LWSHM_E_NOT_READY &&
           os_monotonic_ns() < deadline)
        os_sleep_ns(LOOK_AGAIN_NS);
    os_data_dir_close(&dir);
    if (replaced != NULL && capacity > 0)
        snprintf(replaced, capacity, "%s", r == LWSHM_OPENED_CREATED ? why : "");
    return r;
}
