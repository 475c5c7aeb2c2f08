/*
 * pidfd.h - a process as the kernel itself holds it: hearing of its end, signalling it and no
 * other.  Needs pidfd (Linux 5.3).
 *
 * Functions return >= 0, or -errno: -ENOSYS if the kernel has no pidfd, -EINVAL for the identity
 * of nobody, -ENOENT if /proc does not tell who has the pid.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_PIDFD_H
#define LWSHM_OS_PIDFD_H

#include <stdint.h>

/* Waits until a process has ended: 1 if it has, 0 if `timeout_ms` (negative: no limit) has
   passed before. */
int os_process_await_end(uint64_t identity, int64_t timeout_ms);

/* -ESRCH if it has ended, -EINVAL if there is no such signal. */
int os_process_signal(uint64_t identity, int signal);

#endif
