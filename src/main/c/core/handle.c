/* SPDX-License-Identifier: Apache-2.0 */
#include "core/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/segment.h"

int fail_closed(const lwshm_segment *s)
{
    if (s == NULL)
        return fail(LWSHM_E_INVALID, "the handle is NULL");
    if (s->fork_count != os_fork_count)
        return fail(LWSHM_E_CLOSED,
                    "this handle was inherited through fork and belongs to the parent; attach in "
                    "the child");
    return fail(LWSHM_E_CLOSED, "the segment is %s",
                !__atomic_load_n(&s->open, __ATOMIC_ACQUIRE) ? "closed; attach again"
                                                             : "being closed by this process");
}

lwshm_segment *segment_handle_new(const struct segment_place *place, int shmid, int32_t key)
{
    lwshm_segment *s = calloc(1, sizeof *s);
    char *path = place == NULL ? NULL : strdup(place->lock->path);
    if (s == NULL || (place != NULL && path == NULL)) {
        free(s);
        free(path);
        fail_system(ENOMEM, "no memory for a segment handle");
        return NULL;
    }
    os_watch_forks();
    s->fork_count = os_fork_count;
    segment_review(s);
    pthread_mutex_init(&s->allocating, NULL);
    s->spins = os_processors() > 1;
    s->shmid = shmid;
    s->key = key;
    s->data_dir = path;
    s->members = (struct os_members_file){.reference = -1};
    int r = place == NULL ? 0 : os_members_remember(place->dir, &place->lock->file, &s->members);
    if (r == 0)
        return s;
    fail_system(-r, "file \"%s/%s\" cannot be found again", path, OS_MEMBERS_FILE);
    with_file_hint(-r);
    segment_handle_free(s);
    return NULL;
}

void segment_handle_open(lwshm_segment *s)
{
    s->open = true;
    segment_review(s);
}

void segment_review(lwshm_segment *s)
{
    unsigned plain_at;
    /* Again if it is another now: two may be here at once, about different flags. */
    do {
        bool hindered = !__atomic_load_n(&s->open, __ATOMIC_SEQ_CST) ||
                        __atomic_load_n(&s->ending, __ATOMIC_SEQ_CST) ||
                        __atomic_load_n(&s->checks_lock_order, __ATOMIC_SEQ_CST);
        plain_at = hindered ? HANDLE_HINDERED : s->fork_count;
    } while (__atomic_exchange_n(&s->plain_at, plain_at, __ATOMIC_SEQ_CST) != plain_at);
}

void segment_handle_free(lwshm_segment *s)
{
    free(s->lock_order);
    free(s->repairers);
    free(s->data_dir);
    os_members_forget(&s->members);
    os_members_disown(s->hold); /* only a forked child still has one here */
    free(s);
}

void segment_copy_header(lwshm_segment *s, const struct segment_header *header)
{
    s->size = header->total_size;
    memcpy(s->region, header->region, sizeof s->region);
    s->max_processes = header->max_processes;
    s->max_backends = header->max_backends;
    s->max_held_locks = header->max_held_locks;
    s->max_tranches = header->max_tranches;
    s->max_lwlocks = header->max_lwlocks;
    s->max_structs = header->max_structs;
    s->max_children = header->max_children;
    s->nonce = header->nonce;
    s->slot_size = backend_slot_size(header->max_held_locks, header->max_tranches);
    s->info = (struct lwshm_segment_info){
        .size = header->total_size,
        .created_at = header->created_at,
        .generation = header->generation,
        .shmid = s->shmid,
        .key = s->key,
        .creator_pid = os_identity_pid(header->creator),
        .huge_pages = (header->flags & SEGMENT_HUGE_PAGES) != 0,
    };
}
