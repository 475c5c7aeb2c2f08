/*
 * status.h - what every call returns, and what went wrong in the last one.
 *
 * Every function that can fail returns an int: >= 0 is its result, < 0 is one
 * of the statuses below.  The thread that got a negative status can read the
 * whole story - the values, the errno, the way out - with lwshm_last_error().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_STATUS_H
#define LWSHM_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum lwshm_status {
    LWSHM_OK = 0,
    LWSHM_E_INVALID = -1,     /* an argument breaks its rule; the message says which */
    LWSHM_E_SYSTEM = -2,      /* a system call failed; sys_errno says how */
    LWSHM_E_DATA_DIR = -3,    /* data directory missing, not a directory, not ours, not writable */
    LWSHM_E_NOT_FOUND = -4,   /* nothing of that name, or no segment for that directory */
    LWSHM_E_NOT_READY = -5,   /* the segment is still being created; values: creator's pid */
    LWSHM_E_IN_USE = -6,      /* live processes are attached; values: their pids */
    LWSHM_E_FOREIGN = -7,     /* a segment that is not ours; never attached */
    LWSHM_E_CORRUPT = -8,     /* ours, but a field is out of range; values: what was found */
    LWSHM_E_ABI_VERSION = -9, /* another ABI version; values: ours, the segment's */
    LWSHM_E_NAMESPACE = -10,  /* made in another IPC or PID namespace */
    LWSHM_E_SIZE_MISMATCH = -11, /* exists with another size; values: asked, found */
    LWSHM_E_LIMIT = -12,         /* no room, slot or record left; values: asked, left */
    LWSHM_E_ALREADY_HELD = -13,  /* this backend holds that lock already */
    LWSHM_E_NOT_HELD = -14,      /* this backend does not hold that lock */
    LWSHM_E_BUSY = -15,       /* backends of this process are still joined; values: their slots */
    LWSHM_E_CLOSED = -16,     /* the handle was closed, or belongs to the parent of this fork */
    LWSHM_E_OWNER_DIED = -17, /* the lock's holder died inside; its data may be half-changed */
    LWSHM_E_LOCK_ORDER = -18, /* locks taken in an order that can lead to a deadlock */
    LWSHM_E_PARAMETERS = -19  /* a postmaster's parameters for this process are of no use */
};

/* Most values an error carries, and the room for its message, NUL included. */
#define LWSHM_ERROR_VALUES 16
#define LWSHM_ERROR_MESSAGE 1024

/* The last failure of the calling thread. */
struct lwshm_error {
    int status;           /* enum lwshm_status; LWSHM_OK if nothing has failed yet */
    int sys_errno;        /* the errno of the failed system call, or 0 */
    uint32_t value_count; /* how many of values[] are set */
    int64_t values[LWSHM_ERROR_VALUES];
    char message[LWSHM_ERROR_MESSAGE]; /* UTF-8, one or more sentences, no newline at the end */
};

/*
 * The failure that the calling thread met last.  Never NULL.  The storage is the
 * thread's own; it stays valid until that thread's next failing call.
 */
const struct lwshm_error *lwshm_last_error(void);

/* The name of a status ("LWSHM_E_IN_USE"), or "LWSHM_E_?" for a number that is none. */
const char *lwshm_status_name(int status);

#ifdef __cplusplus
}
#endif

#endif
