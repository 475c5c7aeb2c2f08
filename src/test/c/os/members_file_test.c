/*
 * The members file: locks that last exactly as long as their holder wants and lives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "os/members_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
