/*
 * The members file: locks that last exactly as long as their holder wants and lives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "os/members_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "os/process.h"

#define BYTE 7

static struct os_data_dir dir;
static struct os_file_id id;
static int fd;

static void begin(void)
{
    os_watch_forks();
    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &dir));
    fd = os_members_open(&dir, true, &id);
    CHECK(fd >= 0);
}

static void end(void)
{
    os_members_close(fd);
    os_data_dir_close(&dir);
}

static bool is_locked(void)
{
    return os_members_is_locked(fd, BYTE, false) == 1;
}

static os_file_hold *hold(bool exclusive)
{
    os_file_hold *held = NULL;
    CHECK_EQ_INT(0, os_members_hold(&dir, BYTE, exclusive, &id, &held));
    CHECK(held != NULL);
    return held;
}

static const char *in_dir(const char *name)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s/%s", test_dir(), name);
    return path;
}

/* ---- the file ---- */

TEST(the_file_is_made_for_its_owner_alone_and_once)
{
    struct stat st;
    struct os_file_id again;
    begin();
    CHECK_EQ_INT(0, fstat(fd, &st));
    CHECK_EQ_UINT(0600, st.st_mode & 07777);
    CHECK_EQ_UINT(st.st_ino, id.ino);
    CHECK_EQ_UINT(st.st_dev, id.dev);
    int second = os_members_open(&dir, true, &again);
    CHECK(second >= 0 && again.ino == id.ino);
    os_members_close(second);
    CHECK_EQ_INT(0, os_members_set_mode(fd, 0660));
    CHECK_EQ_INT(0, fstat(fd, &st));
    CHECK_EQ_UINT(0660, st.st_mode & 07777);
    CHECK_EQ_UINT(getegid(), st.st_gid);
    end();
}

TEST(what_is_no_file_is_refused)
{
    struct os_file_id none;
    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &dir));
    CHECK_EQ_INT(-ENOENT, os_members_open(&dir, false, &none));
    CHECK_EQ_INT(0, symlink("elsewhere", in_dir(OS_MEMBERS_FILE)));
    CHECK_EQ_INT(-EISDIR, os_members_open(&dir, true, &none));
    CHECK_EQ_INT(0, unlink(in_dir(OS_MEMBERS_FILE)));
    CHECK_EQ_INT(0, mkfifo(in_dir(OS_MEMBERS_FILE), 0600));
    CHECK_EQ_INT(-EISDIR, os_members_open(&dir, true, &none));
    os_data_dir_close(&dir);
}

TEST(a_file_that_may_not_be_changed_is_not_taken_for_another_owners)
{
    char command[4300];
    struct os_file_id none;
    begin();
    os_members_close(fd);
    snprintf(command, sizeof command, "chattr +i '%s' 2>&1", in_dir(OS_MEMBERS_FILE));
    if (system(command) != 0)
        SKIP("chattr is not to be had here");
    CHECK_EQ_INT(-EACCES, os_members_open(&dir, true, &none));
    snprintf(command, sizeof command, "chattr -i '%s'", in_dir(OS_MEMBERS_FILE));
    CHECK_EQ_INT(0, system(command));
    os_data_dir_close(&dir);
}

TEST(it_is_found_again_when_it_was_renamed_and_when_all_descriptors_were_closed)
{
    struct os_members_file file;
    char moved[4300];
    begin();
    CHECK_EQ_INT(0, os_members_remember(&dir, &id, &file));
    CHECK_EQ_INT(0, syscall(SYS_close_range, 3, ~0u, 0));
    fd = os_members_reopen(&file);
    CHECK(fd >= 0);
    os_members_close(fd);
    os_members_forget(&file);

    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &dir));
    CHECK_EQ_INT(0, os_members_remember(&dir, &id, &file));
    snprintf(moved, sizeof moved, "%s", in_dir("moved"));
    CHECK_EQ_INT(0, rename(in_dir(OS_MEMBERS_FILE), moved));
    fd = os_members_reopen(&file);
    CHECK(fd >= 0);
    os_members_close(fd);
    os_members_forget(&file);
    os_members_forget(&file); /* harmless */
    os_data_dir_close(&dir);
}

TEST(what_has_the_number_of_a_closed_descriptor_by_now_is_not_opened)
{
    struct os_members_file file;
    char event[512];
    begin();
    CHECK_EQ_INT(0, os_members_remember(&dir, &id, &file));
    CHECK_EQ_INT(0, mkfifo(in_dir("pipe"), 0600));
    int pipe = open(in_dir("pipe"), O_RDWR), watch = inotify_init1(IN_NONBLOCK);
    CHECK_EQ_INT(file.reference, dup2(pipe, file.reference));
    CHECK(inotify_add_watch(watch, in_dir("pipe"), IN_OPEN) >= 0);
    int again = os_members_reopen(&file);
    CHECK(again >= 0);
    CHECK_EQ_INT(-1, read(watch, event, sizeof event));
    os_members_close(again);
    os_members_forget(&file);
    close(pipe);
    close(watch);
    end();
}

TEST(another_file_at_its_path_is_not_it)
{
    struct os_members_file file;
    begin();
    CHECK_EQ_INT(0, os_members_remember(&dir, &id, &file));
    CHECK_EQ_INT(0, syscall(SYS_close_range, 3, ~0u, 0));
    int keep = open(in_dir(OS_MEMBERS_FILE), O_RDONLY); /* or its inode might be used again */
    CHECK_EQ_INT(0, unlink(in_dir(OS_MEMBERS_FILE)));
    CHECK_EQ_INT(0, close(open(in_dir(OS_MEMBERS_FILE), O_CREAT | O_RDWR, 0600)));
    CHECK_EQ_INT(-ESTALE, os_members_reopen(&file));
    close(keep);
    os_members_forget(&file);
}

TEST(what_is_written_is_read)
{
    char text[8] = "";
    begin();
    CHECK_EQ_INT(-ENODATA, os_members_read(fd, 0, text, 4));
    CHECK_EQ_INT(0, os_members_write(fd, 100, "text", 4));
    CHECK_EQ_INT(0, os_members_read(fd, 100, text, 4));
    CHECK_EQ_STR("text", text);
    end();
}

/* ---- the locks ---- */

static os_file_hold *hold_byte(uint64_t byte)
{
    os_file_hold *held;
    struct os_file_id opened;
    CHECK_EQ_INT(0, os_members_hold(&dir, byte, true, &opened, &held));
    return held;
}

TEST(the_first_locked_byte_is_found_in_whatever_order_they_were_locked)
{
    static const uint64_t bytes[] = {BYTE + 30, BYTE + 2, BYTE + 70, BYTE + 31, BYTE + 9};
    static const uint64_t sorted[] = {BYTE + 2, BYTE + 9, BYTE + 30, BYTE + 31, BYTE + 70};
    os_file_hold *held[5];
    begin();
    CHECK_EQ_UINT(BYTE + 100, os_members_first_locked(fd, BYTE, BYTE + 100));
    for (int i = 0; i < 5; i++)
        held[i] = hold_byte(bytes[i]);
    uint64_t byte = BYTE;
    for (int i = 0; i < 5; i++, byte++) {
        byte = os_members_first_locked(fd, byte, BYTE + 100);
        CHECK_EQ_UINT(sorted[i], byte);
    }
    CHECK_EQ_UINT(BYTE + 100, os_members_first_locked(fd, byte, BYTE + 100));
    for (int i = 0; i < 5; i++)
        os_members_release(held[i]);
    end();
}

TEST(one_writer_or_many_readers_have_a_byte)
{
    os_file_hold *held, *more;
    begin();
    CHECK(!is_locked());
    held = hold(true);
    CHECK(is_locked());
    CHECK_EQ_INT(1, os_members_any_locked(fd, 1));
    CHECK_EQ_INT(0, os_members_any_locked(fd, BYTE + 1));
    CHECK_EQ_INT(-EAGAIN, os_members_hold(&dir, BYTE, true, &id, &more));
    CHECK_EQ_INT(-EAGAIN, os_members_hold(&dir, BYTE, false, &id, &more));
    os_members_release(held);
    CHECK(!is_locked());
    held = hold(false);
    more = hold(false);
    CHECK(!is_locked());
    CHECK_EQ_INT(1, os_members_is_locked(fd, BYTE, true));
    os_members_release(held);
    os_members_release(more);
    CHECK_EQ_INT(0, os_members_is_locked(fd, BYTE, true));
    os_members_release(NULL);
    end();
}

TEST(closing_all_descriptors_lets_no_lock_go)
{
    os_file_hold *held;
    begin();
    held = hold(true);
    CHECK_EQ_INT(0, syscall(SYS_close_range, 3, ~0u, 0));
    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &dir));
    fd = os_members_open(&dir, false, &id);
    CHECK(is_locked());
    os_members_release(held);
    CHECK(!is_locked());
    end();
}

static uint32_t *step;

static void reach(uint32_t to)
{
    __atomic_store_n(step, to, __ATOMIC_SEQ_CST);
}

static void await_step(uint32_t expected)
{
    while (__atomic_load_n(step, __ATOMIC_SEQ_CST) != expected)
        testing_nap();
}

static void stay(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

TEST(a_forked_child_neither_keeps_a_lock_nor_gives_it_back)
{
    if (is_emulated())
        SKIP("the emulator keeps a mapping in forked children");
    begin();
    os_file_hold *held = hold(true);
    pid_t child = test_fork(stay, NULL);
    CHECK(is_locked());
    os_members_release(held);
    CHECK(!is_locked());
    held = hold(true);
    test_kill(child);
    CHECK(is_locked());
    os_members_release(held);
    end();
}

static void hold_and(void *then)
{
    hold(true);
    reach(1);
    await_step(2);
    if (strcmp(then, "exec") == 0) {
        execlp("sleep", "sleep", "1000", (char *)NULL);
        _exit(1);
    }
    stay(NULL);
}

static pid_t holder_that(const char *then)
{
    step = shared_zeros(sizeof *step);
    pid_t holder = test_fork(hold_and, (void *)(uintptr_t)then);
    AWAIT(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 1);
    CHECK(is_locked());
    return holder;
}

TEST(a_lock_ends_with_its_holder_zombie_or_not)
{
    begin();
    pid_t holder = holder_that("stays");
    kill(holder, SIGSTOP);
    CHECK(is_locked());
    kill(holder, SIGKILL);
    AWAIT(test_has_ended(holder)); /* and nobody has waited for it */
    CHECK(!is_locked());
    test_kill(holder);
    end();
}

TEST(a_lock_ends_when_its_holder_runs_another_program)
{
    begin();
    pid_t holder = holder_that("exec");
    reach(2);
    AWAIT(!is_locked());
    CHECK(!test_has_ended(holder));
    test_kill(holder);
    end();
}

/* ---- on a file system that is stacked on another ---- */

static void make_dir(const char *name)
{
    CHECK_EQ_INT(0, mkdir(in_dir(name), 0700));
}

/* From here on this process, with a mount namespace of its own, has an overlay at "merged". */
static bool mount_overlay(void)
{
    char options[13000], lower[4200], upper[4200];
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", test_dir(), "tmpfs", 0, NULL) < 0)
        return false;
    make_dir("lower");
    make_dir("upper");
    make_dir("work");
    make_dir("merged");
    snprintf(lower, sizeof lower, "%s", in_dir("lower"));
    snprintf(upper, sizeof upper, "%s", in_dir("upper"));
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", lower, upper,
             in_dir("work"));
    return mount("overlay", in_dir("merged"), "overlay", 0, options) == 0;
}

static void attach_and_stay(void *data_dir)
{
    lwshm_segment *segment;
    CHECK_OK(lwshm_segment_attach(data_dir, 0, &segment));
    reach(1);
    await_step(2);
    if (fork() > 0) /* the child lives on and holds nothing */
        stay(NULL);
    reach(3);
    for (uint32_t seen = 3; seen != 4; seen = __atomic_load_n(step, __ATOMIC_SEQ_CST))
        testing_nap();
    _exit(0);
}

static void use_overlay(void *unused)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment, *second;
    (void)unused;
    if (!mount_overlay())
        _exit(2);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    options.data_dir = in_dir("merged");
    segment = create_segment(&options);
    CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    step = shared_zeros(sizeof *step);
    pid_t member = test_fork(attach_and_stay, (void *)(uintptr_t)options.data_dir);
    AWAIT(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 1);
    CHECK_EQ_INT(2, lwshm_segment_processes(segment, NULL, 0));
    CHECK_OK(lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(2, lwshm_segment_processes(segment, NULL, 0));
    close_segment(segment);
    CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    reach(2);
    AWAIT(__atomic_load_n(step, __ATOMIC_SEQ_CST) == 3);
    CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    test_kill(member);
    end_segment(create_segment(&options));
    reach(4);
    while (wait(NULL) > 0) /* the member's child, too */
        continue;
    _exit(0);
}

TEST(where_a_mapping_keeps_no_lock_a_descriptor_does)
{
    int status = test_wait_any(test_fork(use_overlay, NULL));
    if (status == 2)
        SKIP("no overlay file system is to be had");
    CHECK_EQ_INT(0, status);
}
