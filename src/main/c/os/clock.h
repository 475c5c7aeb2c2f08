/*
 * clock.h - the two clocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_CLOCK_H
#define LWSHM_OS_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, nanoseconds.  The same clock in every process of the host. */
int64_t os_monotonic_ns(void);

/* CLOCK_REALTIME, microseconds since 1970. */
int64_t os_realtime_us(void);

/* Sleeps for about `ns`, less if a signal comes. */
void os_sleep_ns(int64_t ns);

/* Lets another thread have this one's processor, if one waits for it. */
void os_yield(void);

#endif
