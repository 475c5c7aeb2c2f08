/*
 * segment.c - creating, attaching, detaching, deleting.
 *
 * Creators of one directory exclude each other with the kernel's lock on it, which dies
 * with its holder; attachers take no lock.  The steps of a creation, each of which may
 * be the creator's last:
 *
 *   note (key, who)    a headless segment on that key can be told from a stranger's
 *   shmget             ... and is removed by the next creator
 *   header, magic last from here on it is known as ours; attachers hear "not ready"
 *   note (id)          who looks in another IPC namespace hears why nothing is there
 *   publish            READY, the last store
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lwshm/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend_slot.h"
#include "core/header.h"
#include "core/process_entry.h"
#include "core/survey.h"
#include "os/clock.h"

#define CREATION_LOCK_NS (10 * 1000000000ll)

int fail_closed(const lwshm_segment *s)
{
    if (s == NULL)
        return fail(LWSHM_E_INVALID, "the handle is NULL");
    if (s->fork_count != os_fork_count)
        return fail(LWSHM_E_CLOSED,
                    "this handle was inherited through fork and belongs to the parent; attach in "
                    "the child");
    return fail(LWSHM_E_CLOSED, "the segment is %s",
                s->base == NULL ? "detached; attach again" : "being closed by this process");
}

/* ---- the data directory ---- */

static int open_data_dir(const char *path, uint32_t mode, bool for_writing, struct os_data_dir *dir)
{
    int r = os_data_dir_open(path, dir);
    if (r == -ENOENT)
        return fail(LWSHM_E_DATA_DIR, "data directory \"%s\" does not exist; make it (mkdir -m 700)",
                    path);
    if (r == -ENOTDIR)
        return fail(LWSHM_E_DATA_DIR, "\"%s\" is not a directory; name the data directory", path);
    if (r < 0)
        return fail(LWSHM_E_DATA_DIR, "data directory \"%s\" cannot be opened: %s", path,
                    strerror(-r));
    bool group = (mode & 0060) != 0 && !for_writing;
    if (dir->uid != os_user() && !group) {
        fail(LWSHM_E_DATA_DIR,
             "data directory \"%s\" belongs to user %u and this process runs as user %u; run it as "
             "the owner, or give it a directory of its own",
             path, dir->uid, os_user());
        os_data_dir_close(dir);
        return LWSHM_E_DATA_DIR;
    }
    if (for_writing && (r = os_data_dir_writable(dir)) < 0) {
        fail(LWSHM_E_DATA_DIR, "data directory \"%s\" is not writable: %s; chmod u+rwx it", path,
             strerror(-r));
        os_data_dir_close(dir);
        return LWSHM_E_DATA_DIR;
    }
    return LWSHM_OK;
}

/* ---- making one ---- */

static int fail_shmget(int err, uint64_t size, bool huge)
{
    fail_system(err, "a segment of %" PRIu64 " bytes cannot be made: shmget", size);
    switch (err) {
    case EINVAL:
        return with_hint("; kernel.shmmax allows %" PRIu64 " bytes: raise it or ask for less",
                         os_kernel_setting("/proc/sys/kernel/shmmax"));
    case ENOMEM:
        if (huge)
            return with_hint("; vm.nr_hugepages is %" PRIu64 ", and a huge page has %" PRIu64
                             " bytes: raise it, or use huge_pages try or off",
                             os_kernel_setting("/proc/sys/vm/nr_hugepages"), os_huge_page_size());
        return with_hint("; the kernel has not so much memory to promise (vm.overcommit_memory is "
                         "%" PRIu64 "): ask for less",
                         os_kernel_setting("/proc/sys/vm/overcommit_memory"));
    case ENOSPC:
        return with_hint("; kernel.shmmni allows %" PRIu64 " segments and kernel.shmall %" PRIu64
                         " pages in all: remove some (ipcs -m, ipcrm) or raise them",
                         os_kernel_setting("/proc/sys/kernel/shmmni"),
                         os_kernel_setting("/proc/sys/kernel/shmall"));
    case EPERM:
        return with_hint("; huge pages are for members of group vm.hugetlb_shm_group, which is "
                         "%" PRIu64 ", and for CAP_IPC_LOCK",
                         os_kernel_setting("/proc/sys/vm/hugetlb_shm_group"));
    default:
        return LWSHM_E_SYSTEM;
    }
}

static bool is_collision(int err)
{
    return err == -EEXIST || err == -EACCES || err == -EIDRM;
}

/* PostgreSQL's InternalIpcMemoryCreate: the id, -EEXIST for a collision, or -errno.
   EINVAL means "too large" or, to some kernels, "there is a smaller one": asking for
   nothing tells them apart. */
static int make_on_key(int32_t key, uint64_t size, uint32_t mode, bool huge)
{
    int shmid = os_shm_create(key, size, mode, huge);
    if (shmid == -EINVAL && key != 0) {
        int probe = os_shm_create(key, 0, mode, false);
        if (probe >= 0)
            os_shm_remove(probe);
        else if (is_collision(probe))
            return -EEXIST;
    }
    return is_collision(shmid) ? -EEXIST : shmid;
}

static struct os_segment_note note_of(int32_t key, int32_t shmid)
{
    struct os_segment_note note = {.key = key,
                                   .shmid = shmid,
                                   .creator = os_process_self(),
                                   .ipc_namespace = os_namespace("ipc"),
                                   .pid_namespace = os_namespace("pid")};
    os_boot_id(note.boot_id);
    return note;
}

static int write_note(const struct os_data_dir *dir, const char *path, int32_t key, int32_t shmid)
{
    struct os_segment_note note = note_of(key, shmid);
    int r = os_segment_note_write(dir, &note);
    if (r < 0)
        return fail(LWSHM_E_DATA_DIR, "file \"%s/%s\" cannot be written: %s", path, OS_SEGMENT_NOTE,
                    strerror(-r));
    return LWSHM_OK;
}

/* Removes what an earlier life left of this directory's segment; *generation: its. */
static int clear_the_way(const struct os_data_dir *dir, const char *path, uint32_t mode,
                         uint32_t *generation)
{
    struct surveyed found;
    survey_remove_headless(mode, dir);
    for (int turn = 0; turn < 3; turn++) {
        enum segment_standing standing = survey_keys(mode, dir, &found);
        if (standing == STANDING_GONE)
            return LWSHM_OK;
        if (standing != STANDING_UNATTACHED) {
            int r = survey_await_unattached(&found, path);
            if (r < 0)
                return r;
        }
        *generation = found.generation;
        int r = os_shm_remove(found.shmid);
        if (r < 0 && r != -EINVAL && r != -EIDRM)
            return fail_system(-r, "the old segment %d of \"%s\" cannot be removed: shmctl",
                               found.shmid, path);
    }
    return fail(LWSHM_E_IN_USE, "segments of data directory \"%s\" keep appearing", path);
}

/* The id of a fresh segment, on the first key of the directory that is free. */
static int make_in_dir(const struct os_data_dir *dir, const char *path, uint64_t size,
                       uint32_t mode, bool huge, int32_t *key)
{
    for (uint32_t i = 0; i < SURVEY_KEYS; i++) {
        *key = survey_key(dir, i);
        if (os_shm_find(*key) != -ENOENT)
            continue; /* a stranger's: ours has been cleared away */
        int r = write_note(dir, path, *key, -1);
        if (r < 0)
            return r;
        int shmid = make_on_key(*key, size, mode, huge);
        if (shmid >= 0)
            return shmid;
        if (shmid != -EEXIST)
            return fail_shmget(-shmid, size, huge);
    }
    return fail(LWSHM_E_SYSTEM,
                "all %d keys from %d on, those of data directory \"%s\", are taken by others' "
                "segments; remove some (ipcs -m, ipcrm)",
                SURVEY_KEYS, survey_key(dir, 0), path);
}

static int make(const struct os_data_dir *dir, const struct lwshm_segment_options *o, uint64_t size,
                bool huge, int32_t *key)
{
    if (dir != NULL)
        return make_in_dir(dir, o->data_dir, size, o->mode, huge, key);
    *key = 0;
    int shmid = make_on_key(0, size, o->mode, huge);
    return shmid < 0 ? fail_shmget(-shmid, size, huge) : shmid;
}

/* ---- the handle ---- */

static lwshm_segment *new_handle(const char *data_dir, int shmid, int32_t key)
{
    lwshm_segment *s = calloc(1, sizeof *s);
    char *path = data_dir == NULL ? NULL : strdup(data_dir);
    if (s == NULL || (data_dir != NULL && path == NULL)) {
        free(s);
        free(path);
        fail_system(ENOMEM, "no memory for a segment handle");
        return NULL;
    }
    os_watch_forks();
    s->fork_count = os_fork_count;
    s->identity = os_process_self();
    s->spins = os_processors() > 1;
    s->shmid = shmid;
    s->key = key;
    s->data_dir = path;
    return s;
}

static void free_handle(lwshm_segment *s)
{
    free(s->data_dir);
    free(s);
}

static void adopt_header(lwshm_segment *s, const struct segment_header *header)
{
    s->size = header->total_size;
    memcpy(s->region, header->region, sizeof s->region);
    s->max_processes = header->max_processes;
    s->max_backends = header->max_backends;
    s->max_held_locks = header->max_held_locks;
    s->max_tranches = header->max_tranches;
    s->max_lwlocks = header->max_lwlocks;
    s->max_structs = header->max_structs;
    s->slot_size = backend_slot_size(header->max_held_locks);
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

/* ---- create ---- */

static int create(const struct os_data_dir *dir, const struct lwshm_segment_options *o,
                  lwshm_segment **segment)
{
    struct lwshm_segment_size size;
    uint32_t generation = 0;
    int32_t key;
    void *address;
    int r = lwshm_segment_plan(o, &size);
    if (r < 0 || (dir != NULL && (r = clear_the_way(dir, o->data_dir, o->mode, &generation)) < 0))
        return r;

    uint64_t huge_page = os_huge_page_size();
    uint64_t normal = size.total;
    bool huge = o->huge_pages != LWSHM_HUGE_PAGES_OFF && huge_page != 0;
    if (o->huge_pages == LWSHM_HUGE_PAGES_ON && !huge)
        return fail_system(ENOSYS, "huge_pages is on, and this kernel has none");
    if (huge)
        size.total = (size.total + huge_page - 1) / huge_page * huge_page;
    int shmid = make(dir, o, size.total, huge, &key);
    if (shmid < 0 && huge && o->huge_pages == LWSHM_HUGE_PAGES_TRY) {
        huge = false;
        size.total = normal;
        shmid = make(dir, o, size.total, huge, &key);
    }
    if (shmid < 0)
        return shmid;

    lwshm_segment *s = new_handle(o->data_dir, shmid, key);
    if (s == NULL) {
        r = LWSHM_E_SYSTEM;
        goto remove;
    }
    if ((r = os_shm_attach(shmid, false, &address)) < 0) {
        r = fail_system(-r, "the new segment %d of %" PRIu64 " bytes cannot be attached: shmat",
                        shmid, size.total);
        goto free;
    }
    header_write(address, o, &size, dir, generation + 1, huge);
    s->base = address;
    s->is_creator = true;
    adopt_header(s, address);
    if ((r = process_enter(s)) < 0)
        goto detach;
    header_claim(address);
    if (dir != NULL && (r = write_note(dir, o->data_dir, key, shmid)) < 0)
        goto detach;
    *segment = s;
    return LWSHM_OK;

detach:
    os_shm_detach(address);
free:
    free_handle(s);
remove:
    os_shm_remove(shmid);
    return r;
}

int lwshm_segment_create(const struct lwshm_segment_options *options, lwshm_segment **segment)
{
    struct os_data_dir dir;
    struct lwshm_segment_size size;
    int r = lwshm_segment_plan(options, &size);
    if (r < 0)
        return r;
    if (options->data_dir == NULL)
        return create(NULL, options, segment);
    if ((r = open_data_dir(options->data_dir, options->mode, true, &dir)) < 0)
        return r;
    r = os_data_dir_lock(&dir, CREATION_LOCK_NS);
    if (r == 0) {
        r = create(&dir, options, segment);
        os_data_dir_unlock(&dir);
    } else {
        r = r == -EWOULDBLOCK
                ? fail(LWSHM_E_IN_USE,
                       "another process has been creating a segment in \"%s\" for %lld seconds; "
                       "see who holds the directory open (fuser, lsof)",
                       options->data_dir, CREATION_LOCK_NS / 1000000000)
                : fail_system(-r, "data directory \"%s\" cannot be locked: flock",
                              options->data_dir);
    }
    os_data_dir_close(&dir);
    return r;
}

int lwshm_segment_publish(lwshm_segment *s)
{
    if (!is_open(s))
        return fail_closed(s);
    if (!s->is_creator)
        return fail(LWSHM_E_INVALID, "only the creator publishes a segment");
    /* release: pairs with the acquire load of `state` in enter() */
    __atomic_store_n(&header_of(s)->state, SEGMENT_READY, __ATOMIC_RELEASE);
    return LWSHM_OK;
}

/* ---- attach ---- */

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
    if (state != SEGMENT_READY)
        return fail_not_ready(header->creator);
    adopt_header(s, header);
    return process_enter(s);
}

static int attach(const char *data_dir, const struct surveyed *found, lwshm_segment **segment)
{
    void *address;
    lwshm_segment *s = new_handle(data_dir, found->shmid, found->key);
    if (s == NULL)
        return LWSHM_E_SYSTEM;
    int r = os_shm_attach(found->shmid, false, &address);
    if (r == -EINVAL || r == -EIDRM)
        r = fail(LWSHM_E_NOT_FOUND, "segment %d was removed just now", found->shmid);
    else if (r < 0)
        r = fail_system(-r, "segment %d cannot be attached: shmat", found->shmid);
    else {
        s->base = address;
        r = enter(s, found->stat.size);
        if (r == LWSHM_OK) {
            *segment = s;
            return LWSHM_OK;
        }
        os_shm_detach(address);
    }
    free_handle(s);
    return r;
}

/* Nothing of ours stands on the directory's keys: says why, as far as the note tells. */
static int fail_not_found(const struct os_data_dir *dir, const char *path)
{
    struct os_segment_note note, here = note_of(0, -1);
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
    if (r < 0)
        return r;
    if (data_dir == NULL)
        return fail(LWSHM_E_INVALID, "no data directory was named");
    if ((r = open_data_dir(data_dir, mode, false, &dir)) < 0)
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
    if (r < 0)
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

/* ---- detach, delete, close ---- */

static int fail_busy(const lwshm_segment *s)
{
    int count = 0;
    fail(LWSHM_E_BUSY, "%u backends of this process are still joined; leave them first", s->joined);
    for (uint32_t i = 0; i < s->max_backends && count < LWSHM_ERROR_VALUES; i++) {
        uint64_t identity = __atomic_load_n(&slot_at(s, i)->identity, __ATOMIC_ACQUIRE);
        if (slot_state(identity) == BACKEND_JOINED && slot_process(identity) == s->process) {
            with_values(LWSHM_E_BUSY, 1, (int64_t)i);
            count++;
        }
    }
    return LWSHM_E_BUSY;
}

/* Takes the segment from under every thread of this process, then ends what they left. */
static int fence(lwshm_segment *s)
{
    void *again;
    int r = os_shm_attach(s->shmid, false, &again);
    if (r < 0)
        return fail_system(-r, "segment %d cannot be attached again: shmat", s->shmid);
    if ((r = os_shm_detach_keep_address(s->base, s->size)) < 0) {
        os_shm_detach(again);
        return fail_system(-r, "segment %d cannot be replaced by zeros: mmap", s->shmid);
    }
    lwshm_segment rest = *s; /* a view that no other thread knows */
    rest.base = again;
    backend_slots_end(&rest);
    process_leave(&rest);
    os_shm_detach(again);
    return LWSHM_OK;
}

int lwshm_segment_detach(lwshm_segment *s, enum lwshm_detach how)
{
    if (s == NULL || s->fork_count != os_fork_count)
        return fail_closed(s);
    if (s->base == NULL)
        return LWSHM_OK;
    int r = LWSHM_OK;
    __atomic_store_n(&s->ending, true, __ATOMIC_SEQ_CST);
    bool busy = __atomic_load_n(&s->joined, __ATOMIC_SEQ_CST) != 0;
    if (busy && how != LWSHM_DETACH_FENCE) {
        r = fail_busy(s);
    } else if (how == LWSHM_DETACH_FENCE) {
        r = fence(s);
    } else {
        process_leave(s);
        r = how == LWSHM_DETACH_UNMAP ? os_shm_detach(s->base)
                                      : os_shm_detach_keep_address(s->base, s->size);
        if (r < 0)
            r = fail_system(-r, "segment %d cannot be detached", s->shmid);
    }
    if (r == LWSHM_OK)
        s->base = NULL;
    else
        __atomic_store_n(&s->ending, false, __ATOMIC_SEQ_CST);
    return r;
}

int lwshm_segment_delete(lwshm_segment *s)
{
    struct os_data_dir dir;
    struct os_segment_note note;
    if (s == NULL || s->fork_count != os_fork_count)
        return fail_closed(s);
    int r = os_shm_remove(s->shmid);
    if (r < 0 && r != -EINVAL && r != -EIDRM)
        return fail_system(-r, "segment %d cannot be removed: shmctl", s->shmid);
    if (s->data_dir != NULL && os_data_dir_open(s->data_dir, &dir) == 0) {
        if (os_segment_note_read(&dir, &note) == 0 && note.shmid == s->shmid)
            os_segment_note_remove(&dir);
        os_data_dir_close(&dir);
    }
    return LWSHM_OK;
}

int lwshm_segment_close(lwshm_segment *s)
{
    if (s == NULL)
        return LWSHM_OK;
    if (s->fork_count == os_fork_count) {
        int r = lwshm_segment_detach(s, LWSHM_DETACH_UNMAP);
        if (r < 0)
            return r;
    }
    free_handle(s);
    return LWSHM_OK;
}

int lwshm_segment_info(const lwshm_segment *s, struct lwshm_segment_info *info)
{
    if (s == NULL || s->fork_count != os_fork_count)
        return fail_closed(s);
    *info = s->info;
    info->is_creator = s->is_creator;
    info->process = s->process;
    info->base = (uint64_t)(uintptr_t)s->base;
    info->is_ready = s->base != NULL && __atomic_load_n(&header_of(s)->state, __ATOMIC_ACQUIRE) ==
                                            SEGMENT_READY;
    return LWSHM_OK;
}
