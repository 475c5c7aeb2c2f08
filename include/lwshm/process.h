/*
 * process.h - processes: who they are, whether they live, and hearing of their end.
 *
 * A process is told from others, those that get its pid later included, by its identity:
 * pid in bits 0..21, start time in clock ticks since boot above; 0 is nobody.  An identity
 * means something only to processes of the same PID namespace and boot.
 *
 * All functions may be called from any thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_PROCESS_H
#define LWSHM_PROCESS_H

#include <stdint.h>

#include "lwshm/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The identity of the calling process; 0 if /proc does not tell. */
uint64_t lwshm_process_self(void);

/* The identity of the process that has `pid` now; 0 if none has. */
uint64_t lwshm_process_identity(int32_t pid);

/* The pid in an identity. */
static inline int32_t lwshm_process_pid(uint64_t process)
{
    return (int32_t)(process & ((1u << 22) - 1));
}

/* 1 if that process is proven to have ended (a zombie has), 0 if it lives, stopped or frozen
   included, or if it cannot be told. */
int lwshm_process_is_dead(uint64_t process);

/*
 * Waits until a process has ended, by the kernel's word (pidfd), without looking again and again:
 * 1 if it has, 0 if `timeout_ms` has passed before (negative: no limit).
 * LWSHM_E_INVALID for nobody; LWSHM_E_SYSTEM if the kernel has no pidfd (before 5.3) or forbids
 * it, or if /proc hides the process.
 */
int lwshm_process_await_end(uint64_t process, int64_t timeout_ms);

/* Sends a signal (0: none, but asks whether it could) to that process and to no other that may
   have its pid since: LWSHM_E_NOT_FOUND if it has ended, LWSHM_E_INVALID for nobody or if there
   is no such signal, LWSHM_E_SYSTEM as above. */
int lwshm_process_signal(uint64_t process, int signal);

/*
 * Has this process hear a signal that its parent had it ignore, as a shell does with SIGINT of what
 * it starts in the background: the signal's default effect is back.  Changes nothing if it is
 * handled, or has its default effect already.
 * LWSHM_E_INVALID if there is no such signal, or none that can be ignored.
 */
int lwshm_process_heed(int signal);

/* Where a process is: what must be equal for an identity to mean the same. */
struct lwshm_process_place {
    uint64_t pid_namespace; /* as a segment's header has it: time namespace in bits 32..63 */
    uint64_t ipc_namespace; /* inode of /proc/self/ns/ipc */
    uint8_t boot_id[16];
};

/* Where the calling process is.  LWSHM_E_SYSTEM if /proc does not tell. */
int lwshm_process_place(struct lwshm_process_place *place);

/*
 * Takes the kernel's lock on a file (flock), which ends with the calling process if not before,
 * however that ends: a descriptor, close-on-exec, to be given to lwshm_file_unlock().  Only a
 * child that is forked and does not exec keeps it longer.
 * The file must exist; a symbolic link is not followed.
 * LWSHM_E_IN_USE if another has it, the calling process included, LWSHM_E_NOT_FOUND,
 * LWSHM_E_INVALID if it is no regular file, LWSHM_E_SYSTEM.
 */
int lwshm_file_lock(const char *path);

/* The lock's file is still the one at `path`: 1, or 0 if that is gone or another.
   LWSHM_E_SYSTEM. */
int lwshm_file_lock_is_at(int lock, const char *path);

/* Gives it back.  LWSHM_E_SYSTEM. */
int lwshm_file_unlock(int lock);

#ifdef __cplusplus
}
#endif

#endif
