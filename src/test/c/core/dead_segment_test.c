/*
 * Segments that the dead have left: which are found, and removed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include "lwshm/dead_segment.h"

#include <sys/shm.h>
#include <unistd.h>

#include "fixture.h"

#define MANY 256

/* True if that segment is among the dead ones; *dead: what is said of it. */
static bool is_listed(int shmid, struct lwshm_dead_segment *dead)
{
    static struct lwshm_dead_segment all[MANY];
    int count = CHECK_OK(lwshm_dead_segment_list(all, MANY));
    for (int i = 0; i < count && i < MANY; i++)
        if (all[i].shmid == shmid) {
            *dead = all[i];
            return true;
        }
    return false;
}

static bool is_found(int shmid)
{
    struct lwshm_dead_segment dead;
    return is_listed(shmid, &dead);
}

struct creation {
    bool is_private;
    int shmid; /* + 1, once it is there */
};

static void create_and_stay(void *argument)
{
    struct creation *creation = argument;
    struct lwshm_segment_options options = small_options();
    if (creation->is_private)
        options.data_dir = NULL;
    lwshm_segment *segment = create_segment(&options);
    __atomic_store_n(&creation->shmid, info_of(segment).shmid + 1, __ATOMIC_RELEASE);
    for (;;)
        pause();
}

/* Has a process make a segment; its id. */
static int left_by(pid_t *creator, bool is_private)
{
    struct creation *creation = shared_zeros(sizeof *creation);
    creation->is_private = is_private;
    *creator = test_fork(create_and_stay, creation);
    AWAIT(__atomic_load_n(&creation->shmid, __ATOMIC_ACQUIRE) != 0);
    return creation->shmid - 1;
}

static void check_is_removed_once_dead(bool is_private)
{
    struct lwshm_dead_segment dead;
    pid_t creator;
    int shmid = left_by(&creator, is_private);
    CHECK(!is_found(shmid));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_dead_segment_remove(shmid));
    CHECK(segment_exists(shmid));

    test_kill(creator);

    CHECK(is_listed(shmid, &dead));
    CHECK_EQ_INT(creator, dead.creator_pid);
    CHECK_EQ_UINT(1, dead.generation);
    CHECK_EQ_INT(is_private, dead.key == 0 && dead.data_dir_ino == 0);
    CHECK_OK(lwshm_dead_segment_remove(shmid));
    CHECK(!segment_exists(shmid));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_dead_segment_remove(shmid));
}

TEST(what_a_killed_creator_left_is_found_and_removed)
{
    check_is_removed_once_dead(false);
}

TEST(a_private_one_is_too)
{
    check_is_removed_once_dead(true);
}

TEST(one_that_somebody_is_attached_to_is_not_dead)
{
    pid_t creator;
    int shmid = left_by(&creator, false);
    lwshm_segment *mine = attach_segment();
    char *bytes = attach_bytes(shmid);
    test_kill(creator);
    CHECK(!is_found(shmid));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_dead_segment_remove(shmid));
    close_segment(mine);
    CHECK(!segment_exists(shmid)); /* the last one out deletes */
    detach_bytes(bytes);
    shmid = left_by(&creator, false);
    test_kill(creator);
    CHECK(is_found(shmid));
    CHECK_OK(lwshm_dead_segment_remove(shmid));
}

TEST(a_strangers_is_left_alone_whatever_stands_in_it)
{
    int stranger = shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600);
    CHECK(!is_found(stranger));
    /* Its first bytes are a dead one's. */
    pid_t creator;
    int shmid = left_by(&creator, true);
    test_kill(creator);
    char *from = attach_bytes(shmid), *to = attach_bytes(stranger);
    *(uint64_t *)to = *(uint64_t *)from;
    detach_bytes(from);
    detach_bytes(to);
    CHECK(!is_found(stranger));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_dead_segment_remove(stranger));
    CHECK(segment_exists(stranger));
    shmctl(stranger, IPC_RMID, NULL);
    CHECK_OK(lwshm_dead_segment_remove(shmid));
}
