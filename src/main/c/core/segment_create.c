/*
 * segment_create.c - making a segment and publishing it.
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
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/header.h"
#include "core/process_entry.h"
#include "core/segment.h"
#include "core/survey.h"

/* Who creates takes a segment of its own user and directory for its own, whatever its mode. */
#define ANY_MODE 0777
#define CLEARING_TURNS 100
#define CREATION_LOCK_NS (10 * 1000000000ll)

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

static int write_note(const struct os_data_dir *dir, const char *path, int32_t key, int32_t shmid)
{
    struct os_segment_note note = segment_note(key, shmid);
    int r = os_segment_note_write(dir, &note);
    if (r < 0)
        return fail(LWSHM_E_DATA_DIR, "file \"%s/%s\" cannot be written: %s", path, OS_SEGMENT_NOTE,
                    strerror(-r));
    return LWSHM_OK;
}

/* A segment of the directory in another IPC namespace cannot be seen from here.  The note tells
   of it; its creator can be judged only if it is in our PID namespace. */
static int check_namespaces(const struct os_data_dir *dir, const char *path)
{
    struct os_segment_note note, here = segment_note(0, -1);
    if (os_segment_note_read(dir, &note) < 0 || note.shmid < 0 ||
        memcmp(note.boot_id, here.boot_id, sizeof note.boot_id) != 0 ||
        note.ipc_namespace == here.ipc_namespace || note.pid_namespace != here.pid_namespace ||
        os_process_is_dead(note.creator))
        return LWSHM_OK;
    return with_values(
        fail(LWSHM_E_NAMESPACE,
             "data directory \"%s\" has a segment in IPC namespace %" PRIu64
             ", made by process %d, and this process is in %" PRIu64
             "; stop that process first, or run both in one IPC namespace and attach",
             path, note.ipc_namespace, os_identity_pid(note.creator), here.ipc_namespace),
        2, (int64_t)here.ipc_namespace, (int64_t)note.ipc_namespace);
}

/* Removes what an earlier life left of this directory's segment; *generation: its. */
static int clear_the_way(const struct os_data_dir *dir, const char *path, uint32_t *generation)
{
    struct surveyed found;
    int r = check_namespaces(dir, path);
    if (r < 0)
        return r;
    survey_remove_headless(ANY_MODE, dir);
    for (int turn = 0; turn < CLEARING_TURNS; turn++) {
        enum segment_standing standing = survey_keys(ANY_MODE, dir, &found);
        if (standing == STANDING_GONE)
            return LWSHM_OK;
        if (standing != STANDING_UNATTACHED && (r = survey_await_unattached(&found, path)) < 0)
            return r;
        *generation = found.generation;
        if ((r = survey_remove(&found, path)) < 0)
            return r;
    }
    return fail(LWSHM_E_IN_USE,
                "the segment of data directory \"%s\" is of the past, and processes keep attaching "
                "to it; stop them first",
                path);
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
        if (shmid != -EEXIST) {
            os_segment_note_remove(dir); /* or attachers would go on waiting for us */
            return fail_shmget(-shmid, size, huge);
        }
    }
    os_segment_note_remove(dir);
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

static int create(const struct os_data_dir *dir, const struct lwshm_segment_options *o,
                  lwshm_segment **segment)
{
    struct lwshm_segment_size size;
    uint32_t generation = 0;
    int32_t key;
    void *address;
    int r = lwshm_segment_plan(o, &size);
    if (r < 0 || (dir != NULL && (r = clear_the_way(dir, o->data_dir, &generation)) < 0))
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

    lwshm_segment *s = segment_handle_new(o->data_dir, shmid, key);
    if (s == NULL) {
        r = LWSHM_E_SYSTEM;
        goto remove;
    }
    if ((r = os_shm_attach(shmid, false, &address)) < 0) {
        r = fail_system(-r, "the new segment %d of %" PRIu64 " bytes cannot be attached: shmat",
                        shmid, size.total);
        goto free;
    }
    header_write(address, o, &size, dir, (generation > o->after ? generation : o->after) + 1, huge);
    s->base = address;
    s->is_creator = true;
    s->mode = o->mode;
    segment_adopt(s, address);
    if ((r = process_enter(s)) < 0)
        goto detach;
    header_claim(address);
    if (dir != NULL && (r = write_note(dir, o->data_dir, key, shmid)) < 0)
        goto detach;
    s->open = true;
    segment_review(s);
    *segment = s;
    return LWSHM_OK;

detach:
    os_shm_detach(address);
free:
    segment_handle_free(s);
remove:
    os_shm_remove(shmid);
    if (dir != NULL)
        os_segment_note_remove(dir);
    return r;
}

int lwshm_segment_create(const struct lwshm_segment_options *options, lwshm_segment **segment)
{
    struct os_data_dir dir;
    struct lwshm_segment_size size;
    int r = lwshm_segment_plan(options, &size);
    if (r < 0 || (r = segment_check_proc()) < 0)
        return r;
    if (options->data_dir == NULL)
        return create(NULL, options, segment);
    if ((r = segment_open_data_dir(options->data_dir, options->mode, true, &dir)) < 0)
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
