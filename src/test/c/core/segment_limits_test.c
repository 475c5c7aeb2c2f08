/*
 * What a creator hears when the kernel will not give the memory: the setting to look at,
 * and its value.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <sched.h>
#include <sys/shm.h>
#include <unistd.h>

#include "fixture.h"
#include "os/sysv_shm.h"

/* Settings of a new IPC namespace, which are its own. */
static bool write_setting(const char *name, const char *value)
{
    char file[64];
    snprintf(file, sizeof file, "/proc/sys/kernel/%s", name);
    FILE *f = fopen(file, "w");
    if (f == NULL)
        return false;
    bool written = fputs(value, f) >= 0;
    return fclose(f) == 0 && written;
}

static void try_to_set(void *arg)
{
    (void)arg;
    _exit(unshare(CLONE_NEWIPC) < 0 || !write_setting("shmmax", "1048576"));
}

static bool may_set(void)
{
    return test_wait_any(test_fork(try_to_set, NULL)) == 0;
}

static const struct lwshm_error *create_fails(const char *data_dir, uint64_t bytes)
{
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    options.data_dir = data_dir;
    options.area_bytes = bytes;
    return CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_segment_create(&options, &segment));
}

static void nothing_is_left(void)
{
    lwshm_segment *segment;
    CHECK_EQ_INT(0, segments_made_by(getpid()));
    /* Not "being created": nobody is at it any more. */
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &segment));
}

static void exceed_shmmax(void *arg)
{
    (void)arg;
    CHECK_EQ_INT(0, unshare(CLONE_NEWIPC));
    CHECK(write_setting("shmmax", "100000"));
    const char *dirs[] = {test_dir(), NULL};
    for (int i = 0; i < 2; i++) {
        const struct lwshm_error *error = create_fails(dirs[i], 200000);
        CHECK_EQ_INT(EINVAL, error->sys_errno);
        CHECK_CONTAINS("kernel.shmmax", error->message);
        CHECK_CONTAINS("100000", error->message);
    }
    nothing_is_left();
    end_segment(create_segment(NULL)); /* a smaller one fits */
}

TEST(beyond_shmmax_the_message_names_the_setting_and_its_value)
{
    if (!may_set())
        SKIP("the kernel's settings may not be written");
    TEST_WAIT(test_fork(exceed_shmmax, NULL));
}

static void exceed_shmmni(void *arg)
{
    (void)arg;
    CHECK_EQ_INT(0, unshare(CLONE_NEWIPC));
    CHECK(write_setting("shmmni", "3"));
    int others[3];
    for (int i = 0; i < 3; i++)
        others[i] = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    const struct lwshm_error *error = create_fails(test_dir(), 1000);
    CHECK_EQ_INT(ENOSPC, error->sys_errno);
    CHECK_CONTAINS("kernel.shmmni", error->message);
    CHECK_CONTAINS(" 3 ", error->message);
    CHECK_EQ_INT(3, segments_made_by(getpid()));
    for (int i = 0; i < 3; i++)
        shmctl(others[i], IPC_RMID, NULL);
    nothing_is_left();
}

TEST(beyond_shmmni_the_message_names_the_setting_and_its_value)
{
    if (!may_set())
        SKIP("the kernel's settings may not be written");
    TEST_WAIT(test_fork(exceed_shmmni, NULL));
}

static void exceed_shmall(void *arg)
{
    (void)arg;
    CHECK_EQ_INT(0, unshare(CLONE_NEWIPC));
    CHECK(write_setting("shmall", "10"));
    const struct lwshm_error *error = create_fails(test_dir(), 1000000);
    CHECK_EQ_INT(ENOSPC, error->sys_errno);
    CHECK_CONTAINS("kernel.shmall 10 pages", error->message);
    nothing_is_left();
}

TEST(beyond_shmall_the_message_names_the_setting_and_its_value)
{
    if (!may_set())
        SKIP("the kernel's settings may not be written");
    TEST_WAIT(test_fork(exceed_shmall, NULL));
}

/* ---- huge pages ---- */

TEST(huge_pages_that_are_insisted_on_and_not_there_are_an_error_that_names_the_setting)
{
    if (os_huge_page_size() == 0 || os_kernel_setting("/proc/sys/vm/nr_hugepages") != 0 ||
        os_kernel_setting("/proc/sys/vm/nr_overcommit_hugepages") != 0)
        SKIP("there are huge pages, or none can be");
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    options.huge_pages = LWSHM_HUGE_PAGES_ON;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_segment_create(&options, &segment));
    if (error->sys_errno == ENOMEM)
        CHECK_CONTAINS("vm.nr_hugepages is 0", error->message);
    else
        CHECK_CONTAINS("vm.hugetlb_shm_group", error->message); /* not even allowed to ask */
    nothing_is_left();
}

TEST(huge_pages_that_are_tried_and_not_there_become_normal_ones)
{
    if (os_kernel_setting("/proc/sys/vm/nr_hugepages") != 0 ||
        os_kernel_setting("/proc/sys/vm/nr_overcommit_hugepages") != 0)
        SKIP("there are huge pages");
    struct lwshm_segment_options options = small_options();
    struct lwshm_segment_size size;
    options.huge_pages = LWSHM_HUGE_PAGES_TRY;
    lwshm_segment *segment = create_segment(&options);
    CHECK_EQ_UINT(0, info_of(segment).huge_pages);
    CHECK_OK(lwshm_segment_plan(&options, &size));
    CHECK_EQ_UINT(size.total, info_of(segment).size);
    CHECK_EQ_INT(1, segments_made_by(getpid()));
    end_segment(segment);
}
