/* SPDX-License-Identifier: Apache-2.0 */
#include "core/survey.h"

#include <errno.h>

#include "core/header.h"
#include "core/layout.h"
#include "core/status.h"
#include "lwshm/version.h"

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

bool survey_is_owned(const struct os_shm_stat *stat, uint32_t owner, uint32_t mode)
{
    return stat->uid == owner && stat->creator_uid == owner && (stat->mode & ~mode) == 0;
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
    if (!survey_is_owned(&found->stat, owner, mode))
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
        uint32_t dead = SEGMENT_DEAD;
        if (os_shm_stat(found->shmid, &stat) == 0 && stat.attached > 1)
            __atomic_compare_exchange_n(state, &dead, before, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST);
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
