/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct lwshm_error last;

const struct lwshm_error *lwshm_last_error(void)
{
    return &last;
}

static void append(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void append(const char *format, va_list args)
{
    size_t used = strlen(last.message);
    vsnprintf(last.message + used, sizeof last.message - used, format, args);
}

int fail(int status, const char *format, ...)
{
    va_list args;
    last = (struct lwshm_error){.status = status};
    va_start(args, format);
    append(format, args);
    va_end(args);
    return status;
}

int fail_system(int err, const char *format, ...)
{
    va_list args;
    last = (struct lwshm_error){.status = LWSHM_E_SYSTEM, .sys_errno = err};
    va_start(args, format);
    append(format, args);
    va_end(args);
    return with_hint(": %s (errno %d)", strerror(err), err);
}

int with_values(int status, int count, ...)
{
    va_list args;
    va_start(args, count);
    for (int i = 0; i < count && last.value_count < LWSHM_ERROR_VALUES; i++)
        last.values[last.value_count++] = va_arg(args, int64_t);
    va_end(args);
    return status;
}

int with_hint(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append(format, args);
    va_end(args);
    return last.status;
}

const char *lwshm_status_name(int status)
{
    static const char *const names[] = {
        "LWSHM_OK",          "LWSHM_E_INVALID",      "LWSHM_E_SYSTEM",     "LWSHM_E_DATA_DIR",
        "LWSHM_E_NOT_FOUND", "LWSHM_E_NOT_READY",    "LWSHM_E_IN_USE",     "LWSHM_E_FOREIGN",
        "LWSHM_E_CORRUPT",   "LWSHM_E_ABI_VERSION",  "LWSHM_E_NAMESPACE",  "LWSHM_E_SIZE_MISMATCH",
        "LWSHM_E_LIMIT",     "LWSHM_E_ALREADY_HELD", "LWSHM_E_NOT_HELD",   "LWSHM_E_BUSY",
        "LWSHM_E_CLOSED",    "LWSHM_E_OWNER_DIED",   "LWSHM_E_LOCK_ORDER", "LWSHM_E_PARAMETERS",
    };
    if (status > 0 || -status >= (int)(sizeof names / sizeof *names))
        return "LWSHM_E_?";
    return names[-status];
}

/* The length of the UTF-8 sequence at p, 0 if it is none (RFC 3629: shortest form, no
   surrogates, at most U+10FFFF). */
static int utf8_length(const unsigned char *p)
{
    int length = p[0] < 0x80   ? 1
                 : p[0] < 0xc2 ? 0
                 : p[0] < 0xe0 ? 2
                 : p[0] < 0xf0 ? 3
                 : p[0] < 0xf5 ? 4
                               : 0;
    for (int i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

int check_name(const char *what, const char *name, size_t max)
{
    if (name == NULL || name[0] == '\0')
        return fail(LWSHM_E_INVALID, "the name of a %s is empty; it takes 1 to %zu bytes of UTF-8",
                    what, max);
    size_t bytes = strnlen(name, max + 1);
    if (bytes > max)
        return fail(LWSHM_E_INVALID,
                    "%s name \"%.*s...\" is longer than %zu bytes; choose a shorter one", what,
                    (int)max, name, max);
    for (const unsigned char *p = (const unsigned char *)name; *p != '\0';) {
        int length = utf8_length(p);
        if (length == 0)
            return fail(LWSHM_E_INVALID, "%s name \"%s\" is not UTF-8 (byte 0x%02x at %td)", what,
                        name, *p, p - (const unsigned char *)name);
        p += length;
    }
    return LWSHM_OK;
}
