/* SPDX-License-Identifier: Apache-2.0 */
#include "core/survey.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/header.h"
#include "core/layout.h"
#include "core/status.h"
#include "lwshm/version.h"
#include "os/clock.h"
#include "os/process.h"

/* How long the kernel may take to detach killed processes before we say "in use". */
#define DETACH_PATIENCE_NS (5 * 1000000000ll)
#define DETACH_POLL_NS 2000000
/* Looks in a row that must find somebody alive: a killed process may look so for a moment. */
#define LOOKS_ALIVE 5

int32_t survey_key(const struct os_data_dir *dir, uint32_t i)
{
    /* Around 0 the keys go on at SURVEY_KEYS, so that none occurs twice. */
    int32_t key = (int32_t)((uint32_t)dir->ino + i);
    return key == 0 ? (int32_t)((uint32_t)dir->ino + SURVEY_KEYS) : key;
}

static bool is_gone(int err)
{
    return err == -EINVAL || err == -EIDRM || err == -ENOENT;
}

enum segment_standing survey_segment(int shmid, uint32_t mode, const struct os_data_dir *dir,
                                     struct surveyed *found)
{
    void *address;
    found->shmid = shmid;
    found->generation = 0;
    int r = os_shm_stat(shmid, &found->stat); /* before our own attach counts */
    if (r < 0)
        return is_gone(r) ? STANDING_GONE : r == -EACCES ? STANDING_FOREIGN : STANDING_UNKNOWN;
    uint32_t owner = dir == NULL ? os_user() : dir->uid;
    if (found->stat.uid != owner || found->stat.creator_uid != owner ||
        (found->stat.mode & ~mode) != 0)
        return STANDING_FOREIGN;
    r = os_shm_attach(shmid, true, &address);
    if (r < 0)
        return is_gone(r) ? STANDING_GONE : r == -EACCES ? STANDING_FOREIGN : STANDING_UNKNOWN;
    const struct segment_header *header = address;
    bool ours = header_is_ours(header, found->stat.size, dir);
    if (ours && header->abi_version == LWSHM_ABI_VERSION)
        found->generation = header->generation;
    os_shm_detach(address);
    if (!ours)
        return STANDING_FOREIGN;
    return found->stat.attached == 0 ? STANDING_UNATTACHED : STANDING_ATTACHED;
}

enum segment_standing survey_keys(uint32_t mode, const struct os_data_dir *dir,
                                  struct surveyed *found)
{
    for (uint32_t i = 0; i < SURVEY_KEYS; i++) {
        found->key = survey_key(dir, i);
        int shmid = os_shm_find(found->key);
        if (shmid < 0)
            continue; /* nothing there, or nothing that we may look at */
        enum segment_standing standing = survey_segment(shmid, mode, dir, found);
        if (standing != STANDING_GONE && standing != STANDING_FOREIGN)
            return standing;
    }
    return STANDING_GONE;
}

/* The pids of the live processes that entered themselves. Writes at most `capacity` and returns
   how many, or LWSHM_E_NAMESPACE: then they cannot be told from the dead.  *dying: all of them
   are on their way. */
static int live_processes(const struct surveyed *found, int32_t *pids, int capacity, bool *dying)
{
    void *address;
    int count = 0;
    *dying = true;
    if (os_shm_attach(found->shmid, true, &address) < 0)
        return 0;
    const struct segment_header *header = address;
    int r = header_check(header, found->stat.size);
    if (r == LWSHM_E_NAMESPACE) {
        count = r;
    } else if (r == LWSHM_OK) {
        const struct process_entry *entry =
            (const void *)((const char *)address + header->region[LWSHM_REGION_PROCESSES]);
        for (uint32_t i = 0; i < header->max_processes && count < capacity; i++) {
            uint64_t identity = __atomic_load_n(&entry[i].identity, __ATOMIC_ACQUIRE);
            if (identity == 0 || os_process_is_dead(identity))
                continue;
            pids[count++] = os_identity_pid(identity);
            *dying = *dying && os_process_is_dying(identity);
        }
    }
    os_shm_detach(address);
    return count;
}

static int fail_in_use(const struct surveyed *found, const char *data_dir, const int32_t *pids,
                       uint32_t count)
{
    char list[256] = "";
    for (uint32_t i = 0; i < count; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%d", i == 0 ? "" : ", ", pids[i]);
    }
    fail(LWSHM_E_IN_USE,
         "the segment of data directory \"%s\" (key %d, id %d) is still in use by %s %s; stop %s "
         "first, or attach instead of creating",
         data_dir, found->key, found->shmid,
         count == 0   ? "a process that cannot be named:"
         : count == 1 ? "process"
                      : "processes",
         count == 0 ? "see /proc/*/maps for the id" : list, count == 1 ? "it" : "them");
    for (uint32_t i = 0; i < count; i++)
        with_values(LWSHM_E_IN_USE, 1, (int64_t)pids[i]);
    return LWSHM_E_IN_USE;
}

int survey_await_unattached(const struct surveyed *found, const char *data_dir)
{
    int32_t pids[LWSHM_ERROR_VALUES];
    struct os_shm_stat stat;
    int64_t deadline = os_monotonic_ns() + DETACH_PATIENCE_NS;
    for (int alive = 0;;) {
        int r = os_shm_stat(found->shmid, &stat);
        if (r < 0 ? is_gone(r) : stat.attached == 0)
            return LWSHM_OK;
        bool dying, late = os_monotonic_ns() >= deadline;
        int live = live_processes(found, pids, LWSHM_ERROR_VALUES, &dying);
        if (live < 0)
            return live;
        alive = dying ? 0 : alive + 1;
        if (live > 0 && (late || alive == LOOKS_ALIVE))
            return fail_in_use(found, data_dir, pids, (uint32_t)live);
        /* Attached, yet all who said so are dead or dying: the kernel lags, or somebody is in it
           without an entry (a forked child, another version of lwshm). */
        if (late) {
            uint32_t count = os_processes_mapping(found->shmid, pids, LWSHM_ERROR_VALUES);
            return fail_in_use(found, data_dir, pids, count);
        }
        os_sleep_ns(DETACH_POLL_NS);
    }
}

int survey_remove(const struct surveyed *found, const char *data_dir)
{
    struct os_shm_stat stat = {.attached = 1};
    void *address = NULL;
    int r = 0;
    /* An attacher may have come since the look.  It reads the state after its shmat, we read
       the number of attachments after our store: so one of us sees the other.  (Another ABI
       version's state may lie elsewhere.) */
    if (found->generation != 0 && os_shm_attach(found->shmid, false, &address) == 0) {
        uint32_t *state = &((struct segment_header *)address)->state;
        uint32_t before = __atomic_exchange_n(state, SEGMENT_DEAD, __ATOMIC_SEQ_CST);
        if (os_shm_stat(found->shmid, &stat) == 0 && stat.attached > 1)
            __atomic_store_n(state, before, __ATOMIC_SEQ_CST);
    }
    if (stat.attached <= 1)
        r = os_shm_remove(found->shmid);
    if (address != NULL)
        os_shm_detach(address);
    if (stat.attached > 1)
        return 1;
    return r < 0 && !is_gone(r) ? fail_system(-r,
                                              "the old segment %d of \"%s\" cannot be removed: "
                                              "shmctl",
                                              found->shmid, data_dir)
                                : LWSHM_OK;
}

void survey_remove_headless(uint32_t mode, const struct os_data_dir *dir)
{
    struct os_segment_note note;
    struct surveyed found;
    if (os_segment_note_read(dir, &note) < 0 || !os_process_is_dead(note.creator) ||
        note.ipc_namespace != os_namespace("ipc") || note.pid_namespace != os_namespace("pid"))
        return;
    int shmid = note.shmid >= 0 ? note.shmid : os_shm_find(note.key);
    void *address;
    if (shmid < 0 || survey_segment(shmid, mode, dir, &found) != STANDING_FOREIGN ||
        found.stat.attached != 0 || found.stat.uid != dir->uid ||
        found.stat.creator_pid != os_identity_pid(note.creator) ||
        found.stat.size < sizeof(struct segment_header) || os_shm_attach(shmid, true, &address) < 0)
        return;
    bool headless = ((const struct segment_header *)address)->magic == 0;
    os_shm_detach(address);
    if (headless)
        os_shm_remove(shmid);
}
