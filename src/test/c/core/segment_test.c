/*
 * A segment's life as its handle sees it: create, publish, attach, detach, delete.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fixture.h"

TEST(a_published_segment_is_found_by_its_directory)
{
    lwshm_segment *mine = create_segment(NULL), *again = attach_segment();
    struct lwshm_segment_info a = info_of(mine), b = info_of(again);
    CHECK_EQ_INT(a.shmid, b.shmid);
    CHECK_EQ_INT(key_of(test_dir()), a.key);
    CHECK_EQ_INT(a.key, b.key);
    CHECK_EQ_UINT(1, a.generation);
    CHECK_EQ_INT(getpid(), b.creator_pid);
    CHECK_EQ_UINT(1, a.is_creator);
    CHECK_EQ_UINT(0, b.is_creator);
    CHECK_EQ_UINT(1, a.is_ready);
    CHECK_EQ_UINT(0, a.huge_pages);
    CHECK_EQ_UINT(a.size, b.size);
    CHECK(a.created_at == b.created_at && a.created_at > 0);
    CHECK(a.base != 0 && b.base != 0 && a.base != b.base);
    CHECK(a.process != b.process);
    close_segment(again);
    end_segment(mine);
}

TEST(what_one_attachment_writes_the_other_reads)
{
    lwshm_segment *mine = create_segment(NULL), *again = attach_segment();
    struct lwshm_area area;
    bool found;
    CHECK_OK(lwshm_shmem_init_struct(mine, "greeting", 6, &found, &area));
    strcpy(lwshm_shmem_pointer(mine, area.offset, area.size), "hello");
    CHECK_EQ_STR("hello", (char *)lwshm_shmem_pointer(again, area.offset, area.size));
    close_segment(again);
    end_segment(mine);
}

TEST(its_size_is_the_one_that_was_planned)
{
    struct lwshm_segment_options options = small_options();
    struct lwshm_segment_size size;
    struct shmid_ds ds;
    lwshm_segment *segment = create_segment(&options);
    CHECK_OK(lwshm_segment_plan(&options, &size));
    CHECK_EQ_UINT(size.total, info_of(segment).size);
    CHECK_EQ_INT(0, shmctl(info_of(segment).shmid, IPC_STAT, &ds));
    CHECK_EQ_UINT(size.total, ds.shm_segsz);
    CHECK_EQ_UINT(0600, ds.shm_perm.mode & 0777);
    end_segment(segment);
}

TEST(a_mode_for_the_group_is_given_to_the_segment_and_must_be_accepted_by_attachers)
{
    struct lwshm_segment_options options = small_options();
    struct shmid_ds ds;
    options.mode = 0660;
    lwshm_segment *segment = create_segment(&options), *again;
    CHECK_EQ_INT(0, shmctl(info_of(segment).shmid, IPC_STAT, &ds));
    CHECK_EQ_UINT(0660, ds.shm_perm.mode & 0777);
    CHECK_CONTAINS(
        "0660", CHECK_FAILS(LWSHM_E_FOREIGN, lwshm_segment_attach(test_dir(), 0, &again))->message);
    CHECK_OK(lwshm_segment_attach(test_dir(), 0660, &again));
    close_segment(again);
    end_segment(segment);
}

TEST(a_private_segment_is_found_by_its_id_alone)
{
    struct lwshm_segment_options options = small_options();
    options.data_dir = NULL;
    lwshm_segment *mine = create_segment(&options), *again;
    CHECK_EQ_INT(0, info_of(mine).key);
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &again));
    CHECK_OK(lwshm_segment_attach_id(info_of(mine).shmid, 0, &again));
    CHECK_EQ_INT(info_of(mine).shmid, info_of(again).shmid);
    close_segment(again);
    end_segment(mine);
}

TEST(detaching_gives_the_process_entry_back)
{
    lwshm_segment *mine = create_segment(NULL), *again = attach_segment();
    int32_t pids[4];
    CHECK_EQ_INT(2, lwshm_segment_processes(mine, pids, 4));
    CHECK_EQ_INT(getpid(), pids[0]);
    CHECK_EQ_INT(getpid(), pids[1]);
    CHECK_EQ_INT(2, lwshm_segment_processes(mine, NULL, 0));
    CHECK_OK(lwshm_segment_detach(again, LWSHM_DETACH_UNMAP));
    CHECK_EQ_INT(1, lwshm_segment_processes(mine, pids, 4));
    close_segment(again);
    end_segment(mine);
}

TEST(detaching_twice_is_harmless)
{
    lwshm_segment *segment = create_segment(NULL);
    CHECK_OK(lwshm_segment_detach(segment, LWSHM_DETACH_UNMAP));
    CHECK_OK(lwshm_segment_detach(segment, LWSHM_DETACH_UNMAP));
    CHECK_OK(lwshm_segment_detach(segment, LWSHM_DETACH_KEEP_ADDRESS));
    CHECK_OK(lwshm_segment_close(segment));
    CHECK_OK(lwshm_segment_close(NULL));
}

TEST(the_members_file_stays_when_the_segment_goes)
{
    char path[4200];
    struct stat before, after;
    snprintf(path, sizeof path, "%s/lwshm.members", test_dir());
    end_segment(create_segment(NULL));
    CHECK_EQ_INT(0, stat(path, &before));
    CHECK_EQ_UINT(0600, before.st_mode & 0777);
    end_segment(create_segment(NULL));
    CHECK_EQ_INT(0, stat(path, &after));
    CHECK_EQ_UINT(before.st_ino, after.st_ino);
}

TEST(every_call_on_a_detached_handle_says_so)
{
    lwshm_segment *s = create_segment(NULL);
    struct lwshm_segment_info info;
    struct lwshm_allocation row;
    struct lwshm_area area;
    struct lwshm_tranche tranche;
    struct lwshm_lwlock_info lock;
    struct lwshm_backend_info seen;
    lwshm_backend *backend;
    int32_t pid;
    bool found;
    CHECK_OK(lwshm_segment_detach(s, LWSHM_DETACH_UNMAP));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_segment_publish(s));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_segment_processes(s, &pid, 1));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_shmem_init_struct(s, "a", 1, &found, &area));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_shmem_index_find(s, "a", &area));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_shmem_alloc(s, 1, &area));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_shmem_allocations(s, &row, 1));
    CHECK(lwshm_shmem_pointer(s, 0, 1) == NULL);
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_tranche_init(s, "a", 1, &found, &tranche));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_tranche_find(s, "a", &tranche));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_tranche_get(s, 0, &tranche));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_backend_join(s, &backend));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_backend_list(s, &seen, 1));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_info(s, 4096, &lock));
    CHECK_OK(lwshm_segment_info(s, &info));
    CHECK_EQ_UINT(0, info.base);
    CHECK_EQ_UINT(0, info.is_ready);
    CHECK(info.size > 0);
    end_segment(s);
}

TEST(a_null_handle_is_an_invalid_argument)
{
    struct lwshm_segment_info info;
    lwshm_backend *backend;
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_detach(NULL, LWSHM_DETACH_UNMAP));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_publish(NULL));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_info(NULL, &info));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_join(NULL, &backend));
}

TEST(an_attacher_does_not_publish)
{
    lwshm_segment *mine = create_segment(NULL), *other = attach_segment();
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_publish(other));
    close_segment(other);
    end_segment(mine);
}

TEST(a_segment_with_joined_backends_does_not_close_and_names_their_slots)
{
    lwshm_segment *segment = create_segment(NULL);
    lwshm_backend *first = join(segment), *second = join(segment);
    const struct lwshm_error *error;
    error = CHECK_FAILS(LWSHM_E_BUSY, lwshm_segment_detach(segment, LWSHM_DETACH_UNMAP));
    CHECK_EQ_UINT(2, error->value_count);
    CHECK_EQ_INT(backend_info_of(first).slot, error->values[0]);
    CHECK_EQ_INT(backend_info_of(second).slot, error->values[1]);
    CHECK_FAILS(LWSHM_E_BUSY, lwshm_segment_close(segment));
    CHECK_FAILS(LWSHM_E_BUSY, lwshm_segment_detach(segment, LWSHM_DETACH_KEEP_ADDRESS));
    CHECK_OK(lwshm_backend_leave(first));
    error = CHECK_FAILS(LWSHM_E_BUSY, lwshm_segment_close(segment));
    CHECK_EQ_UINT(1, error->value_count);
    CHECK_OK(lwshm_backend_leave(second));
    end_segment(segment);
}

/* ---- fork ---- */

static lwshm_segment *inherited;

static void use_the_parents_handle(void *arg)
{
    struct lwshm_segment_info info;
    struct lwshm_area area;
    lwshm_backend *backend;
    bool found;
    (void)arg;
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_segment_info(inherited, &info));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_segment_publish(inherited));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_shmem_init_struct(inherited, "a", 1, &found, &area));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_backend_join(inherited, &backend));
    CHECK_CONTAINS(
        "fork",
        CHECK_FAILS(LWSHM_E_CLOSED, lwshm_segment_detach(inherited, LWSHM_DETACH_UNMAP))->message);
    CHECK_OK(lwshm_segment_close(inherited)); /* frees the child's copy, and nothing else */
    lwshm_segment *own = attach_segment();
    CHECK_EQ_INT(2, lwshm_segment_processes(own, NULL, 0));
    close_segment(own);
}

TEST(a_forked_child_attaches_for_itself)
{
    inherited = create_segment(NULL);
    TEST_WAIT(test_fork(use_the_parents_handle, NULL));
    CHECK_EQ_INT(1, lwshm_segment_processes(inherited, NULL, 0));
    CHECK(segment_exists(info_of(inherited).shmid));
    end_segment(inherited);
}

/* ---- what becomes of the address range ---- */

static uint64_t attached(int shmid)
{
    struct shmid_ds ds;
    CHECK_EQ_INT(0, shmctl(shmid, IPC_STAT, &ds));
    return ds.shm_nattch;
}

TEST(a_stale_pointer_reads_zeros_after_a_detach_that_keeps_the_address)
{
    lwshm_segment *mine = create_segment(NULL), *other = attach_segment();
    struct lwshm_area area;
    CHECK_OK(lwshm_shmem_alloc(other, 10000, &area));
    volatile char *stale = lwshm_shmem_pointer(other, area.offset, area.size);
    char *live = lwshm_shmem_pointer(mine, area.offset, area.size);
    live[0] = live[9999] = 'x';
    CHECK_EQ_INT('x', stale[9999]);
    CHECK_EQ_UINT(2, attached(info_of(mine).shmid));
    CHECK_OK(lwshm_segment_detach(other, LWSHM_DETACH_KEEP_ADDRESS));
    CHECK_EQ_UINT(1, attached(info_of(mine).shmid));
    CHECK_EQ_INT(0, stale[0]);
    CHECK_EQ_INT(0, stale[9999]);
    stale[0] = 'y'; /* harms nobody */
    CHECK_EQ_INT('x', live[0]);
    CHECK_EQ_INT(1, lwshm_segment_processes(mine, NULL, 0));
    close_segment(other);
    end_segment(mine);
}

/* From here on nothing of that size is put where something is.  (vm.overcommit_memory 2 does so.) */
static void deny_replacing(uint64_t size)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)size, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_FIXED, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof rules / sizeof *rules, .filter = rules};
    CHECK_EQ_INT(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHECK_EQ_INT(0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static void fail_to_detach(void *is_private)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *second, *segment;
    if (is_private != NULL)
        options.data_dir = NULL;
    segment = create_segment(&options);
    deny_replacing(info_of(segment).size);
    CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_segment_detach(segment, LWSHM_DETACH_KEEP_ADDRESS));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    if (is_private == NULL)
        CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    CHECK_OK(lwshm_backend_leave(join(segment)));
    int shmid = info_of(segment).shmid;
    close_segment(segment);
    CHECK(!segment_exists(shmid));
}

TEST(a_process_that_cannot_detach_is_a_member_still)
{
    if (is_emulated())
        SKIP("the emulator has no seccomp");
    TEST_WAIT(test_fork(fail_to_detach, NULL));
    TEST_WAIT(test_fork(fail_to_detach, ""));
}

TEST(nothing_is_attached_after_a_plain_detach)
{
    lwshm_segment *segment = create_segment(NULL), *again = attach_segment();
    int shmid = info_of(segment).shmid;
    CHECK_EQ_UINT(2, attached(shmid));
    CHECK_OK(lwshm_segment_detach(again, LWSHM_DETACH_UNMAP));
    CHECK_EQ_UINT(1, attached(shmid));
    CHECK_OK(lwshm_segment_detach(segment, LWSHM_DETACH_UNMAP));
    CHECK(!segment_exists(shmid));
    close_segment(again);
    close_segment(segment);
}
