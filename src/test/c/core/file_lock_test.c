/*
 * The kernel's lock on a file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "lwshm/process.h"

static const char *in_dir(const char *name)
{
    static char path[2][4200];
    static int next;
    next = !next;
    snprintf(path[next], sizeof path[next], "%s/%s", test_dir(), name);
    return path[next];
}

static const char *make_file(const char *name)
{
    const char *path = in_dir(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0 && close(fd) == 0);
    return path;
}

/* ---- who has it ---- */

static void lock_and_stay(void *arg)
{
    CHECK_OK(lwshm_file_lock(in_dir("file")));
    __atomic_store_n((uint32_t *)arg, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

TEST(one_process_has_it_until_it_is_killed)
{
    uint32_t *locked = shared_zeros(sizeof *locked);
    const char *path = make_file("file");
    pid_t holder = test_fork(lock_and_stay, locked);
    AWAIT(__atomic_load_n(locked, __ATOMIC_SEQ_CST) == 1);
    CHECK_CONTAINS(path, CHECK_FAILS(LWSHM_E_IN_USE, lwshm_file_lock(path))->message);
    test_kill(holder);
    CHECK_OK(lwshm_file_unlock(CHECK_OK(lwshm_file_lock(path))));
}

static void stay(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

TEST(what_is_given_back_is_free_though_a_fork_has_a_copy)
{
    const char *path = make_file("file");
    int lock = CHECK_OK(lwshm_file_lock(path));
    CHECK_FAILS(LWSHM_E_IN_USE, lwshm_file_lock(path));
    pid_t copy = test_fork(stay, NULL);
    CHECK_OK(lwshm_file_unlock(lock));
    lock = CHECK_OK(lwshm_file_lock(path));
    CHECK_OK(lwshm_file_unlock(lock));
    test_kill(copy);
}

TEST(programs_that_are_started_do_not_get_it)
{
    int lock = CHECK_OK(lwshm_file_lock(make_file("file")));
    CHECK((fcntl(lock, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_OK(lwshm_file_unlock(lock));
}

/* ---- what is locked ---- */

TEST(only_regular_files_are_locked)
{
    CHECK_EQ_INT(0, symlink(make_file("file"), in_dir("link")));
    CHECK_EQ_INT(0, mkfifo(in_dir("pipe"), 0600));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_file_lock(in_dir("link")));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_file_lock(in_dir("pipe")));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_file_lock(test_dir()));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_file_lock("/dev/null"));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_file_lock(NULL));
    CHECK_OK(lwshm_file_unlock(CHECK_OK(lwshm_file_lock(in_dir("file")))));
}

TEST(a_file_that_is_missing_is_not_made)
{
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_file_lock(in_dir("none")));
    CHECK(access(in_dir("none"), F_OK) < 0);
    make_file("file");
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_file_lock(in_dir("file/below")));
}

TEST(a_lock_is_at_its_path_until_the_file_there_goes_or_is_replaced)
{
    const char *path = make_file("file");
    int lock = CHECK_OK(lwshm_file_lock(path));
    CHECK_EQ_INT(1, CHECK_OK(lwshm_file_lock_is_at(lock, path)));
    CHECK_EQ_INT(0, CHECK_OK(lwshm_file_lock_is_at(lock, make_file("other"))));
    CHECK_EQ_INT(0, rename(in_dir("other"), path = in_dir("file")));
    CHECK_EQ_INT(0, CHECK_OK(lwshm_file_lock_is_at(lock, path)));
    CHECK_OK(lwshm_file_unlock(lock));
    lock = CHECK_OK(lwshm_file_lock(path));
    CHECK_EQ_INT(1, CHECK_OK(lwshm_file_lock_is_at(lock, path)));
    CHECK_EQ_INT(0, unlink(path));
    CHECK_EQ_INT(0, CHECK_OK(lwshm_file_lock_is_at(lock, path)));
    CHECK_EQ_INT(0, symlink("/dev/null", path));
    CHECK_EQ_INT(0, CHECK_OK(lwshm_file_lock_is_at(lock, path)));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_file_lock_is_at(lock, NULL));
    CHECK_OK(lwshm_file_unlock(lock));
}

TEST(a_number_that_is_no_lock_is_told)
{
    CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_file_lock_is_at(9999, test_dir()));
    CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_file_unlock(9999));
}
