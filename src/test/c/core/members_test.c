/*
 * Members: one live segment a directory, whatever becomes of it, and death told by the kernel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "core/members.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static const char *in_dir(const char *name)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s/%s", test_dir(), name);
    return path;
}

static const struct lwshm_error *create_is_refused(void)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *second;
    return CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
}

/* ---- one live segment ---- */

TEST(a_segment_lives_on_without_its_creator_and_the_last_one_out_deletes_it)
{
    lwshm_segment *first = create_segment(NULL), *second = attach_segment();
    int shmid = info_of(first).shmid;
    close_segment(first);
    CHECK(segment_exists(shmid));
    CHECK_EQ_INT(getpid(), create_is_refused()->values[0]);
    lwshm_segment *third = attach_segment();
    CHECK_EQ_INT(shmid, info_of(third).shmid);
    close_segment(second);
    CHECK(segment_exists(shmid));
    end_segment(third);
}

TEST(beside_a_segment_that_was_removed_none_is_made_while_it_is_in_use)
{
    lwshm_segment *first = create_segment(NULL);
    int shmid = info_of(first).shmid;
    CHECK_EQ_UINT(0, info_of(first).is_removed);
    CHECK_EQ_INT(0, shmctl(shmid, IPC_RMID, NULL));
    CHECK_EQ_UINT(1, info_of(first).is_removed);
    const struct lwshm_error *error = create_is_refused();
    CHECK_CONTAINS("has been removed", error->message);
    CHECK_EQ_INT(getpid(), error->values[0]);
    lwshm_segment *second = attach_segment(); /* the kernel still lets it in */
    CHECK_EQ_INT(shmid, info_of(second).shmid);
    close_segment(first);
    create_is_refused();
    close_segment(second);
    end_segment(create_segment(NULL));
}

static void use_up_descriptors(void)
{
    struct rlimit few = {40, 40};
    CHECK_EQ_INT(0, setrlimit(RLIMIT_NOFILE, &few));
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
}

static void leave_without_a_descriptor(void *unused)
{
    (void)unused;
    lwshm_segment *only = create_segment(NULL);
    int shmid = info_of(only).shmid;
    use_up_descriptors();
    close_segment(only);
    CHECK(!segment_exists(shmid));
}

static void attach_with_few_descriptors(void *unused)
{
    (void)unused;
    lwshm_segment *first = create_segment(NULL), *second;
    use_up_descriptors();
    int spare = 0;
    while (lwshm_segment_attach(test_dir(), 0, &second) < 0) {
        CHECK_CONTAINS("ulimit -n", lwshm_last_error()->message);
        CHECK_EQ_INT(1, lwshm_segment_processes(first, NULL, 0));
        close(39 - spare++);
    }
    CHECK(spare > 1 && spare < 6);
    close_segment(second);
    close_segment(first);
}

TEST(who_lacks_descriptors_is_told_so_at_each_step)
{
    TEST_WAIT(test_fork(attach_with_few_descriptors, NULL));
}

TEST(the_last_one_out_deletes_though_it_has_no_descriptor_left)
{
    TEST_WAIT(test_fork(leave_without_a_descriptor, NULL));
}

TEST(a_removed_segment_that_the_kernel_does_not_give_any_more_is_told_with_its_members)
{
    lwshm_segment *segment = create_segment(NULL), *none;
    int shmid = info_of(segment).shmid;
    char *base = (char *)(uintptr_t)info_of(segment).base;
    size_t size = info_of(segment).size;
    CHECK_EQ_INT(0, shmctl(shmid, IPC_RMID, NULL));
    char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(copy, base, size);
    CHECK_EQ_INT(0, shmdt(base)); /* it is gone, and its member goes on with a copy */
    CHECK(mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, base) == base);
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &none));
    CHECK_CONTAINS("has been removed", error->message);
    CHECK_EQ_INT(getpid(), error->values[0]);
    CHECK_CONTAINS("has been removed", create_is_refused()->message);
    CHECK_OK(lwshm_segment_detach(segment, LWSHM_DETACH_KEEP_ADDRESS));
    close_segment(segment);
    end_segment(create_segment(NULL));
}

TEST(when_the_members_file_was_removed_the_segment_is_found_by_its_key_and_is_in_use)
{
    lwshm_segment *segment = create_segment(NULL);
    int shmid = info_of(segment).shmid;
    CHECK_EQ_INT(0, unlink(in_dir(OS_MEMBERS_FILE)));
    CHECK_CONTAINS("the file was removed under them", create_is_refused()->message);
    CHECK_EQ_INT(getpid(), lwshm_last_error()->values[0]);
    close_segment(segment);
    CHECK(!segment_exists(shmid)); /* it finds its own file still */
    end_segment(create_segment(NULL));
}

TEST(a_record_that_was_overwritten_is_none_but_the_members_are_known)
{
    lwshm_segment *segment = create_segment(NULL), *none;
    CHECK_EQ_INT(0, truncate(in_dir(OS_MEMBERS_FILE), 0));
    CHECK_CONTAINS(
        "has been overwritten",
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &none))->message);
    CHECK_CONTAINS("by processes that cannot be named", lwshm_last_error()->message);
    CHECK_CONTAINS("has been overwritten", create_is_refused()->message);
    int shmid = info_of(segment).shmid;
    close_segment(segment);
    CHECK(segment_exists(shmid)); /* no record names it */
    segment = create_segment(NULL);
    CHECK(!segment_exists(shmid));
    end_segment(segment);
}

/* ---- a copied directory ---- */

static void copy_to(const char *name)
{
    char command[9000];
    struct stat st;
    snprintf(command, sizeof command, "mkdir '%s' && cp -a '%s/%s' '%s/'", in_dir(name), test_dir(),
             OS_MEMBERS_FILE, in_dir(name));
    CHECK_EQ_INT(0, system(command));
    CHECK_EQ_INT(0, stat(in_dir(name), &st));
}

TEST(in_a_copy_of_a_directory_in_use_the_original_is_left_alone)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *original = create_segment(NULL), *copy;
    copy_to("copy");
    options.data_dir = in_dir("copy");
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(options.data_dir, 0, &copy));
    CHECK_EQ_INT(LWSHM_OPENED_CREATED, CHECK_OK(lwshm_segment_open(&options, &copy, NULL, 0)));
    CHECK_OK(lwshm_segment_publish(copy));
    CHECK(info_of(copy).shmid != info_of(original).shmid);
    CHECK_EQ_INT(1, lwshm_segment_processes(original, NULL, 0));
    end_segment(copy);
    end_segment(create_segment(&options));
    CHECK_EQ_UINT(0, info_of(original).is_removed);
    close_segment(attach_segment());
    end_segment(original);
}

static void create_and_be_killed(void *arg)
{
    (void)arg;
    create_segment(NULL);
    raise(SIGKILL);
}

TEST(in_a_copy_of_a_directory_with_an_orphan_the_orphan_is_left_alone)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *copy, *adopted;
    CHECK_EQ_INT(-SIGKILL, test_wait_any(test_fork(create_and_be_killed, NULL)));
    copy_to("copy");
    options.data_dir = in_dir("copy");
    CHECK_EQ_INT(LWSHM_OPENED_CREATED, CHECK_OK(lwshm_segment_open(&options, &copy, NULL, 0)));
    end_segment(copy);
    options.data_dir = test_dir();
    CHECK_EQ_INT(LWSHM_OPENED_ADOPTED, CHECK_OK(lwshm_segment_open(&options, &adopted, NULL, 0)));
    CHECK_OK(lwshm_segment_publish(adopted));
    end_segment(adopted);
}

/* ---- who is dead ---- */

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

static void begin(void)
{
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 4).offset;
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static int act_close_descriptors(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)self;
    (void)unused;
    (void)unused2;
    return (int)syscall(SYS_close_range, 3, ~0u, 0);
}

TEST(a_member_that_has_closed_all_descriptors_lives_recovers_and_leaves_in_order)
{
    begin();
    struct actor *bare = actor_start(), *doomed = actor_start();
    CHECK_OK(actor_do(bare, act_close_descriptors, 0, 0));
    CHECK_OK(actor_do(bare, act_acquire, lock, X));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, S));
    create_is_refused();
    CHECK_OK(actor_do(doomed, act_acquire, lock + 64, X));
    test_kill(doomed->pid);
    CHECK_EQ_INT(LWSHM_E_OWNER_DIED, actor_do(bare, act_acquire, lock + 64, S));
    CHECK_OK(actor_do(bare, act_release, lock, 0));
    actor_end(bare);
    CHECK_OK(lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    end();
}

/* A member forks without telling the library, and is killed; its child lives on. */
static int act_fork_raw(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)self;
    (void)unused;
    (void)unused2;
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        for (;;)
            pause();
    return child;
}

TEST(a_dead_members_child_does_not_make_it_live)
{
    begin();
    struct actor *parent = actor_start();
    CHECK_OK(actor_do(parent, act_acquire, lock, X));
    pid_t child = (pid_t)CHECK_OK(actor_do(parent, act_fork_raw, 0, 0));
    test_kill(parent->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    CHECK_EQ_INT(0, kill(child, SIGKILL));
    end();
}

/* In each the pid and start time in the entry mislead; the kernel's lock does not. */
TEST(what_an_entry_says_of_its_process_decides_nothing_while_the_kernel_tells)
{
    begin();
    struct actor *live = actor_start();
    CHECK_OK(actor_do(live, act_acquire, lock, X));
    uint32_t entry = (uint32_t)slot_at(segment, live->slot)->identity >> 8 & 0xffff;
    struct process_entry *e = process_at(segment, entry);
    e->process = (1ull << IDENTITY_PID_BITS) - 1; /* nobody has that pid */
    e->namespaces ^= 1;                           /* and it is one of elsewhere */
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    e->process = 1 | 99ull << IDENTITY_PID_BITS; /* another user's, hidden or not */
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    test_kill(live->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    end();
}
