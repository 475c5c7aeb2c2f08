/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* SHM_STAT */
#include "raw_directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/layout.h"
#include "os/members_file.h"

static const char *directory;

void raw_directory(const char *path)
{
    directory = path;
}

static key_t key(void)
{
    struct stat st;
    return stat(directory, &st) < 0 ? 0 : (key_t)(uint32_t)st.st_ino;
}

int raw_shmid(void)
{
    return shmget(key(), 0, 0);
}

const void *raw_bytes_attach(uint64_t *size)
{
    struct shmid_ds ds;
    int shmid = raw_shmid();
    const void *bytes = shmid < 0 ? (void *)-1 : shmat(shmid, NULL, SHM_RDONLY);
    if (bytes == (void *)-1)
        return NULL;
    *size = shmctl(shmid, IPC_STAT, &ds) < 0 ? 0 : ds.shm_segsz;
    return bytes;
}

void raw_bytes_detach(const void *bytes)
{
    shmdt(bytes);
}

bool raw_is_adoptable(void)
{
    uint64_t size;
    const struct segment_header *header = raw_bytes_attach(&size);
    if (header == NULL)
        return false;
    bool is = header->magic == SEGMENT_MAGIC &&
              (header->state == SEGMENT_READY || header->state == SEGMENT_ADOPTING);
    raw_bytes_detach(header);
    return is;
}

bool raw_is_locked(void)
{
    char path[4096];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    snprintf(path, sizeof path, "%s/%s", directory, OS_MEMBERS_FILE);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool is = fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    return is;
}

static pid_t known[16];
static int known_count;

void raw_know_nobody(void)
{
    known_count = 0;
}

void raw_knows(pid_t pid)
{
    if (known_count < (int)(sizeof known / sizeof *known))
        known[known_count++] = pid;
}

static bool is_known(pid_t pid)
{
    for (int i = 0; i < known_count; i++)
        if (known[i] == pid)
            return true;
    return pid == getpid();
}

int raw_count_segments(void)
{
    struct shmid_ds ds;
    struct shm_info all;
    int count = 0, last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&all);
    for (int i = 0; i <= last; i++)
        if (shmctl(i, SHM_STAT, &ds) >= 0 && is_known(ds.shm_cpid))
            count++;
    return count;
}
