/*
 * The data directory: what it is, its lock, its note.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "os/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static struct os_data_dir dir;

static void begin(void)
{
    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &dir));
}

static void end(void)
{
    os_data_dir_close(&dir);
    CHECK_EQ_INT(-1, dir.fd);
    os_data_dir_close(&dir); /* harmless */
}

static const char *in_dir(const char *name)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s/%s", test_dir(), name);
    return path;
}

static void write_file(const char *name, const char *text, size_t length)
{
    FILE *f = fopen(in_dir(name), "w");
    CHECK(f != NULL && fwrite(text, 1, length, f) == length && fclose(f) == 0);
}

TEST(a_directory_is_known_by_device_inode_and_owner)
{
    struct stat st;
    begin();
    CHECK_EQ_INT(0, stat(test_dir(), &st));
    CHECK_EQ_UINT(st.st_dev, dir.dev);
    CHECK_EQ_UINT(st.st_ino, dir.ino);
    CHECK_EQ_UINT(st.st_uid, dir.uid);
    CHECK_EQ_UINT(geteuid(), os_user());
    CHECK_EQ_INT(0, os_data_dir_writable(&dir));
    end();
}

TEST(what_is_no_directory_is_not_opened)
{
    struct os_data_dir none;
    write_file("file", "", 0);
    CHECK_EQ_INT(-ENOTDIR, os_data_dir_open(in_dir("file"), &none));
    CHECK_EQ_INT(-ENOENT, os_data_dir_open(in_dir("none"), &none));
}

/* ---- the lock ---- */

TEST(the_lock_excludes_another_opener_and_is_let_go)
{
    struct os_data_dir other;
    begin();
    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &other));
    CHECK_EQ_INT(0, os_data_dir_lock(&dir, 0));
    CHECK_EQ_INT(-EWOULDBLOCK, os_data_dir_lock(&other, 0));
    CHECK_EQ_INT(-EWOULDBLOCK, os_data_dir_lock(&other, 3000000));
    os_data_dir_unlock(&dir);
    CHECK_EQ_INT(0, os_data_dir_lock(&other, 0));
    os_data_dir_close(&other); /* lets it go, too */
    CHECK_EQ_INT(0, os_data_dir_lock(&dir, 0));
    end();
}

static void lock_and_end(void *arg)
{
    struct os_data_dir own;
    (void)arg;
    CHECK_EQ_INT(0, os_data_dir_open(test_dir(), &own));
    CHECK_EQ_INT(0, os_data_dir_lock(&own, 0));
    _exit(0);
}

TEST(the_lock_ends_with_its_holder)
{
    begin();
    TEST_WAIT(test_fork(lock_and_end, NULL));
    CHECK_EQ_INT(0, os_data_dir_lock(&dir, 0));
    end();
}

/* ---- the note ---- */

static struct os_segment_note some_note(void)
{
    struct os_segment_note note = {.key = -5,
                                   .shmid = 123456,
                                   .creator = UINT64_MAX - 1,
                                   .ipc_namespace = 4026531839,
                                   .pid_namespace = 4026531836};
    for (int i = 0; i < 16; i++)
        note.boot_id[i] = (uint8_t)(i * 17);
    return note;
}

TEST(a_note_is_read_as_it_was_written)
{
    struct os_segment_note note = some_note(), read = {0};
    begin();
    CHECK_EQ_INT(-ENOENT, os_segment_note_read(&dir, &read));
    CHECK_EQ_INT(0, os_segment_note_write(&dir, &note));
    CHECK_EQ_INT(0, os_segment_note_read(&dir, &read));
    CHECK_EQ_INT(note.key, read.key);
    CHECK_EQ_INT(note.shmid, read.shmid);
    CHECK_EQ_UINT(note.creator, read.creator);
    CHECK_EQ_UINT(note.ipc_namespace, read.ipc_namespace);
    CHECK_EQ_UINT(note.pid_namespace, read.pid_namespace);
    CHECK(memcmp(note.boot_id, read.boot_id, 16) == 0);
    note.shmid = -1;
    CHECK_EQ_INT(0, os_segment_note_write(&dir, &note)); /* in place of the old one */
    CHECK_EQ_INT(0, os_segment_note_read(&dir, &read));
    CHECK_EQ_INT(-1, read.shmid);
    CHECK_EQ_INT(0, os_segment_note_remove(&dir));
    CHECK_EQ_INT(-ENOENT, os_segment_note_read(&dir, &read));
    CHECK_EQ_INT(-ENOENT, os_segment_note_remove(&dir));
    end();
}

TEST(a_file_that_is_no_note_is_not_taken_for_one)
{
    static const char *const texts[] = {
        "",
        "lwshm segment\n",
        "lwshm segment\nkey 1\nshmid 2\ncreator 3\nipc_namespace 4\npid_namespace 5\n",
        "lwshm segment\nkey 1\nshmid 2\ncreator 3\nipc_namespace 4\npid_namespace 5\nboot_id 0\n",
        "lwshm segment\nkey x\nshmid 2\ncreator 3\nipc_namespace 4\npid_namespace 5\nboot_id "
        "000102030405060708090a0b0c0d0e0f\n",
        "lwshm segment\nkey 1\nshmid 2\ncreator 3\nipc_namespace 4\npid_namespace 5\nboot_id "
        "zz0102030405060708090a0b0c0d0e0f\n",
    };
    struct os_segment_note note;
    begin();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_file(OS_SEGMENT_NOTE, texts[i], strlen(texts[i]));
        CHECK_EQ_INT(-EINVAL, os_segment_note_read(&dir, &note));
    }
    char *noise = malloc(100000);
    CHECK(noise != NULL);
    for (int i = 0; i < 100000; i++)
        noise[i] = (char)(i * 7919);
    write_file(OS_SEGMENT_NOTE, noise, 100000);
    CHECK_EQ_INT(-EINVAL, os_segment_note_read(&dir, &note));
    free(noise);
    end();
}

TEST(a_note_that_leads_elsewhere_is_neither_followed_nor_waited_for)
{
    struct os_segment_note note = some_note();
    begin();
    write_file("elsewhere", "precious", 8);
    CHECK_EQ_INT(0, symlink("elsewhere", in_dir(OS_SEGMENT_NOTE)));
    CHECK_EQ_INT(-ELOOP, os_segment_note_read(&dir, &note));
    CHECK_EQ_INT(0, unlink(in_dir(OS_SEGMENT_NOTE)));
    CHECK_EQ_INT(0, mkfifo(in_dir(OS_SEGMENT_NOTE), 0600));
    CHECK(os_segment_note_read(&dir, &note) < 0);
    CHECK_EQ_INT(0, os_segment_note_write(&dir, &note)); /* replaces it */
    CHECK_EQ_INT(0, os_segment_note_read(&dir, &note));
    CHECK_EQ_INT(0, symlink("elsewhere", in_dir(OS_SEGMENT_NOTE ".new")));
    CHECK(os_segment_note_write(&dir, &note) < 0);
    char text[16] = "";
    FILE *f = fopen(in_dir("elsewhere"), "r");
    CHECK(f != NULL && fread(text, 1, 15, f) == 8 && fclose(f) == 0);
    CHECK_EQ_STR("precious", text);
    end();
}

TEST(a_half_written_note_of_an_earlier_life_is_no_obstacle)
{
    struct os_segment_note note = some_note();
    begin();
    write_file(OS_SEGMENT_NOTE ".new", "lwshm seg", 9);
    CHECK_EQ_INT(0, os_segment_note_write(&dir, &note));
    CHECK_EQ_INT(0, os_segment_note_read(&dir, &note));
    CHECK(access(in_dir(OS_SEGMENT_NOTE ".new"), F_OK) < 0);
    end();
}
