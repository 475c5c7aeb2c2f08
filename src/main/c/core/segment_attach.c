/*
 * segment_attach.c - finding a segment and entering it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/header.h"
#include "core/process_entry.h"
#include "core/segment.h"
#include "core/survey.h"

static int fail_not_ready(uint64_t creator)
{
    int32_t pid = os_identity_pid(creator);
    if (os_process_is_dead(creator))
        return with_values(fail(LWSHM_E_NOT_READY,
                                "the segment's creator, process %d, ended before it was ready; "
                                "create it again",
                                pid),
                           1, (int64_t)pid);
    return with_values(fail(LWSHM_E_NOT_READY,
                            "the segment is still being created by process %d; try again when it "
                            "has published it",
                            pid),
                       1, (int64_t)pid);
}

/* Checks the segment at s->base and enters this process in it. */
static int enter(lwshm_segment *s, uint64_t size)
{
    const struct segment_header *header = header_of(s);
    /* acquire: pairs with the release in lwshm_segment_publish */
    uint32_t state = __atomic_load_n(&header->state, __ATOMIC_ACQUIRE);
    int r = header_check(header, size);
    if (r < 0)
        return r;
    /* Read after shmat: either we see this, or the creator that writes it sees us attached. */
    if (state == SEGMENT_DEAD)
        return fail(LWSHM_E_NOT_FOUND,
                    "segment %d is of the past and about to be replaced; try again", s->shmid);
    if (state != SEGMENT_READY)
        return fail_not_ready(header->creator);
    segment_adopt(s, header);
    return process_enter(s);
}

static int attach(const char *data_dir, const struct surveyed *found, lwshm_segment **segment)
{
    void *address;
    lwshm_segment *s = segment_handle_new(data_dir, found->shmid, found->key);
    if (s == NULL)
        return LWSHM_E_SYSTEM;
    int r = os_shm_attach(found->shmid, false, &address);
    if (r == -EINVAL || r == -EIDRM)
        r = fail(LWSHM_E_NOT_FOUND, "segment %d was removed just now", found->shmid);
    else if (r < 0)
        r = fail_system(-r, "segment %d cannot be attached: shmat", found->shmid);
    else {
        s->base = address;
        s->mode = found->stat.mode & 0777;
        r = enter(s, found->stat.size);
        if (r == LWSHM_OK) {
            s->open = true;
            segment_review(s);
            *segment = s;
            return LWSHM_OK;
        }
        os_shm_detach(address);
    }
    segment_handle_free(s);
    return r;
}

/* Nothing of ours stands on the directory's keys: says why, as far as the note tells. */
static int fail_not_found(const struct os_data_dir *dir, const char *path)
{
    struct os_segment_note note, here = segment_note(0, -1);
    if (os_segment_note_read(dir, &note) == 0 &&
        memcmp(note.boot_id, here.boot_id, sizeof note.boot_id) == 0) {
        if (note.ipc_namespace != here.ipc_namespace)
            return with_values(
                fail(LWSHM_E_NAMESPACE,
                     "the segment of \"%s\" was made in IPC namespace %" PRIu64
                     " and this process is in %" PRIu64
                     "; run both in one IPC namespace (containers: --ipc=container:... or "
                     "--ipc=host)",
                     path, note.ipc_namespace, here.ipc_namespace),
                2, (int64_t)here.ipc_namespace, (int64_t)note.ipc_namespace);
        if (note.shmid < 0 && note.pid_namespace == here.pid_namespace &&
            !os_process_is_dead(note.creator))
            return fail_not_ready(note.creator);
    }
    return fail(LWSHM_E_NOT_FOUND,
                "data directory \"%s\" has no segment; start the process that creates it", path);
}

static int check_mode(uint32_t *mode)
{
    if (*mode == 0)
        *mode = 0600;
    if ((*mode & ~0660u) != 0)
        return fail(LWSHM_E_INVALID, "mode is 0%o; it takes 0600, 0640 or 0660", *mode);
    return LWSHM_OK;
}

int lwshm_segment_attach(const char *data_dir, uint32_t mode, lwshm_segment **segment)
{
    struct os_data_dir dir;
    struct surveyed found;
    int r = check_mode(&mode);
    if (r < 0 || (r = segment_check_proc()) < 0)
        return r;
    if (data_dir == NULL)
        return fail(LWSHM_E_INVALID, "no data directory was named");
    if ((r = segment_open_data_dir(data_dir, mode, false, &dir)) < 0)
        return r;
    switch (survey_keys(mode, &dir, &found)) {
    case STANDING_UNATTACHED:
    case STANDING_ATTACHED:
        r = attach(data_dir, &found, segment);
        break;
    case STANDING_UNKNOWN:
        r = fail(LWSHM_E_SYSTEM, "segment %d on key %d of \"%s\" cannot be looked at", found.shmid,
                 found.key, data_dir);
        break;
    default:
        r = fail_not_found(&dir, data_dir);
    }
    os_data_dir_close(&dir);
    return r;
}

int lwshm_segment_attach_id(int shmid, uint32_t mode, lwshm_segment **segment)
{
    struct surveyed found = {.key = 0};
    int r = check_mode(&mode);
    if (r < 0 || (r = segment_check_proc()) < 0)
        return r;
    switch (survey_segment(shmid, mode, NULL, &found)) {
    case STANDING_UNATTACHED:
    case STANDING_ATTACHED:
        return attach(NULL, &found, segment);
    case STANDING_GONE:
        return fail(LWSHM_E_NOT_FOUND, "there is no segment %d in this IPC namespace", shmid);
    case STANDING_FOREIGN:
        return fail(LWSHM_E_FOREIGN,
                    "segment %d is not a private segment of lwshm, of this user, with mode 0%o or "
                    "narrower; attach to a data directory's segment by its directory",
                    shmid, mode);
    default:
        return fail(LWSHM_E_SYSTEM, "segment %d cannot be looked at", shmid);
    }
}
