/*
 * The data directory: what it is, and whose.
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
