/*
 * What creators and attachers hear about a data directory that will not do.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#define NOBODY 65534

static char path[4200];

static const char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", test_dir(), name);
    return path;
}

static void create_fails(const char *dir, const char *why)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    options.data_dir = dir;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_DATA_DIR, lwshm_segment_create(&options, &segment));
    CHECK_CONTAINS(dir, error->message);
    CHECK_CONTAINS(why, error->message);
    CHECK_EQ_INT(0, segments_made_by(getpid()));
}

static void attach_fails(const char *dir, const char *why)
{
    lwshm_segment *segment;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_DATA_DIR, lwshm_segment_attach(dir, 0, &segment));
    CHECK_CONTAINS(dir, error->message);
    CHECK_CONTAINS(why, error->message);
}

TEST(a_directory_that_does_not_exist_is_named)
{
    create_fails(in_dir("none"), "does not exist");
    attach_fails(in_dir("none"), "does not exist");
}

TEST(a_file_is_no_data_directory)
{
    int fd = open(in_dir("file"), O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
    create_fails(in_dir("file"), "not a directory");
    attach_fails(in_dir("file"), "not a directory");
}

TEST(a_directory_of_another_user_is_refused)
{
    if (!is_root() || mkdir(in_dir("theirs"), 0777) < 0 || chown(path, NOBODY, NOBODY) < 0)
        SKIP("only root gives a directory away");
    create_fails(in_dir("theirs"), "belongs to user 65534");
    attach_fails(in_dir("theirs"), "belongs to user 65534");
}

/* By relative paths from here on: nobody may not be let in on the way here. */
static void become_nobody(void)
{
    if (chdir(test_dir()) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        FAIL("setuid: %s", strerror(errno));
}

static void as_nobody(void *name)
{
    become_nobody();
    create_fails(name, "not writable");
}

TEST(a_directory_that_is_not_writable_is_refused)
{
    CHECK_EQ_INT(0, mkdir(in_dir("locked"), 0500));
    if (!is_root()) {
        create_fails(path, "not writable");
    } else {
        CHECK_EQ_INT(0, chmod(test_dir(), 0711));
        if (chown(path, NOBODY, NOBODY) < 0)
            SKIP("this root cannot give a directory away");
        TEST_WAIT(test_fork(as_nobody, "locked"));
    }
    CHECK_EQ_INT(0, chmod(path, 0700));
}

static void on_a_read_only_mount(void *arg)
{
    const char *dir = arg;
    CHECK_EQ_INT(0, unshare(CLONE_NEWNS));
    CHECK_EQ_INT(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_EQ_INT(0, mount("none", dir, "tmpfs", 0, "mode=700"));
    CHECK_EQ_INT(0, mount("none", dir, NULL, MS_REMOUNT | MS_RDONLY, NULL));
    create_fails(dir, "Read-only file system");
}

static void try_to_mount(void *arg)
{
    (void)arg;
    _exit(unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0);
}

TEST(a_read_only_file_system_is_refused)
{
    if (test_wait_any(test_fork(try_to_mount, NULL)) != 0)
        SKIP("nothing may be mounted here");
    CHECK_EQ_INT(0, mkdir(in_dir("mounted"), 0700));
    TEST_WAIT(test_fork(on_a_read_only_mount, path));
}

TEST(two_directories_have_two_segments)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *first = create_segment(NULL), *again;
    CHECK_EQ_INT(0, mkdir(in_dir("other"), 0700));
    options.data_dir = path;
    lwshm_segment *second = create_segment(&options);
    CHECK(info_of(first).shmid != info_of(second).shmid);
    CHECK_OK(lwshm_segment_attach(path, 0, &again));
    CHECK_EQ_INT(info_of(second).shmid, info_of(again).shmid);
    close_segment(again);
    end_segment(second);
    end_segment(first);
}

TEST(a_directory_is_the_same_by_whatever_path_it_is_reached)
{
    lwshm_segment *segment = create_segment(NULL), *again;
    CHECK_EQ_INT(0, symlink(test_dir(), in_dir("link")));
    CHECK_OK(lwshm_segment_attach(path, 0, &again));
    CHECK_EQ_INT(info_of(segment).shmid, info_of(again).shmid);
    close_segment(again);
    end_segment(segment);
}

static void attach_as_the_group(void *arg)
{
    lwshm_segment *segment;
    (void)arg;
    become_nobody();
    attach_fails("shared", "belongs to user");
    CHECK_OK(lwshm_segment_attach("shared", 0660, &segment));
    close_segment(segment);
    create_fails("shared", "belongs to user"); /* only the owner does that */
}

TEST(with_a_mode_for_the_group_its_members_attach)
{
    struct lwshm_segment_options options = small_options();
    if (!is_root() || mkdir(in_dir("shared"), 0770) < 0 || chown(path, 0, NOBODY) < 0)
        SKIP("only root becomes another user");
    CHECK_EQ_INT(0, chmod(path, 0770)); /* whatever the umask takes away */
    CHECK_EQ_INT(0, chmod(test_dir(), 0711));
    options.data_dir = path;
    options.mode = 0660;
    if (setegid(NOBODY) < 0)
        SKIP("this root cannot change its group");
    lwshm_segment *segment = create_segment(&options); /* its group is ours of this moment */
    CHECK_EQ_INT(0, setegid(0));
    TEST_WAIT(test_fork(attach_as_the_group, NULL));
    end_segment(segment);
}
