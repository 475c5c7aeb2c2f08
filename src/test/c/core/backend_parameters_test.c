/*
 * The file through which a postmaster tells a child its place: every way in which it can be
 * of no use is named.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "lwshm/postmaster.h"

#define HEAD 24 /* magic, version, size, checksum */

static char path[4200];

static struct lwshm_backend_parameters some(void)
{
    struct lwshm_backend_parameters p = {
        .postmaster = 0x123456789abcdefull,
        .pid_namespace = 4026531836,
        .segment_size = 1 << 20,
        .slot_offset = 4096,
        .shmid = -5,
        .generation = 3,
        .mode = 0640,
        .slot = 2,
        .launch = 17,
        .number = 1,
        .grace_ms = 2500,
        .name = "w\303\266rker",
        .data_dir = "/some/where",
    };
    return p;
}

static void write_some(void)
{
    struct lwshm_backend_parameters p = some();
    snprintf(path, sizeof path, "%s/parameters", test_dir());
    CHECK_OK(lwshm_backend_parameters_write(path, &p));
}

/* What is said of the file, which names it. */
static const char *refused(void)
{
    struct lwshm_backend_parameters p;
    const char *message =
        CHECK_FAILS(LWSHM_E_PARAMETERS, lwshm_backend_parameters_read(path, &p))->message;
    CHECK_CONTAINS(path, message);
    return message;
}

static void overwrite(off_t at, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    CHECK_EQ_INT(size, pwrite(fd, bytes, size, at));
    close(fd);
}

TEST(what_was_written_is_read)
{
    struct lwshm_backend_parameters expected = some(), p;
    struct stat st;
    mode_t before = umask(0277);
    write_some();
    umask(before);
    memset(&p, 0xff, sizeof p);
    CHECK_OK(lwshm_backend_parameters_read(path, &p));
    CHECK(memcmp(&expected, &p, sizeof p) == 0);
    CHECK_EQ_INT(0, stat(path, &st));
    CHECK_EQ_UINT(S_IFREG | 0600, st.st_mode);
}

TEST(the_environment_names_the_file)
{
    struct lwshm_backend_parameters p;
    write_some();
    unsetenv("LWSHM_BACKEND_PARAMETERS");
    CHECK_CONTAINS(
        "LWSHM_BACKEND_PARAMETERS is not set",
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_backend_parameters_read(NULL, &p))->message);
    setenv("LWSHM_BACKEND_PARAMETERS", "", 1);
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_backend_parameters_read(NULL, &p));
    setenv("LWSHM_BACKEND_PARAMETERS", path, 1);
    CHECK_OK(lwshm_backend_parameters_read(NULL, &p));
    CHECK_EQ_UINT(17, p.launch);
}

/* ---- writing ---- */

TEST(a_file_that_exists_is_not_written)
{
    struct lwshm_backend_parameters p = some(), read;
    write_some();
    p.launch = 18;
    CHECK_EQ_INT(EEXIST,
                 CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_backend_parameters_write(path, &p))->sys_errno);
    CHECK_OK(lwshm_backend_parameters_read(path, &read));
    CHECK_EQ_UINT(17, read.launch);
}

TEST(a_link_is_not_followed_when_writing)
{
    struct lwshm_backend_parameters p = some();
    char target[4200];
    snprintf(path, sizeof path, "%s/link", test_dir());
    snprintf(target, sizeof target, "%s/target", test_dir());
    CHECK_EQ_INT(0, symlink(target, path));
    CHECK_FAILS(LWSHM_E_SYSTEM, lwshm_backend_parameters_write(path, &p));
    CHECK_EQ_INT(-1, access(target, F_OK));
}

TEST(names_that_break_their_rules_are_not_written)
{
    struct lwshm_backend_parameters p = some();
    snprintf(path, sizeof path, "%s/parameters", test_dir());
    memset(p.name, 'x', sizeof p.name);
    CHECK_CONTAINS("longer than 63 bytes",
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_parameters_write(path, &p))->message);
    p.name[0] = '\0';
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_parameters_write(path, &p));
    p = some();
    p.data_dir[0] = '.';
    CHECK_CONTAINS("takes an absolute path",
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_parameters_write(path, &p))->message);
    memset(p.data_dir, '/', sizeof p.data_dir);
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_parameters_write(path, &p));
    CHECK_EQ_INT(-1, access(path, F_OK));
}

/* ---- reading ---- */

TEST(a_missing_file_is_named)
{
    snprintf(path, sizeof path, "%s/none", test_dir());
    CHECK_CONTAINS("are missing", refused());
    snprintf(path, sizeof path, "%s/none/none", test_dir());
    CHECK_CONTAINS("are missing", refused());
}

TEST(a_file_that_cannot_be_read_is_named_with_the_errno)
{
    char deep[4200] = "/";
    memset(deep + 1, 'x', 300);
    snprintf(path, sizeof path, "%s", deep);
    CHECK_CONTAINS("cannot be read: File name too long (errno 36)", refused());
    write_some();
    CHECK_EQ_INT(0, chmod(path, 0));
    if (is_root())
        SKIP("root may read everything");
    CHECK_CONTAINS("cannot be read: Permission denied (errno 13)", refused());
}

TEST(what_is_no_regular_file_is_named_and_never_waited_for)
{
    char target[4200];
    write_some();
    snprintf(target, sizeof target, "%s", path);
    snprintf(path, sizeof path, "%s/link", test_dir());
    CHECK_EQ_INT(0, symlink(target, path));
    CHECK_CONTAINS("not a regular file but a symbolic link", refused());
    snprintf(path, sizeof path, "%s/fifo", test_dir());
    CHECK_EQ_INT(0, mkfifo(path, 0600));
    CHECK_CONTAINS("is not a regular file", refused());
    snprintf(path, sizeof path, "%s", test_dir());
    CHECK_CONTAINS("is not a regular file", refused());
    snprintf(path, sizeof path, "/dev/zero");
    CHECK_CONTAINS("is not a regular file", refused());
}

TEST(a_file_of_another_user_is_named_with_both_even_for_root)
{
    char message[200];
    write_some();
    if (!is_root() || chown(path, 12345, (gid_t)-1) < 0)
        SKIP("only root gives files away");
    snprintf(message, sizeof message, "belong to user 12345 and this process runs as user %u",
             geteuid());
    CHECK_CONTAINS(message, refused());
}

TEST(a_file_that_others_may_write_is_named_with_its_mode)
{
    write_some();
    CHECK_EQ_INT(0, chmod(path, 0660));
    CHECK_CONTAINS("have mode 0660", refused());
    CHECK_EQ_INT(0, chmod(path, 0602));
    CHECK_CONTAINS("have mode 0602", refused());
    struct lwshm_backend_parameters p;
    CHECK_EQ_INT(0, chmod(path, 0644));
    CHECK_OK(lwshm_backend_parameters_read(path, &p));
}

TEST(an_empty_file_is_named)
{
    write_some();
    CHECK_EQ_INT(0, truncate(path, 0));
    CHECK_CONTAINS("are empty", refused());
}

TEST(a_file_truncated_anywhere_is_named_with_the_sizes)
{
    const off_t whole = HEAD + sizeof(struct lwshm_backend_parameters);
    write_some();
    for (off_t size = whole - 1; size > 0; size -= size > 40 ? 37 : 1) {
        char sizes[64];
        CHECK_EQ_INT(0, truncate(path, size));
        snprintf(sizes, sizeof sizes, "are truncated: %d of %d bytes", (int)size, (int)whole);
        CHECK_CONTAINS(sizes, refused());
    }
}

TEST(a_file_that_is_too_long_is_damaged)
{
    write_some();
    overwrite(HEAD + sizeof(struct lwshm_backend_parameters), "x", 1);
    CHECK_CONTAINS("are damaged: they say they have", refused());
}

TEST(any_flipped_bit_is_noticed)
{
    unsigned char bytes[HEAD + sizeof(struct lwshm_backend_parameters)];
    write_some();
    int fd = open(path, O_RDONLY);
    CHECK_EQ_INT(sizeof bytes, read(fd, bytes, sizeof bytes));
    close(fd);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit += bit < 1200 ? 1 : 97) {
        unsigned char flipped = (unsigned char)(bytes[bit / 8] ^ 1u << bit % 8);
        overwrite((off_t)(bit / 8), &flipped, 1);
        const char *message = refused();
        if (bit < 64)
            CHECK_CONTAINS("is damaged, or no file of parameters", message);
        else if (bit < 96)
            CHECK_CONTAINS("and this library knows version 1", message);
        else if (bit < 128)
            CHECK_CONTAINS("are damaged: they say they have", message);
        else
            CHECK_CONTAINS("are damaged: their checksum is", message);
        overwrite((off_t)(bit / 8), &bytes[bit / 8], 1);
    }
    struct lwshm_backend_parameters p;
    CHECK_OK(lwshm_backend_parameters_read(path, &p));
}

TEST(another_version_is_named_with_both_whatever_its_size)
{
    write_some();
    overwrite(8, &(uint32_t){9}, 4);
    CHECK_CONTAINS("have version 9 and this library knows version 1", refused());
    CHECK_EQ_INT(0, truncate(path, 100));
    CHECK_CONTAINS("have version 9", refused());
}

TEST(a_name_without_an_end_is_damaged_though_the_checksum_is_right)
{
    struct lwshm_backend_parameters p = some();
    write_some();
    memset(p.name, 'x', sizeof p.name);
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < sizeof p; i++)
        hash = (hash ^ ((unsigned char *)&p)[i]) * 0x100000001b3ull;
    overwrite(16, &hash, sizeof hash);
    overwrite(HEAD, &p, sizeof p);
    CHECK_CONTAINS("a name in them has no end", refused());
}
