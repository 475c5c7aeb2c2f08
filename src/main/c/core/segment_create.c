/*
 * segment_create.c - making a segment and publishing it.
 *
 * Creators of one directory exclude each other, and whoever enters or leaves, with the
 * directory's lock: byte 0 of the members file.  The steps of a creation, each of which may be the
 * creator's last:
 *
 *   record (key, nonce)  a headless segment on that key can be told from a stranger's
 *   shmget               ... and is removed by the next creator
 *   header, magic last   from here on it is known as ours
 *   record (id)          from here on the directory has a segment
 *   entry                ... that is in use; the directory's lock is given back
 *   publish              READY, the last store
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
#include "os/clock.h"

/* A creator in another directory whose keys overlap attaches a segment briefly to look at it. */
#define LOOK_NS (1000 * 1000000ll)
#define LOOK_AGAIN_NS 1000000

/* Who creates takes a segment of its own user and directory for its own, whatever its mode. */
#define ANY_MODE 0777

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

/* ---- what is there already ---- */

/* Nobody is in, by the members file; still somebody has a segment of the directory attached: the
   file was removed or replaced under its members, or they use another version of lwshm. */
static int fail_attached(const struct surveyed *found, const char *path)
{
    struct members members = {.standing = MEMBERS_ALIVE};
    members.count = os_processes_mapping(found->shmid, members.pids, LWSHM_ERROR_VALUES);
    return fail_members(
        LWSHM_E_IN_USE, &members,
        "stop them first: the file was removed under them, or they use another "
        "version of lwshm",
        "data directory \"%s\" has a segment (key %d, id %d) that its file " OS_MEMBERS_FILE
        " does not name, and that is",
        path, found->key, found->shmid);
}

/* Waits until the segment has no attachment, LOOK_NS at most; false if it still has one. */
static bool is_let_go(int shmid, const struct os_shm_stat *stat)
{
    int64_t deadline = os_monotonic_ns() + LOOK_NS;
    struct os_shm_stat now = *stat;
    while (now.attached != 0 && os_monotonic_ns() < deadline) {
        os_sleep_ns(LOOK_AGAIN_NS);
        if (os_shm_stat(shmid, &now) < 0)
            return false;
    }
    return now.attached == 0;
}

/* True if the segment on the record's key is what its creator left that was killed before it wrote
   the header: of this size and owner, with no byte written. */
static bool is_headless(int shmid, const struct os_shm_stat *stat, uint64_t size)
{
    static const struct segment_header none;
    void *address;
    if (stat->size != size || !is_let_go(shmid, stat) || os_shm_attach(shmid, true, &address) < 0)
        return false;
    bool is = ((const struct segment_header *)address)->magic == none.magic;
    os_shm_detach(address);
    return is;
}

static bool is_named(int shmid, const struct os_shm_stat *stat, const struct members_record *record)
{
    void *address;
    if (os_shm_attach(shmid, true, &address) < 0)
        return false;
    bool is = header_is_of_record(address, stat->size, record);
    os_shm_detach(address);
    return is;
}

/* Removes the segment that the record names, or was about to.  Nobody is in it. */
static void remove_recorded(const struct members_record *record, uint32_t owner)
{
    struct os_shm_stat stat;
    int shmid = record->shmid >= 0 ? record->shmid : os_shm_find(record->key);
    if (record->ipc_namespace != os_namespace("ipc") || shmid < 0 ||
        os_shm_stat(shmid, &stat) < 0 || !survey_is_owned(&stat, owner, ANY_MODE))
        return;
    if (is_named(shmid, &stat, record) ||
        (record->shmid < 0 && is_headless(shmid, &stat, record->size)))
        os_shm_remove(shmid);
}

/* Removes what an earlier life left of this directory's segment; *generation: its. */
static int clear_the_way(const struct segment_place *place, uint32_t *generation)
{
    struct members_record record;
    struct surveyed found;
    int64_t deadline = os_monotonic_ns() + LOOK_NS;
    if (members_record_read(place->lock, &record)) {
        *generation = record.generation;
        remove_recorded(&record, place->dir->uid);
    }
    for (;;) {
        enum segment_standing standing = survey_keys(ANY_MODE, place->dir, &found);
        if (standing == STANDING_GONE)
            return LWSHM_OK;
        if (standing != STANDING_UNATTACHED) {
            if (os_monotonic_ns() >= deadline)
                return fail_attached(&found, place->lock->path);
            os_sleep_ns(LOOK_AGAIN_NS);
            continue;
        }
        if (found.generation > *generation)
            *generation = found.generation;
        int r = survey_remove(&found, place->lock->path);
        if (r < 0)
            return r;
    }
}

/* ---- the new one ---- */

/* The id of a fresh segment, on the first key of the directory that is free. */
static int make_in_dir(const struct segment_place *place, struct members_record *record,
                       uint32_t mode, bool huge)
{
    for (uint32_t i = 0; i < SURVEY_KEYS; i++) {
        record->key = survey_key(place->dir, i);
        if (os_shm_find(record->key) != -ENOENT)
            continue; /* a stranger's: ours has been cleared away */
        int r = members_record_write(place->lock, record);
        if (r < 0)
            return r;
        int shmid = make_on_key(record->key, record->size, mode, huge);
        if (shmid >= 0)
            return shmid;
        if (shmid != -EEXIST)
            return fail_shmget(-shmid, record->size, huge);
    }
    return fail(LWSHM_E_SYSTEM,
                "all %d keys from %d on, those of data directory \"%s\", are taken by others' "
                "segments; remove some (ipcs -m, ipcrm)",
                SURVEY_KEYS, survey_key(place->dir, 0), place->lock->path);
}

static int make(const struct segment_place *place, struct members_record *record, uint32_t mode,
                bool huge)
{
    if (place != NULL)
        return make_in_dir(place, record, mode, huge);
    int shmid = make_on_key(0, record->size, mode, huge);
    return shmid < 0 ? fail_shmget(-shmid, record->size, huge) : shmid;
}

/* Makes it on huge pages if they are wanted and to be had; *huge: whether it is so. */
static int make_sized(const struct segment_place *place, const struct lwshm_segment_options *o,
                      struct members_record *record, uint64_t normal, bool *huge)
{
    uint64_t huge_page = os_huge_page_size();
    *huge = o->huge_pages != LWSHM_HUGE_PAGES_OFF && huge_page != 0;
    if (o->huge_pages == LWSHM_HUGE_PAGES_ON && !*huge)
        return fail_system(ENOSYS, "huge_pages is on, and this kernel has none");
    record->size = *huge ? (normal + huge_page - 1) / huge_page * huge_page : normal;
    int shmid = make(place, record, o->mode, *huge);
    if (shmid < 0 && *huge && o->huge_pages == LWSHM_HUGE_PAGES_TRY) {
        *huge = false;
        record->size = normal;
        shmid = make(place, record, o->mode, false);
    }
    return shmid;
}

/* Attaches the new segment, writes its header, and enters it. */
static int begin(const struct segment_place *place, const struct lwshm_segment_options *o,
                 struct lwshm_segment_size *size, struct members_record *record, bool huge,
                 lwshm_segment *s)
{
    void *address;
    int r = os_shm_attach(s->shmid, false, &address);
    if (r < 0)
        return fail_system(-r, "the new segment %d of %" PRIu64 " bytes cannot be attached: shmat",
                           s->shmid, record->size);
    size->total = record->size;
    header_write(address, o, size, place == NULL ? NULL : place->dir, place == NULL ? NULL : record,
                 huge);
    header_claim(address);
    s->base = address;
    s->is_creator = true;
    s->mode = o->mode;
    segment_copy_header(s, address);
    record->shmid = s->shmid;
    r = place == NULL ? LWSHM_OK : members_record_write(place->lock, record);
    if (r == LWSHM_OK)
        r = process_enter(s, place == NULL ? NULL : place->lock);
    if (r < 0)
        os_shm_detach(address);
    return r;
}

static int make_and_enter(const struct segment_place *place, const struct lwshm_segment_options *o,
                          struct members_record *record, lwshm_segment **segment)
{
    struct lwshm_segment_size size;
    bool huge;
    int r = lwshm_segment_plan(o, &size);
    if (r < 0)
        return r;
    int shmid = make_sized(place, o, record, size.total, &huge);
    if (shmid < 0)
        return shmid;
    lwshm_segment *s = segment_handle_new(place, shmid, record->key);
    r = s == NULL ? LWSHM_E_SYSTEM : begin(place, o, &size, record, huge, s);
    if (r == LWSHM_OK) {
        segment_handle_open(s);
        *segment = s;
        return LWSHM_OK;
    }
    if (s != NULL)
        segment_handle_free(s);
    os_shm_remove(shmid);
    return r;
}

int segment_make(const struct segment_place *place, const struct lwshm_segment_options *o,
                 lwshm_segment **segment)
{
    struct members_record record = members_record_new(place->lock);
    uint32_t generation = 0;
    int r = clear_the_way(place, &generation);
    if (r < 0)
        return r;
    record.generation = (generation > o->after ? generation : o->after) + 1;
    if ((r = os_members_set_mode(place->lock->fd, o->mode)) < 0)
        return fail(LWSHM_E_DATA_DIR, "the mode of file \"%s/%s\" cannot be set: %s",
                    place->lock->path, OS_MEMBERS_FILE, strerror(-r));
    r = make_and_enter(place, o, &record, segment);
    if (r < 0)
        members_record_erase(place->lock);
    return r;
}

static int create_in_dir(const struct os_data_dir *dir, const struct lwshm_segment_options *options,
                         lwshm_segment **segment)
{
    struct directory_lock lock;
    struct segment_place place = {.dir = dir, .lock = &lock};
    struct members members;
    int r = directory_lock_settled(dir, options->data_dir, true, &lock, &members);
    if (r < 0)
        return r;
    r = members.standing == MEMBERS_NONE ? segment_make(&place, options, segment)
                                         : segment_fail_in_use(&lock, &members);
    directory_unlock(&lock);
    return r;
}

int lwshm_segment_create(const struct lwshm_segment_options *options, lwshm_segment **segment)
{
    struct os_data_dir dir;
    struct lwshm_segment_size size;
    struct members_record none = {.key = 0};
    int r = lwshm_segment_plan(options, &size);
    if (r < 0 || (r = segment_check_proc()) < 0)
        return r;
    if (options->data_dir == NULL)
        return make_and_enter(NULL, options, &none, segment);
    if ((r = segment_open_data_dir(options->data_dir, options->mode, true, &dir)) < 0)
        return r;
    r = create_in_dir(&dir, options, segment);
    os_data_dir_close(&dir);
    return r;
}

int lwshm_segment_publish(lwshm_segment *s)
{
    if (!is_open(s))
        return fail_closed(s);
    if (!s->is_creator && !s->is_adopter)
        return fail(LWSHM_E_INVALID, "only the creator or adopter publishes a segment");
    /* release: pairs with the acquire load of `state` in enter() */
    __atomic_store_n(&header_of(s)->state, SEGMENT_READY, __ATOMIC_RELEASE);
    return LWSHM_OK;
}
