/*
 * Strangers on our keys: skipped and left alone, and ours is found past them and after
 * them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE

#include "core/survey.h"

#include <errno.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/members.h"
#include "fixture.h"

/* Another program's segment on one of our keys. */
static int stranger(uint32_t i, size_t size, int mode)
{
    int shmid = shmget(key_of(test_dir()) + (key_t)i, size, IPC_CREAT | IPC_EXCL | mode);
    if (shmid < 0)
        FAIL("shmget: %s", strerror(errno));
    return shmid;
}

static void remove_stranger(int shmid)
{
    CHECK(segment_exists(shmid)); /* it was left alone */
    shmctl(shmid, IPC_RMID, NULL);
}

static void is_skipped(int shmid)
{
    struct shmid_ds before, after;
    CHECK_EQ_INT(0, shmctl(shmid, IPC_STAT, &before));
    lwshm_segment *segment = create_segment(NULL);
    CHECK_EQ_INT(key_of(test_dir()) + 1, info_of(segment).key);
    CHECK_EQ_UINT(1, info_of(segment).generation);
    close_segment(attach_segment());
    CHECK_EQ_INT(0, shmctl(shmid, IPC_STAT, &after));
    CHECK_EQ_UINT(before.shm_segsz, after.shm_segsz);
    CHECK_EQ_UINT(before.shm_nattch, after.shm_nattch);
    remove_stranger(shmid);
    close_segment(attach_segment()); /* ours is found where it was */
    end_segment(segment);
    CHECK_EQ_INT(0, segments_made_by(getpid()));
}

TEST(a_small_segment_of_another_program_is_skipped)
{
    is_skipped(stranger(0, 1, 0600));
}

TEST(a_large_segment_of_another_program_is_skipped)
{
    is_skipped(stranger(0, 1 << 22, 0600));
}

TEST(a_segment_that_nobody_may_read_is_skipped)
{
    is_skipped(stranger(0, 4096, 0));
}

TEST(a_segment_that_others_may_write_is_skipped)
{
    is_skipped(stranger(0, 4096, 0666));
}

TEST(a_segment_with_another_magic_is_skipped)
{
    int shmid = stranger(0, 1 << 16, 0600);
    char *bytes = attach_bytes(shmid);
    memset(bytes, 'x', 1 << 16);
    is_skipped(shmid);
}

/* The bytes of a segment of ours that is there no more. */
static char *copy_of_ours(size_t *size)
{
    lwshm_segment *segment = create_segment(NULL);
    *size = info_of(segment).size;
    char *copy = shared_zeros(*size);
    memcpy(copy, lwshm_shmem_pointer(segment, 0, *size), *size);
    end_segment(segment);
    return copy;
}

/* One of ours in everything but a field. */
static int forgery(const char *changed)
{
    size_t size;
    char *copy = copy_of_ours(&size);
    struct lwshm_layout_field field = layout_field(changed);
    copy[field.offset] ^= 1;
    int shmid = stranger(0, size, 0600);
    char *bytes = attach_bytes(shmid);
    memcpy(bytes, copy, size);
    detach_bytes(bytes);
    return shmid;
}

TEST(a_segment_of_another_directory_is_skipped)
{
    is_skipped(forgery("segment_header.data_dir_ino"));
}

TEST(a_segment_of_another_device_is_skipped)
{
    is_skipped(forgery("segment_header.data_dir_dev"));
}

TEST(a_segment_of_another_boot_is_skipped)
{
    is_skipped(forgery("segment_header.boot_id"));
}

TEST(a_segment_without_a_magic_is_a_strangers_if_no_note_says_otherwise)
{
    is_skipped(forgery("segment_header.magic"));
}

TEST(a_segment_of_ours_with_any_other_field_changed_is_ours_all_the_same)
{
    int shmid = forgery("segment_header.total_size");
    lwshm_segment *segment = create_segment(NULL);
    CHECK(!segment_exists(shmid));
    CHECK_EQ_INT(key_of(test_dir()), info_of(segment).key);
    end_segment(segment);
}

TEST(a_dead_segment_of_another_abi_version_is_replaced)
{
    int shmid = forgery("segment_header.abi_version");
    lwshm_segment *segment = create_segment(NULL);
    CHECK(!segment_exists(shmid));
    end_segment(segment);
}

TEST(several_strangers_are_skipped_one_after_another)
{
    int shmids[5];
    for (uint32_t i = 0; i < 5; i++)
        shmids[i] = stranger(i, 4096, 0600);
    lwshm_segment *segment = create_segment(NULL);
    CHECK_EQ_INT(key_of(test_dir()) + 5, info_of(segment).key);
    remove_stranger(shmids[2]);
    close_segment(attach_segment());
    for (uint32_t i = 0; i < 5; i++)
        if (i != 2)
            remove_stranger(shmids[i]);
    end_segment(segment);
}

static void create_and_be_killed(void *arg)
{
    (void)arg;
    create_segment(NULL);
    raise(SIGKILL);
}

TEST(our_dead_segment_on_a_later_key_is_replaced_when_the_stranger_has_gone)
{
    int shmid = stranger(0, 4096, 0600);
    pid_t killed = test_fork(create_and_be_killed, NULL);
    CHECK_EQ_INT(-SIGKILL, test_wait_any(killed));
    remove_stranger(shmid);
    lwshm_segment *segment = create_segment(NULL);
    CHECK_EQ_INT(0, segments_made_by(killed));
    CHECK_EQ_INT(key_of(test_dir()), info_of(segment).key);
    CHECK_EQ_UINT(2, info_of(segment).generation);
    end_segment(segment);
}

TEST(our_live_segment_on_a_later_key_is_in_use_when_the_stranger_has_gone)
{
    struct lwshm_segment_options options = small_options();
    int shmid = stranger(0, 4096, 0600);
    lwshm_segment *segment = create_segment(NULL), *second;
    remove_stranger(shmid);
    CHECK_FAILS(LWSHM_E_IN_USE, lwshm_segment_create(&options, &second));
    end_segment(segment);
}

/* ---- of another owner ---- */

static void make_as_nobody(void *shmid)
{
    key_t key = key_of(test_dir());
    if (setgid(65534) < 0 || setuid(65534) < 0)
        _exit(2);
    *(int *)shmid = shmget(key, 1 << 16, IPC_CREAT | IPC_EXCL | 0600);
}

TEST(a_segment_of_another_user_is_skipped)
{
    int *shmid = shared_zeros(sizeof *shmid);
    if (!is_root() || test_wait_any(test_fork(make_as_nobody, shmid)) != 0)
        SKIP("only root becomes another user");
    CHECK(*shmid >= 0);
    is_skipped(*shmid);
}

TEST(a_segment_that_another_user_made_to_look_like_ours_is_skipped_even_as_a_gift)
{
    int *shmid = shared_zeros(sizeof *shmid);
    size_t size;
    char *copy = copy_of_ours(&size);
    struct shmid_ds ds;
    lwshm_segment *segment;
    if (!is_root() || test_wait_any(test_fork(make_as_nobody, shmid)) != 0)
        SKIP("only root becomes another user");
    char *bytes = attach_bytes(*shmid);
    memcpy(bytes, copy, size);
    detach_bytes(bytes);
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &segment));
    CHECK_EQ_INT(0, shmctl(*shmid, IPC_STAT, &ds));
    ds.shm_perm.uid = geteuid();
    CHECK_EQ_INT(0, shmctl(*shmid, IPC_SET, &ds));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &segment));
    is_skipped(*shmid);
}

/* ---- the keys ---- */

TEST(the_keys_of_a_directory_are_all_different_and_none_is_that_of_private_segments)
{
    static const uint64_t inodes[] = {0,          1,          12345,      0x7fffffff,
                                      0xfffffff0, 0xffffffff, 1ull << 32, (1ull << 40) + 5};
    static int32_t keys[SURVEY_KEYS];
    for (size_t n = 0; n < sizeof inodes / sizeof *inodes; n++) {
        struct os_data_dir dir = {.ino = inodes[n]};
        for (uint32_t i = 0; i < SURVEY_KEYS; i++) {
            keys[i] = survey_key(&dir, i);
            CHECK(keys[i] != 0);
            for (uint32_t j = 0; j < i; j++)
                CHECK(keys[j] != keys[i]);
        }
    }
}

TEST(a_directory_whose_keys_are_all_taken_gets_no_segment_and_hears_why)
{
    static int shmids[SURVEY_KEYS];
    struct lwshm_segment_options options = small_options();
    lwshm_segment *segment;
    for (uint32_t i = 0; i < SURVEY_KEYS; i++)
        shmids[i] = stranger(i, 1, 0600);
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_segment_create(&options, &segment));
    CHECK_CONTAINS("1024 keys", error->message);
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &segment));
    for (uint32_t i = 0; i < SURVEY_KEYS; i++)
        remove_stranger(shmids[i]);
    end_segment(create_segment(NULL));
}

/* ---- headless segments: of a creator killed before it could write the magic ---- */

enum leaving {
    UNRECORDED,
    RECORDED,
    OF_ANOTHER_SIZE,
    WITH_A_HEAD
};

#define SIZE (1 << 16)

static void record(uint64_t size)
{
    struct os_data_dir dir;
    struct directory_lock lock;
    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &dir));
    CHECK_OK(directory_lock(&dir, test_dir(), true, true, &lock));
    struct members_record record = members_record_new(&lock);
    record.key = key_of(test_dir());
    record.size = size;
    CHECK_OK(members_record_write(&lock, &record));
    directory_unlock(&lock);
    os_data_dir_close(&dir);
}

static int headless(enum leaving how)
{
    if (how != UNRECORDED)
        record(how == OF_ANOTHER_SIZE ? SIZE * 2 : SIZE);
    int shmid = stranger(0, SIZE, 0600);
    char *bytes = attach_bytes(shmid);
    if (how == WITH_A_HEAD)
        strcpy(bytes, "another program's");
    detach_bytes(bytes);
    return shmid;
}

TEST(a_headless_segment_that_the_record_tells_of_is_removed)
{
    int shmid = headless(RECORDED);
    lwshm_segment *segment = create_segment(NULL);
    CHECK(!segment_exists(shmid));
    CHECK_EQ_INT(key_of(test_dir()), info_of(segment).key);
    end_segment(segment);
}

/* Another directory's creator that looks at it: attached now, and not much longer. */
static pid_t neighbour_looks_at(int shmid)
{
    static int *looks;
    looks = shared_zeros(sizeof *looks);
    pid_t pid = fork();
    if (pid == 0) {
        char *bytes = attach_bytes(shmid);
        __atomic_store_n(looks, 1, __ATOMIC_SEQ_CST);
        usleep(50000);
        detach_bytes(bytes);
        _exit(0);
    }
    AWAIT(__atomic_load_n(looks, __ATOMIC_SEQ_CST) == 1);
    return pid;
}

TEST(a_headless_segment_is_removed_though_a_neighbour_looks_at_it)
{
    int shmid = headless(RECORDED);
    pid_t neighbour = neighbour_looks_at(shmid);
    lwshm_segment *segment = create_segment(NULL);
    CHECK(!segment_exists(shmid));
    CHECK_EQ_INT(key_of(test_dir()), info_of(segment).key);
    end_segment(segment);
    test_wait_any(neighbour);
}

static void make_and_be_killed(void *arg)
{
    *(int *)arg = info_of(create_segment(NULL)).shmid;
    raise(SIGKILL);
}

TEST(an_orphan_without_a_record_is_replaced_though_a_neighbour_looks_at_it)
{
    char file[4200];
    int *shmid = shared_zeros(sizeof *shmid);
    CHECK_EQ_INT(-SIGKILL, test_wait_any(test_fork(make_and_be_killed, shmid)));
    snprintf(file, sizeof file, "%s/%s", test_dir(), OS_MEMBERS_FILE);
    CHECK_EQ_INT(0, unlink(file));
    pid_t neighbour = neighbour_looks_at(*shmid);
    lwshm_segment *segment = create_segment(NULL);
    CHECK(!segment_exists(*shmid));
    CHECK_EQ_UINT(2, info_of(segment).generation);
    end_segment(segment);
    test_wait_any(neighbour);
}

TEST(a_headless_segment_that_no_record_tells_of_is_a_strangers)
{
    is_skipped(headless(UNRECORDED));
}

TEST(a_headless_segment_of_another_size_than_the_records_is_a_strangers)
{
    is_skipped(headless(OF_ANOTHER_SIZE));
}

TEST(a_segment_with_another_head_is_a_strangers_whatever_the_record_tells)
{
    is_skipped(headless(WITH_A_HEAD));
}

static void record_and_be_killed(void *arg)
{
    (void)arg;
    record(SIZE);
    raise(SIGKILL);
}

TEST(a_record_of_a_segment_that_was_never_made_is_no_obstacle)
{
    lwshm_segment *none;
    CHECK_EQ_INT(-SIGKILL, test_wait_any(test_fork(record_and_be_killed, NULL)));
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_segment_attach(test_dir(), 0, &none));
    end_segment(create_segment(NULL));
}
