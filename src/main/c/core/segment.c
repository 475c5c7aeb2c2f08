/*
 * segment.c - the handle of a segment, from its making to its end.
 *
 * segment_create.c and segment_attach.c fill it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE /* realpath */
#include "core/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend_slot.h"
#include "core/process_entry.h"
#include "core/recover.h"
#include "lwshm/postmaster.h"
#include "os/sysv_shm.h"

int segment_open_data_dir(const char *path, uint32_t mode, bool for_creating,
                          struct os_data_dir *dir)
{
    int r = os_data_dir_open(path, dir);
    if (r == -ENOENT)
        return fail(LWSHM_E_DATA_DIR,
                    "data directory \"%s\" does not exist; make it (mkdir -m 700)", path);
    if (r == -ENOTDIR)
        return fail(LWSHM_E_DATA_DIR, "\"%s\" is not a directory; name the data directory", path);
    if (r < 0) {
        fail(LWSHM_E_DATA_DIR, "data directory \"%s\" cannot be opened: %s", path, strerror(-r));
        return with_file_hint(-r);
    }
    bool group = (mode & 0060) != 0 && !for_creating;
    if (dir->uid != os_user() && !group) {
        fail(LWSHM_E_DATA_DIR,
             "data directory \"%s\" belongs to user %u and this process runs as user %u; run it as "
             "the owner, or give it a directory of its own",
             path, dir->uid, os_user());
        os_data_dir_close(dir);
        return LWSHM_E_DATA_DIR;
    }
    if (for_creating && (r = os_data_dir_writable(dir)) < 0) {
        fail(LWSHM_E_DATA_DIR, "data directory \"%s\" is not writable: %s; chmod u+rwx it", path,
             strerror(-r));
        os_data_dir_close(dir);
        return LWSHM_E_DATA_DIR;
    }
    return LWSHM_OK;
}

int segment_absolute_data_dir(const lwshm_segment *s, char *path)
{
    if (s->data_dir == NULL)
        return fail(LWSHM_E_INVALID, "the segment is private, and children find theirs by its data "
                                     "directory; create it with one");
    char *real = realpath(s->data_dir, NULL);
    if (real == NULL)
        return fail(LWSHM_E_DATA_DIR, "the path of data directory \"%s\" cannot be resolved: %s",
                    s->data_dir, strerror(errno));
    size_t length = strlen(real);
    if (length <= LWSHM_DATA_DIR_MAX)
        memcpy(path, real, length + 1);
    free(real);
    return length <= LWSHM_DATA_DIR_MAX
               ? LWSHM_OK
               : fail(LWSHM_E_DATA_DIR,
                      "the path of data directory \"%s\" has %zu bytes and may "
                      "have %d; move it up",
                      s->data_dir, length, LWSHM_DATA_DIR_MAX);
}

int segment_check_proc(void)
{
    static const uint8_t none[16];
    uint8_t boot_id[16];
    int r = os_boot_id(boot_id);
    if (r == 0 && os_process_self() == 0)
        r = -errno;
    if (r == 0 && (os_namespace("pid") == 0 || os_namespace("ipc") == 0 ||
                   memcmp(boot_id, none, sizeof none) == 0))
        r = -ENOENT;
    if (r == 0)
        return LWSHM_OK;
    fail_system(-r, "/proc does not tell who this process is");
    return r == -EMFILE || r == -ENFILE
               ? with_hint("; close some files, or raise the limit on them (ulimit -n)")
               : with_hint("; mount /proc");
}

static int fail_busy(const lwshm_segment *s)
{
    int count = 0;
    fail(LWSHM_E_BUSY, "%u backends of this process are still joined; leave them first",
         __atomic_load_n(&s->joined, __ATOMIC_RELAXED));
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
    recover_own(&rest);
    process_leave(&rest);
    s->hold = rest.hold;
    os_shm_detach(again);
    return LWSHM_OK;
}

int lwshm_segment_refuse_acquires(lwshm_segment *s)
{
    if (!is_open(s))
        return fail_closed(s);
    __atomic_store_n(&s->ending, true, __ATOMIC_SEQ_CST);
    segment_review(s);
    return LWSHM_OK;
}

/* Takes the memory away, once this process's backends and entry are given back. */
static int leave(lwshm_segment *s, enum lwshm_detach how)
{
    if (how == LWSHM_DETACH_FENCE)
        return fence(s);
    process_sign_off(s);
    int r = how == LWSHM_DETACH_UNMAP ? os_shm_detach(s->base)
                                      : os_shm_detach_keep_address(s->base, s->size);
    if (r == 0) {
        process_let_go(s);
        return LWSHM_OK;
    }
    /* With the memory there still, it is a member still. */
    int back = process_sign_on_again(s);
    return back < 0 ? back : fail_system(-r, "segment %d cannot be detached", s->shmid);
}

/* An adopter that gives up leaves the data to the next. */
static bool is_being_adopted(const lwshm_segment *s)
{
    return __atomic_load_n(&header_of(s)->state, __ATOMIC_ACQUIRE) == SEGMENT_ADOPTING;
}

static void remove_if_last(const lwshm_segment *s, const struct directory_lock *lock)
{
    struct members_record record;
    if (members_any(lock) || !members_record_read(lock, &record) || record.shmid != s->shmid ||
        record.nonce != s->nonce)
        return;
    /* In this order: a record that names a segment that is gone does no harm. */
    os_shm_remove(s->shmid);
    members_record_erase(lock);
}

static int leave_private(lwshm_segment *s, enum lwshm_detach how)
{
    struct os_shm_stat stat;
    int r = leave(s, how);
    if (r == LWSHM_OK && os_shm_stat(s->shmid, &stat) == 0 && stat.attached == 0)
        os_shm_remove(s->shmid);
    return r;
}

/* With the directory's lock from before this process's byte is free, so that nobody takes the
   segment of a process that ends in order for one that was left by the dead. */
static int leave_directory(lwshm_segment *s, enum lwshm_detach how)
{
    struct directory_lock lock;
    bool is_locked = directory_lock_to_leave(s, &lock);
    bool stays = is_being_adopted(s);
    int r = leave(s, how);
    if (is_locked) {
        if (r == LWSHM_OK && !stays)
            remove_if_last(s, &lock);
        directory_unlock(&lock);
    }
    return r;
}

int lwshm_segment_detach(lwshm_segment *s, enum lwshm_detach how)
{
    if (s == NULL || s->fork_count != os_fork_count)
        return fail_closed(s);
    if (!is_open(s))
        return LWSHM_OK;
    int r = LWSHM_OK;
    /* seq_cst: who joins counts itself first and reads this then, so one of us sees the other */
    __atomic_store_n(&s->closing, true, __ATOMIC_SEQ_CST);
    if (how == LWSHM_DETACH_FENCE) {
        __atomic_store_n(&s->ending, true, __ATOMIC_SEQ_CST);
        segment_review(s);
    } else if (__atomic_load_n(&s->joined, __ATOMIC_SEQ_CST) != 0) {
        r = fail_busy(s);
    }
    if (r == LWSHM_OK)
        r = s->data_dir == NULL ? leave_private(s, how) : leave_directory(s, how);
    if (r == LWSHM_OK) {
        __atomic_store_n(&s->open, false, __ATOMIC_SEQ_CST);
    } else {
        __atomic_store_n(&s->ending, false, __ATOMIC_SEQ_CST);
        __atomic_store_n(&s->closing, false, __ATOMIC_SEQ_CST);
    }
    segment_review(s);
    return r;
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
    segment_handle_free(s);
    return LWSHM_OK;
}

static bool is_removed(const lwshm_segment *s)
{
    struct os_shm_stat stat;
    int r = os_shm_stat(s->shmid, &stat);
    return r == 0 ? stat.removed : r == -EINVAL || r == -EIDRM;
}

int lwshm_segment_info(const lwshm_segment *s, struct lwshm_segment_info *info)
{
    if (s == NULL || s->fork_count != os_fork_count)
        return fail_closed(s);
    *info = s->info;
    info->is_creator = s->is_creator;
    info->is_adopter = s->is_adopter;
    info->is_removed = is_removed(s);
    info->process = s->process;
    info->base = is_open(s) ? (uint64_t)(uintptr_t)s->base : 0;
    info->is_ready =
        is_open(s) && __atomic_load_n(&header_of(s)->state, __ATOMIC_ACQUIRE) == SEGMENT_READY;
    return LWSHM_OK;
}
