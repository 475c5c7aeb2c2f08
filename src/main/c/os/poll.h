/*
 * poll.h - sleeping until a descriptor has something to say.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_POLL_H
#define LWSHM_OS_POLL_H

#include <stdint.h>

/* The deadline that never comes. */
#define OS_POLL_FOREVER INT64_MAX

/* When `timeout_ms` from now will be over; never, if that is negative or very long. */
int64_t os_poll_deadline(int64_t timeout_ms);

/* Waits until `fd` can be read, or its other end is gone: 1, 0 when the deadline has passed, or
   -errno.  Signals do not end it. */
int os_poll(int fd, int64_t deadline);

#endif
