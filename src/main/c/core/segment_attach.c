/*
 * segment_attach.c - finding a segment and entering it, or saying why not.
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
#include "lwshm/version.h"

static bool is_gone(int err)
{
    return err == -EINVAL || err == -EIDRM;
}

/* ---- refusals ---- */

static int fail_not_ready(const struct segment_header *header, uint32_t state)
{
    int32_t pid = os_identity_pid(header->creator);
    if (state == SEGMENT_ADOPTING)
        fail(LWSHM_E_NOT_READY,
             "the segment, which process %d made, is still being adopted by "
             "another; try again when it has published it",
             pid);
    else
        fail(LWSHM_E_NOT_READY,
             "the segment is still being created by process %d; try again when it has published it",
             pid);
    return with_values(LWSHM_E_NOT_READY, 1, (int64_t)pid);
}

static int fail_ipc_namespace(const struct directory_lock *lock,
                              const struct members_record *record)
{
    return with_values(
        fail(LWSHM_E_NAMESPACE,
             "the segment of data directory \"%s\" was made in IPC namespace %" PRIu64
             " and this process is in %" PRIu64
             "; run both in one IPC namespace (containers: --ipc=container:... or "
             "--ipc=host), or stop the processes that use it",
             lock->path, record->ipc_namespace, os_namespace("ipc")),
        2, (int64_t)os_namespace("ipc"), (int64_t)record->ipc_namespace);
}

/* It has members, but no record. */
static int fail_unrecorded(int status, const struct directory_lock *lock,
                           const struct members *members)
{
    return fail_members(status, members, "stop what uses it",
                        "what file \"%s/" OS_MEMBERS_FILE
                        "\" said of the segment has been overwritten, and the segment is still",
                        lock->path);
}

int segment_fail_in_use(const struct directory_lock *lock, const struct members *members)
{
    struct members_record record;
    struct os_shm_stat stat;
    bool is_recorded = members_record_read(lock, &record);
    if (is_recorded && record.ipc_namespace != os_namespace("ipc"))
        return fail_ipc_namespace(lock, &record);
    if (!is_recorded)
        return fail_unrecorded(LWSHM_E_IN_USE, lock, members);
    if (os_shm_stat(record.shmid, &stat) < 0 || stat.removed)
        return fail_members(LWSHM_E_IN_USE, members, "to have a new one, stop what uses it first",
                            "the segment of data directory \"%s\" has been removed (ipcrm, or "
                            "systemd's RemoveIPC) and is still",
                            lock->path);
    return fail_members(LWSHM_E_IN_USE, members,
                        "attach instead of creating, or stop what uses it first",
                        "the segment of data directory \"%s\" (key %d, id %d) is still", lock->path,
                        record.key, record.shmid);
}

/* The segment cannot be attached because it was removed, but it has members. */
static int fail_removed(const struct directory_lock *lock)
{
    struct members members = members_look(lock);
    return fail_members(LWSHM_E_NOT_FOUND, &members, "to have a new one, stop what uses it first",
                        "the segment of data directory \"%s\" has been removed (ipcrm, or "
                        "systemd's RemoveIPC) and is still",
                        lock->path);
}

static int fail_foreign(const struct directory_lock *lock, const struct members_record *record,
                        const struct os_shm_stat *stat, uint32_t mode)
{
    return fail(
        LWSHM_E_FOREIGN,
        "segment %d of data directory \"%s\" belongs to user %u, made by %u, with mode 0%o; "
        "only one of the directory's owner with mode 0%o or narrower is attached: name a "
        "wider mode to accept it",
        record->shmid, lock->path, stat->uid, stat->creator_uid, stat->mode, mode);
}

/* Nobody is in: says what is left. */
static int fail_orphan(const struct directory_lock *lock, const struct members_record *record)
{
    void *address;
    struct os_shm_stat stat;
    if (os_shm_stat(record->shmid, &stat) < 0 || os_shm_attach(record->shmid, true, &address) < 0)
        return fail(LWSHM_E_NOT_FOUND,
                    "data directory \"%s\" has no segment any more; start the process that creates "
                    "it",
                    lock->path);
    const struct segment_header *header = address;
    bool is_ours = header_is_of_record(header, stat.size, record);
    uint32_t state = is_ours ? __atomic_load_n(&header->state, __ATOMIC_ACQUIRE) : SEGMENT_DEAD;
    int32_t pid = is_ours ? os_identity_pid(header->creator) : 0;
    os_shm_detach(address);
    if (state == SEGMENT_CREATING)
        return with_values(fail(LWSHM_E_NOT_READY,
                                "the segment's creator, process %d, ended before it was ready; "
                                "create it again",
                                pid),
                           1, (int64_t)pid);
    return fail(LWSHM_E_NOT_FOUND,
                "the processes that used the segment of data directory \"%s\" (id %d) were all "
                "killed, and nobody is in it; open() adopts it with its data, create() replaces it",
                lock->path, record->shmid);
}

/* ---- entering ---- */

/* Checks the segment at s->base and enters this process in it. */
static int enter(lwshm_segment *s, uint64_t size, const struct directory_lock *lock)
{
    const struct segment_header *header = header_of(s);
    /* acquire: pairs with the release in lwshm_segment_publish */
    uint32_t state = __atomic_load_n(&header->state, __ATOMIC_ACQUIRE);
    int r = header_check(header, size);
    if (r < 0)
        return r;
    if (state == SEGMENT_DEAD)
        return fail(LWSHM_E_NOT_FOUND, "segment %d is being removed", s->shmid);
    if (state != SEGMENT_READY)
        return fail_not_ready(header, state);
    segment_copy_header(s, header);
    return process_enter(s, lock);
}

/* With the segment attached at `address`, which is detached if that fails. */
static int enter_attached(const struct segment_place *place, int shmid, int32_t key, void *address,
                          const struct os_shm_stat *stat, lwshm_segment **segment)
{
    lwshm_segment *s = segment_handle_new(place, shmid, key);
    int r = LWSHM_E_SYSTEM;
    if (s != NULL) {
        s->base = address;
        s->mode = stat->mode;
        r = enter(s, stat->size, place == NULL ? NULL : place->lock);
    }
    if (r == LWSHM_OK) {
        segment_handle_open(s);
        *segment = s;
        return LWSHM_OK;
    }
    os_shm_detach(address);
    if (s != NULL)
        segment_handle_free(s);
    return r;
}

static int attach_live(const struct segment_place *place, const struct members_record *record,
                       uint32_t mode, lwshm_segment **segment)
{
    struct os_shm_stat stat;
    void *address;
    /* By its id: that finds a removed one, too, as long as somebody is in it. */
    int r = os_shm_stat(record->shmid, &stat);
    if (is_gone(r))
        return fail_removed(place->lock);
    if (r == 0 && !survey_is_owned(&stat, place->dir->uid, mode))
        return fail_foreign(place->lock, record, &stat, mode);
    if (r == 0)
        r = os_shm_attach(record->shmid, false, &address);
    if (is_gone(r))
        return fail_removed(place->lock);
    if (r < 0)
        return fail_system(-r, "segment %d cannot be attached: shmat", record->shmid);
    const struct segment_header *header = address;
    /* Another version's header may be another one: that error comes before this. */
    bool is_foreign_version =
        header->magic == SEGMENT_MAGIC && header->abi_version != LWSHM_ABI_VERSION;
    if (!is_foreign_version && !header_is_of_record(header, stat.size, record)) {
        os_shm_detach(address);
        return fail_removed(place->lock); /* another has its id by now */
    }
    return enter_attached(place, record->shmid, record->key, address, &stat, segment);
}

int segment_attach_recorded(const struct segment_place *place, uint32_t mode,
                            lwshm_segment **segment)
{
    struct members_record record;
    bool is_live = members_any(place->lock);
    if (!members_record_read(place->lock, &record) || record.shmid < 0) {
        struct members members = members_look(place->lock);
        if (is_live)
            return fail_unrecorded(LWSHM_E_NOT_FOUND, place->lock, &members);
        return fail(LWSHM_E_NOT_FOUND,
                    "data directory \"%s\" has no segment; start the process that creates it",
                    place->lock->path);
    }
    if (record.ipc_namespace != os_namespace("ipc"))
        return fail_ipc_namespace(place->lock, &record);
    return is_live ? attach_live(place, &record, mode, segment) : fail_orphan(place->lock, &record);
}

/* ---- the public calls ---- */

static int check_mode(uint32_t *mode)
{
    if (*mode == 0)
        *mode = 0600;
    if ((*mode & ~0660u) != 0)
        return fail(LWSHM_E_INVALID, "mode is 0%o; it takes 0600, 0640 or 0660", *mode);
    return LWSHM_OK;
}

static int attach_in_dir(const struct os_data_dir *dir, const char *path, uint32_t mode,
                         lwshm_segment **segment)
{
    struct directory_lock lock;
    /* Until this process is a member: else the last one might leave meanwhile, and another create. */
    int r = directory_lock(dir, path, false, false, &lock);
    if (r < 0)
        return r;
    struct segment_place place = {.dir = dir, .lock = &lock};
    r = segment_attach_recorded(&place, mode, segment);
    directory_unlock(&lock);
    return r;
}

int lwshm_segment_attach(const char *data_dir, uint32_t mode, lwshm_segment **segment)
{
    struct os_data_dir dir;
    int r = check_mode(&mode);
    if (r < 0 || (r = segment_check_proc()) < 0)
        return r;
    if (data_dir == NULL)
        return fail(LWSHM_E_INVALID, "no data directory was named");
    if ((r = segment_open_data_dir(data_dir, mode, false, &dir)) < 0)
        return r;
    r = attach_in_dir(&dir, data_dir, mode, segment);
    os_data_dir_close(&dir);
    return r;
}

int lwshm_segment_attach_id(int shmid, uint32_t mode, lwshm_segment **segment)
{
    struct surveyed found = {.key = 0};
    void *address;
    int r = check_mode(&mode);
    if (r < 0 || (r = segment_check_proc()) < 0)
        return r;
    switch (survey_segment(shmid, mode, NULL, &found)) {
    case STANDING_UNATTACHED:
    case STANDING_ATTACHED:
        r = os_shm_attach(shmid, false, &address);
        if (r == 0)
            return enter_attached(NULL, shmid, 0, address, &found.stat, segment);
        if (!is_gone(r))
            return fail_system(-r, "segment %d cannot be attached: shmat", shmid);
        return fail(LWSHM_E_NOT_FOUND, "segment %d was removed just now", shmid);
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
