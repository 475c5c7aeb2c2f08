/*
 * backend_parameters.c - the file through which a postmaster tells a child its place.
 *
 * Source: PostgreSQL, src/backend/postmaster/launch_backend.c (read_backend_variables).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/checksum.h"
#include "core/status.h"
#include "lwshm/postmaster.h"
#include "os/data_dir.h"
#include "os/private_file.h"

#define FILE_MAGIC 0x4d5241504d48534cull /* "LSHMPARM" */
#define FILE_VERSION 1u

/* Version and size come first, so that a file of any version says which it is. */
struct parameters_file {
    uint64_t magic;
    uint32_t version;
    uint32_t size;     /* of the file */
    uint64_t checksum; /* of the parameters */
    struct lwshm_backend_parameters parameters;
};

#define START_AGAIN "let the postmaster start the child again"

int lwshm_backend_parameters_write(const char *path, const struct lwshm_backend_parameters *p)
{
    struct parameters_file file = {.magic = FILE_MAGIC,
                                   .version = FILE_VERSION,
                                   .size = sizeof file,
                                   .checksum = fnv1a(p, sizeof *p),
                                   .parameters = *p};
    if (memchr(p->name, '\0', sizeof p->name) == NULL)
        return fail(LWSHM_E_INVALID,
                    "the child's name is longer than %d bytes; choose a shorter one",
                    LWSHM_CHILD_NAME_MAX);
    int r = check_name("child", p->name, LWSHM_CHILD_NAME_MAX);
    if (r < 0)
        return r;
    if (p->data_dir[0] != '/' || memchr(p->data_dir, '\0', sizeof p->data_dir) == NULL)
        return fail(
            LWSHM_E_INVALID,
            "the data directory in a child's parameters is \"%.100s\"; it takes an absolute "
            "path of at most %d bytes",
            p->data_dir, LWSHM_DATA_DIR_MAX);
    if ((r = os_private_file_write(path, &file, sizeof file)) == 0)
        return LWSHM_OK;
    fail_system(-r, "the parameters of child \"%s\" cannot be written to \"%s\"", p->name, path);
    return r == -EEXIST ? with_hint("; each launch has a file of its own, so choose another name")
                        : LWSHM_E_SYSTEM;
}

static int check_file(const char *path, const struct os_file_stat *stat)
{
    if (!stat->is_regular)
        return fail(LWSHM_E_PARAMETERS, "\"%s\" is not a regular file; " START_AGAIN, path);
    if (stat->uid != os_user())
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters in \"%s\" belong to user %u and this process runs as user %u; "
                    "run postmaster and children as one user",
                    path, stat->uid, os_user());
    if ((stat->mode & 022) != 0)
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters in \"%s\" have mode 0%o, so others may have written them; a "
                    "postmaster makes them 0600: " START_AGAIN,
                    path, stat->mode);
    return LWSHM_OK;
}

static int check_content(const char *path, const struct parameters_file *file, size_t length)
{
    if (length == 0)
        return fail(LWSHM_E_PARAMETERS, "the parameters in \"%s\" are empty; " START_AGAIN, path);
    if (length >= sizeof file->magic && file->magic != FILE_MAGIC)
        return fail(LWSHM_E_PARAMETERS,
                    "\"%s\" is damaged, or no file of parameters: it begins with 0x%llx, not "
                    "0x%llx; " START_AGAIN,
                    path, (unsigned long long)file->magic, FILE_MAGIC);
    if (length >= offsetof(struct parameters_file, checksum) && file->version != FILE_VERSION)
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters in \"%s\" have version %u and this library knows version %u; "
                    "use one version of lwshm in postmaster and child",
                    path, file->version, FILE_VERSION);
    if (length < sizeof *file)
        return fail(
            LWSHM_E_PARAMETERS,
            "the parameters in \"%s\" are truncated: %zu of %zu bytes are there; " START_AGAIN,
            path, length, sizeof *file);
    if (length > sizeof *file || file->size != sizeof *file)
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters in \"%s\" are damaged: they say they have %u bytes and have %s "
                    "%zu; " START_AGAIN,
                    path, file->size, length > sizeof *file ? "more than" : "", sizeof *file);
    const struct lwshm_backend_parameters *p = &file->parameters;
    uint64_t checksum = fnv1a(p, sizeof *p);
    if (checksum != file->checksum)
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters in \"%s\" are damaged: their checksum is 0x%llx, and they add "
                    "up to 0x%llx; " START_AGAIN,
                    path, (unsigned long long)file->checksum, (unsigned long long)checksum);
    if (memchr(p->name, '\0', sizeof p->name) == NULL ||
        memchr(p->data_dir, '\0', sizeof p->data_dir) == NULL)
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters in \"%s\" are damaged: a name in them has no end; " START_AGAIN,
                    path);
    return LWSHM_OK;
}

static int fail_unread(const char *path, int err)
{
    switch (err) {
    case ENOENT:
    case ENOTDIR:
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters \"%s\" are missing; they go when the postmaster has ended or "
                    "started another child in place of this one",
                    path);
    case ELOOP:
        return fail(LWSHM_E_PARAMETERS,
                    "\"%s\" is not a regular file but a symbolic link; " START_AGAIN, path);
    default:
        return fail(LWSHM_E_PARAMETERS, "the parameters \"%s\" cannot be read: %s (errno %d)", path,
                    strerror(err), err);
    }
}

int lwshm_backend_parameters_read(const char *path, struct lwshm_backend_parameters *parameters)
{
    struct {
        struct parameters_file file;
        char more; /* than there may be */
    } read;
    struct os_file_stat stat;
    if (path == NULL)
        path = getenv(LWSHM_BACKEND_PARAMETERS_ENV);
    if (path == NULL || path[0] == '\0')
        return fail(LWSHM_E_NOT_FOUND, "the environment variable " LWSHM_BACKEND_PARAMETERS_ENV
                                       " is not set: this process was not started by a postmaster");
    int length = os_private_file_read(path, &read, sizeof read.file + 1, &stat);
    if (length < 0)
        return fail_unread(path, -length);
    int r = check_file(path, &stat);
    if (r < 0 || (r = check_content(path, &read.file, (size_t)length)) < 0)
        return r;
    *parameters = read.file.parameters;
    return LWSHM_OK;
}
