/*
 * sysv_shm.h - SysV shared memory as the kernel gives it.
 *
 * Functions return >= 0, or -errno.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_SYSV_SHM_H
#define LWSHM_OS_SYSV_SHM_H

#include <stdbool.h>
#include <stdint.h>

struct os_shm_stat {
    uint64_t size;     /* bytes, as asked for */
    uint64_t attached; /* attachments, all processes' */
    uint32_t uid;      /* of the owner */
    uint32_t creator_uid;
    uint32_t mode; /* permission bits */
    int32_t creator_pid;
    int32_t key;  /* 0: private */
    bool removed; /* goes with its last attachment */
};

/* Makes a segment that did not exist (IPC_CREAT | IPC_EXCL); key 0 makes a private one. */
int os_shm_create(int32_t key, uint64_t size, uint32_t mode, bool huge_pages);

/* The id of the segment with that key. */
int os_shm_find(int32_t key);

/* The kernel's table of segments: its last index in use, and the id of the segment at an index. */
int os_shm_last_index(void);

int os_shm_at_index(int index);

int os_shm_stat(int shmid, struct os_shm_stat *stat);

/* Attaches at an address of the kernel's choice. */
int os_shm_attach(int shmid, bool read_only, void **address);

int os_shm_detach(void *address);

/* Detaches, and puts private zeros where the segment was, in one step. */
int os_shm_detach_keep_address(void *address, uint64_t size);

int os_shm_remove(int shmid);

uint64_t os_page_size(void);

/* Bytes of a default huge page, 0 if the kernel has none. */
uint64_t os_huge_page_size(void);

/* A number out of a file of /proc ("/proc/sys/kernel/shmmax"), or UINT64_MAX. */
uint64_t os_kernel_setting(const char *path);

#endif
