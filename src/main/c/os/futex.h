/*
 * futex.h - sleeping on a word of shared memory, and waking who sleeps there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_FUTEX_H
#define LWSHM_OS_FUTEX_H

#include <limits.h>
#include <stdint.h>

#define OS_FUTEX_WAKE_ALL INT_MAX

/*
 * Sleeps while *word is `expected`, for at most `timeout_ns`.  Returns 0 when woken
 * (or for no reason), -EAGAIN if *word was something else, -ETIMEDOUT, -EINTR.
 * The word may lie at another address in the process that wakes.
 */
int os_futex_wait(uint32_t *word, uint32_t expected, int64_t timeout_ns);

/* Wakes up to `count` sleepers; returns how many there were. */
int os_futex_wake(uint32_t *word, int count);

#endif
