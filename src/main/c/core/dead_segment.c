/* SPDX-License-Identifier: Apache-2.0 */
#include "lwshm/dead_segment.h"

#include <stdlib.h>

#include "core/header.h"
#include "core/status.h"
#include "core/survey.h"
#include "os/process.h"
#include "os/sysv_shm.h"

/* Whether a header is of this boot and sound. */
static bool is_sound(const struct segment_header *header, uint64_t size)
{
    const struct os_data_dir any = {.dev = size < sizeof *header ? 0 : header->data_dir_dev,
                                    .ino = size < sizeof *header ? 0 : header->data_dir_ino};
    return header_is_ours(header, size, &any) && header_check(header, size) == LWSHM_OK;
}

static bool is_dead(int shmid, struct surveyed *found, struct lwshm_dead_segment *dead)
{
    void *address;
    /* The attachments first, before our own. */
    if (os_shm_stat(shmid, &found->stat) < 0 || found->stat.attached != 0 ||
        found->stat.uid != os_user() || found->stat.creator_uid != os_user() ||
        os_shm_attach(shmid, true, &address) < 0)
        return false;
    const struct segment_header *header = address;
    bool is = is_sound(header, found->stat.size);
    if (is) {
        found->shmid = shmid;
        found->key = found->stat.key;
        found->generation = header->generation;
        *dead = (struct lwshm_dead_segment){
            .shmid = shmid,
            .key = found->stat.key,
            .creator_pid = os_identity_pid(header->creator),
            .generation = header->generation,
            .size = found->stat.size,
            .created_at = header->created_at,
            .data_dir_dev = header->data_dir_dev,
            .data_dir_ino = header->data_dir_ino,
        };
    }
    os_shm_detach(address);
    return is;
}

int lwshm_dead_segment_list(struct lwshm_dead_segment *segments, uint32_t capacity)
{
    uint32_t count = 0;
    int last = os_shm_last_index();
    if (last < 0)
        return fail_system(-last, "the segments of this IPC namespace cannot be listed: shmctl");
    for (int index = 0; index <= last; index++) {
        struct lwshm_dead_segment dead;
        struct surveyed found;
        int shmid = os_shm_at_index(index);
        if (shmid < 0 || !is_dead(shmid, &found, &dead))
            continue;
        if (count < capacity)
            segments[count] = dead;
        count++;
    }
    return (int)count;
}

int lwshm_dead_segment_remove(int32_t shmid)
{
    struct lwshm_dead_segment dead;
    struct surveyed found;
    if (!is_dead(shmid, &found, &dead))
        return fail(LWSHM_E_NOT_FOUND,
                    "segment %d is no dead one: it is gone, in use, another user's, or not lwshm's",
                    shmid);
    int r = survey_remove(&found, "a directory of the past");
    return r == 1 ? fail(LWSHM_E_NOT_FOUND, "somebody has attached to segment %d meanwhile", shmid)
                  : r;
}
