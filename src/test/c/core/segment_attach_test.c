/*
 * Attaching: who is let in, when, and what the others hear.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

TEST(a_directory_without_a_segment_has_none_to_attach_to)
{
    lwshm_segment *segment = NULL;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &segment));
    CHECK_CONTAINS(test_dir(), error->message);
    CHECK(segment == NULL);
}

static void attach_too_early(void *creator)
{
    lwshm_segment *segment;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_NOT_READY, lwshm_segment_attach(test_dir(), 0, &segment));
    CHECK_EQ_UINT(1, error->value_count);
    CHECK_EQ_INT(*(pid_t *)creator, error->values[0]);
}

TEST(until_it_is_published_attachers_hear_who_is_creating_it)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    pid_t self = getpid();
    CHECK_OK(lwshm_segment_create(&options, &segment));
    CHECK_EQ_UINT(0, info_of(segment).is_ready);
    TEST_WAIT(test_fork(attach_too_early, &self));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    CHECK_OK(lwshm_segment_publish(segment));
    close_segment(attach_segment());
    end_segment(segment);
}

static void create_and_wait(void *arg)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    CHECK_OK(lwshm_segment_create(&options, &segment));
    __atomic_store_n((int *)arg, info_of(segment).shmid + 1, __ATOMIC_RELEASE);
    for (;;)
        pause();
}

TEST(a_segment_whose_creator_died_before_publishing_is_said_to_be_so)
{
    int *shmid = shared_zeros(sizeof *shmid);
    pid_t creator = test_fork(create_and_wait, shmid);
    AWAIT(__atomic_load_n(shmid, __ATOMIC_ACQUIRE) != 0);
    attach_too_early(&creator);
    test_kill(creator);
    attach_too_early(&creator);
    CHECK_CONTAINS("ended before", lwshm_last_error()->message);
    end_segment(create_segment(NULL));
}

TEST(an_id_that_is_nobodys_is_not_found)
{
    struct lwshm_segment_options options = small_options();
    options.data_dir = NULL;
    lwshm_segment *segment = create_segment(&options), *none;
    int shmid = info_of(segment).shmid;
    end_segment(segment);
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach_id(shmid, 0, &none));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach_id(-1, 0, &none));
}

TEST(an_id_of_another_programs_segment_is_foreign)
{
    lwshm_segment *none;
    int empty = shmget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    int large = shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600);
    CHECK_FAILS(LWSHM_E_FOREIGN, lwshm_segment_attach_id(empty, 0, &none));
    CHECK_FAILS(LWSHM_E_FOREIGN, lwshm_segment_attach_id(large, 0, &none));
    CHECK(segment_exists(empty) && segment_exists(large));
    shmctl(empty, IPC_RMID, NULL);
    shmctl(large, IPC_RMID, NULL);
}

TEST(a_directorys_segment_is_not_attached_by_its_id)
{
    lwshm_segment *segment = create_segment(NULL), *none;
    CHECK_FAILS(LWSHM_E_FOREIGN, lwshm_segment_attach_id(info_of(segment).shmid, 0, &none));
    end_segment(segment);
}

TEST(the_mode_and_the_directory_have_to_be_sensible)
{
    lwshm_segment *segment;
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_attach(test_dir(), 0666, &segment));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_attach_id(0, 01600, &segment));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_attach(NULL, 0, &segment));
}

static void set_mode(int shmid, unsigned mode)
{
    struct shmid_ds ds;
    CHECK_EQ_INT(0, shmctl(shmid, IPC_STAT, &ds));
    ds.shm_perm.mode = (unsigned short)mode;
    CHECK_EQ_INT(0, shmctl(shmid, IPC_SET, &ds));
}

TEST(a_segment_that_more_people_may_write_to_is_foreign)
{
    lwshm_segment *segment = create_segment(NULL), *none;
    int shmid = info_of(segment).shmid;
    static const unsigned wide[] = {0666, 0620, 0602, 0640, 0604};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        set_mode(shmid, wide[i]);
        CHECK_FAILS(LWSHM_E_FOREIGN, lwshm_segment_attach(test_dir(), 0, &none));
    }
    CHECK_FAILS(LWSHM_E_FOREIGN, lwshm_segment_attach(test_dir(), 0660, &none)); /* 0604 */
    set_mode(shmid, 0600);
    close_segment(attach_segment());
    end_segment(segment);
}

static void give_the_segment_away(int shmid, uid_t uid)
{
    struct shmid_ds ds;
    CHECK_EQ_INT(0, shmctl(shmid, IPC_STAT, &ds));
    ds.shm_perm.uid = uid;
    CHECK_EQ_INT(0, shmctl(shmid, IPC_SET, &ds));
}

TEST(a_segment_of_another_owner_is_foreign)
{
    if (!is_root())
        SKIP("only root gives a segment away");
    lwshm_segment *segment = create_segment(NULL), *none;
    int shmid = info_of(segment).shmid;
    give_the_segment_away(shmid, 65534);
    CHECK_FAILS(LWSHM_E_FOREIGN, lwshm_segment_attach(test_dir(), 0, &none));
    give_the_segment_away(shmid, geteuid());
    close_segment(attach_segment());
    end_segment(segment);
}

TEST(no_more_processes_enter_than_there_are_entries)
{
    struct lwshm_segment_options options = small_options();
    options.max_processes = 2;
    lwshm_segment *segment = create_segment(&options), *second = attach_segment(), *third;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_LIMIT, lwshm_segment_attach(test_dir(), 0, &third));
    CHECK_CONTAINS("max_processes", error->message);
    close_segment(second);
    close_segment(attach_segment());
    end_segment(segment);
}

static void attach_and_wait(void *arg)
{
    lwshm_segment *segment = attach_segment();
    __atomic_add_fetch((int *)arg, segment != NULL, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

TEST(the_entry_of_a_killed_process_is_given_to_the_next)
{
    struct lwshm_segment_options options = small_options();
    options.max_processes = 2;
    int *inside = shared_zeros(sizeof *inside);
    lwshm_segment *segment = create_segment(&options), *third;
    pid_t second = test_fork(attach_and_wait, inside);
    AWAIT(__atomic_load_n(inside, __ATOMIC_SEQ_CST) == 1);
    CHECK_FAILS(LWSHM_E_LIMIT, lwshm_segment_attach(test_dir(), 0, &third));
    kill(second, SIGKILL);
    AWAIT(test_has_ended(second)); /* a zombie is dead, too */
    third = attach_segment();
    CHECK_EQ_INT(2, lwshm_segment_processes(segment, NULL, 0));
    close_segment(third);
    test_kill(second);
    end_segment(segment);
}

static void fill_memory_and_attach(void *arg)
{
    void *much = mmap(NULL, (size_t)256 << 20, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(much != MAP_FAILED);
    attach_and_wait(arg);
}

TEST(the_entry_of_a_killed_process_is_waited_for_while_its_memory_is_freed)
{
    if (is_emulated())
        SKIP("the emulator ends in another way");
    struct lwshm_segment_options options = small_options();
    options.max_processes = 2;
    int *inside = shared_zeros(sizeof *inside);
    lwshm_segment *segment = create_segment(&options);
    pid_t second = test_fork(fill_memory_and_attach, inside);
    AWAIT(__atomic_load_n(inside, __ATOMIC_SEQ_CST) == 1);
    kill(second, SIGKILL);
    close_segment(attach_segment()); /* at once */
    test_kill(second);
    end_segment(segment);
}

/* ---- namespaces ---- */

static void attach_from_another_ipc_namespace(void *arg)
{
    lwshm_segment *segment;
    (void)arg;
    CHECK_EQ_INT(0, unshare(CLONE_NEWIPC));
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_NAMESPACE, lwshm_segment_attach(test_dir(), 0, &segment));
    CHECK_CONTAINS("IPC namespace", error->message);
    CHECK_EQ_UINT(2, error->value_count);
    CHECK(error->values[0] != error->values[1]);
    /* A second segment beside the one that cannot be seen would be worse than none. */
    struct lwshm_segment_options options = small_options();
    error = CHECK_FAILS(LWSHM_E_NAMESPACE, lwshm_segment_create(&options, &segment));
    CHECK_CONTAINS("IPC namespace", error->message);
}

static void try_unshare(void *flags)
{
    _exit(unshare(*(int *)flags) != 0);
}

static bool may_unshare(int flags)
{
    return test_wait_any(test_fork(try_unshare, &flags)) == 0;
}

TEST(a_process_in_another_ipc_namespace_hears_that_it_is_this_one_that_differs)
{
    if (!may_unshare(CLONE_NEWIPC))
        SKIP("no new IPC namespace is to be had");
    lwshm_segment *segment = create_segment(NULL);
    TEST_WAIT(test_fork(attach_from_another_ipc_namespace, NULL));
    end_segment(segment);
}

static void attach_from_here(void *arg)
{
    (void)arg;
    lwshm_segment *segment = attach_segment();
    CHECK_EQ_INT(2, lwshm_segment_processes(segment, NULL, 0));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment)); /* its creator lives */
    close_segment(segment);
}

static void attach_from_another_pid_namespace(void *arg)
{
    CHECK_EQ_INT(0, unshare(CLONE_NEWPID)); /* for the children to come */
    pid_t child = fork();                   /* test_fork's has no parent that it can see */
    if (child == 0) {
        attach_from_here(arg);
        _exit(0);
    }
    TEST_WAIT(child);
    _exit(0); /* the leak checker does not work in a process that has done this */
}

TEST(a_process_in_another_pid_namespace_is_let_in)
{
    if (!may_unshare(CLONE_NEWPID))
        SKIP("no new PID namespace is to be had");
    lwshm_segment *segment = create_segment(NULL);
    TEST_WAIT(test_fork(attach_from_another_pid_namespace, NULL));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    end_segment(segment);
}
