/*
 * status.h - how a function of the core says what went wrong.
 *
 *     return fail(LWSHM_E_SIZE_MISMATCH, "struct \"%s\" ...", name);
 *     return with_values(fail(...), 2, asked, found);
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_STATUS_H
#define LWSHM_CORE_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "lwshm/status.h"

/* Sets the calling thread's error and returns `status`. */
int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a failed system call: LWSHM_E_SYSTEM, with `err` and its text appended. */
int fail_system(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds `count` int64_t values to the error just set; returns `status`. */
int with_values(int status, int count, ...);

/* Appends to the message of the error just set; returns its status. */
int with_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* LWSHM_E_INVALID unless `name` is UTF-8 of 1 to `max` bytes. `what` is "struct", "tranche". */
int check_name(const char *what, const char *name, size_t max);

#endif
