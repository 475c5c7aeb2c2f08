/*
 * process.h - who a process is, and whether it is proven dead.
 *
 * A process is told from others, those that get its pid later included, by pid and
 * start time, packed into one word: its identity (pid in bits 0..21, start time in
 * clock ticks since boot above).  0 is nobody.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_PROCESS_H
#define LWSHM_OS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* The identity of the calling process; right in a forked child, too.  0, and errno, if /proc
   does not tell. */
uint64_t os_process_self(void);

/* The same, read from /proc each time: right in a vforked child, whose memory is its parent's. */
uint64_t os_process_self_uncached(void);

/* The identity of the process that has `pid` now, or 0 if none has. */
uint64_t os_process_identity(int32_t pid);

static inline int32_t os_identity_pid(uint64_t identity)
{
    return (int32_t)(identity & ((1u << 22) - 1));
}

/*
 * True if that process is proven to have ended: nobody has its pid, a process
 * started at another time has it, or it is a zombie with no thread left.  False if
 * it lives, stopped or frozen included, and false if it cannot be told.
 */
bool os_process_is_dead(uint64_t identity);

/*
 * True if that process is dead or seen to be on its way: killed, exiting, or dumping core, and not
 * yet gone.  A large one takes its time to give its memory back.  For a moment between taking
 * the signal and exiting it looks alive.
 */
bool os_process_is_dying(uint64_t identity);

/*
 * True if that process is proven to run no instruction of its program any more: it is dead, or
 * each of its threads is exiting, or it dumps core.  Its memory and its locks on files may last
 * for seconds more.  False if that cannot be told, in another PID namespace for instance.
 */
bool os_process_runs_no_more(uint64_t identity);

/* How often this process is a child of a fork that knew this library.  A handle made
   at another count is the parent's. */
extern unsigned os_fork_count __attribute__((visibility("hidden")));

/* Counts forks from now on.  Any number of calls. */
void os_watch_forks(void);

/* No other thread's fork() copies this process's descriptors between these two.  Not nested; the
   caller must not fork.  Takes effect after os_watch_forks(). */
void os_forbid_forks(void);
void os_allow_forks(void);

/* 1 if process `pid` maps the SysV segment, 0 if it does not, -errno if that cannot be told. */
int os_process_maps(int32_t pid, int shmid);

/* Up to `capacity` pids of processes that map the SysV segment, as far as /proc shows
   them to this user; returns how many were written. */
uint32_t os_processes_mapping(int shmid, int32_t *pids, uint32_t capacity);

/* The kernel's id of this boot: 0, or -errno if /proc does not tell, and id is all zeros. */
int os_boot_id(uint8_t id[16]);

/* The inode of /proc/self/ns/<name> ("pid", "ipc"), 0 if /proc does not tell. */
uint64_t os_namespace(const char *name);

/* In which processes can be judged from each other: pids are of a PID namespace (bits 0..31), and
   their start times are told as of a time namespace (32..63). */
uint64_t os_process_namespaces(void);

/* Processors that this process may run on. */
int os_processors(void);

#endif
