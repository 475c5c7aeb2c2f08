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
   how many, or LWSHM_E_NAMESPACE: then they cannot be told from the dead. */
static int live_processes(const struct surveyed *found, int32_t *pids, int capacity)
{
    void *address;
    int count = 0;
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
            if (identity != 0 && !os_process_is_dead(identity))
                pids[count++] = os_identity_pid(identity);
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
    for (;;) {
        int r = os_shm_stat(found->shmid, &stat);
        if (r < 0 ? is_gone(r) : stat.attached == 0)
            return LWSHM_OK;
        int live = live_processes(found, pids, LWSHM_ERROR_VALUES);
        if (live < 0)
            return live;
        if (live > 0)
            return fail_in_use(found, data_dir, pids, (uint32_t)live);
        /* Attached, yet all who said so are dead: the kernel lags, or somebody is in it
           without an entry (a forked child, another version of lwshm). */
        if (os_monotonic_ns() >= deadline) {
            uint32_t count = os_processes_mapping(found->shmid, pids, LWSHM_ERROR_VALUES);
            return fail_in_use(found, data_dir, pids, count);
        }
        os_sleep_ns(DETACH_POLL_NS);
    }
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
