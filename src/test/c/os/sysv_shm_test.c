/*
 * SysV shared memory as the kernel gives it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "os/sysv_shm.h"

#include <errno.h>
#include <unistd.h>

#include "fixture.h"

#define SIZE 10000

TEST(a_segment_is_made_once_on_a_key_and_found_there)
{
    int32_t key = key_of(test_dir());
    struct os_shm_stat stat;
    CHECK_EQ_INT(-ENOENT, os_shm_find(key));
    int shmid = os_shm_create(key, SIZE, 0640, false);
    CHECK(shmid >= 0);
    CHECK_EQ_INT(-EEXIST, os_shm_create(key, SIZE, 0600, false));
    CHECK_EQ_INT(shmid, os_shm_find(key));
    CHECK_EQ_INT(0, os_shm_stat(shmid, &stat));
    CHECK_EQ_UINT(SIZE, stat.size);
    CHECK_EQ_UINT(0, stat.attached);
    CHECK_EQ_UINT(0640, stat.mode);
    CHECK_EQ_UINT(geteuid(), stat.uid);
    CHECK_EQ_UINT(geteuid(), stat.creator_uid);
    CHECK_EQ_INT(getpid(), stat.creator_pid);
    CHECK_EQ_INT(0, os_shm_remove(shmid));
    CHECK_EQ_INT(-ENOENT, os_shm_find(key));
    CHECK(os_shm_stat(shmid, &stat) < 0);
    CHECK(os_shm_remove(shmid) < 0);
}

TEST(private_segments_have_no_key_in_common)
{
    int first = os_shm_create(0, SIZE, 0600, false), second = os_shm_create(0, SIZE, 0600, false);
    CHECK(first >= 0 && second >= 0 && first != second);
    CHECK_EQ_INT(0, os_shm_remove(first));
    CHECK_EQ_INT(0, os_shm_remove(second));
}

TEST(a_segment_is_attached_where_the_kernel_likes_and_counted)
{
    int shmid = os_shm_create(0, SIZE, 0600, false);
    struct os_shm_stat stat;
    void *first, *second;
    CHECK_EQ_INT(0, os_shm_attach(shmid, false, &first));
    CHECK_EQ_INT(0, os_shm_attach(shmid, true, &second));
    CHECK(first != second);
    strcpy(first, "hello");
    CHECK_EQ_STR("hello", (char *)second);
    CHECK_EQ_INT(0, os_shm_stat(shmid, &stat));
    CHECK_EQ_UINT(2, stat.attached);
    CHECK_EQ_INT(0, os_shm_detach(second));
    CHECK(os_shm_detach(second) < 0);
    CHECK_EQ_INT(0, os_shm_detach_keep_address(first, SIZE));
    CHECK_EQ_INT(0, os_shm_stat(shmid, &stat));
    CHECK_EQ_UINT(0, stat.attached);
    CHECK_EQ_INT(0, *(char *)first); /* zeros, and no fault */
    CHECK_EQ_INT(0, os_shm_remove(shmid));
    CHECK(os_shm_attach(shmid, false, &first) < 0);
}

TEST(the_kernel_tells_its_settings)
{
    CHECK_EQ_UINT(sysconf(_SC_PAGESIZE), os_page_size());
    CHECK(os_kernel_setting("/proc/sys/kernel/shmmax") > 0);
    CHECK(os_kernel_setting("/proc/sys/kernel/shmmni") < UINT64_MAX);
    CHECK_EQ_UINT(UINT64_MAX, os_kernel_setting("/proc/sys/kernel/none of that name"));
    CHECK_EQ_UINT(UINT64_MAX, os_kernel_setting("/proc/sys/kernel/ostype")); /* no number */
    uint64_t huge = os_huge_page_size();
    CHECK(huge == 0 || (huge > os_page_size() && (huge & (huge - 1)) == 0));
}
