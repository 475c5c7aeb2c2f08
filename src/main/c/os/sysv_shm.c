/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/sysv_shm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

int os_shm_create(int32_t key, uint64_t size, uint32_t mode, bool huge_pages)
{
    int flags = IPC_CREAT | IPC_EXCL | (int)mode | (huge_pages ? SHM_HUGETLB : 0);
    int shmid = shmget(key == 0 ? IPC_PRIVATE : key, size, flags);
    return shmid < 0 ? -errno : shmid;
}

int os_shm_find(int32_t key)
{
    int shmid = shmget(key, 0, 0);
    return shmid < 0 ? -errno : shmid;
}

int os_shm_last_index(void)
{
    struct shm_info info;
    int last = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
    return last < 0 ? -errno : last;
}

int os_shm_at_index(int index)
{
    struct shmid_ds ds;
    int shmid = shmctl(index, SHM_STAT, &ds);
    return shmid < 0 ? -errno : shmid;
}

int os_shm_stat(int shmid, struct os_shm_stat *stat)
{
    struct shmid_ds ds;
    if (shmctl(shmid, IPC_STAT, &ds) < 0)
        return -errno;
    *stat = (struct os_shm_stat){
        .size = ds.shm_segsz,
        .attached = ds.shm_nattch,
        .uid = ds.shm_perm.uid,
        .creator_uid = ds.shm_perm.cuid,
        .mode = ds.shm_perm.mode & 0777,
        .creator_pid = ds.shm_cpid,
        .key = ds.shm_perm.__key,
        .removed = (ds.shm_perm.mode & SHM_DEST) != 0,
    };
    return 0;
}

int os_shm_attach(int shmid, bool read_only, void **address)
{
    void *at = shmat(shmid, NULL, read_only ? SHM_RDONLY : 0);
    if (at == (void *)-1)
        return -errno;
    *address = at;
    return 0;
}

int os_shm_detach(void *address)
{
    return shmdt(address) < 0 ? -errno : 0;
}

int os_shm_detach_keep_address(void *address, uint64_t size)
{
    void *at = mmap(address, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? -errno : 0;
}

int os_shm_remove(int shmid)
{
    return shmctl(shmid, IPC_RMID, NULL) < 0 ? -errno : 0;
}

uint64_t os_page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t os_huge_page_size(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];
    unsigned long long kilobytes = 0;
    while (f != NULL && kilobytes == 0 && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Hugepagesize: %llu kB", &kilobytes) != 1)
            kilobytes = 0;
    if (f != NULL)
        fclose(f);
    return kilobytes * 1024;
}

uint64_t os_kernel_setting(const char *path)
{
    FILE *f = fopen(path, "re");
    unsigned long long value;
    if (f == NULL)
        return UINT64_MAX;
    if (fscanf(f, "%llu", &value) != 1)
        value = UINT64_MAX;
    fclose(f);
    return value;
}
