/*
 * semaphore.h - counting semaphores in shared memory.
 *
 * A semaphore is a named struct, found and accounted for like any other.  There are two
 * kinds.  A plain one is a number: anybody adds permits to it and takes some from it.  An
 * owned one remembers who has its permits: only who acquired some releases them, and those
 * of a backend that left or died come back.
 *
 * `backend` must be used by one thread at a time.  Who sleeps is woken by a release; should
 * the releaser be killed before it can wake anybody, sleepers notice within 100 ms.
 *
 * Source: PostgreSQL's PGSemaphore (src/include/storage/pg_sema.h) for its place in the
 * house; java.util.concurrent.Semaphore for what it offers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_SEMAPHORE_H
#define LWSHM_SEMAPHORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lwshm/backend.h"
#include "lwshm/segment.h"

#ifdef __cplusplus
extern "C" {
#endif

enum lwshm_semaphore_kind {
    LWSHM_SEMAPHORE_PLAIN = 1,
    LWSHM_SEMAPHORE_OWNED = 2
};

/* Most permits that a semaphore can have. */
#define LWSHM_SEMAPHORE_PERMITS_MAX 0x7fffffff

/* A semaphore, for the functions below; the same in every process. */
struct lwshm_semaphore {
    uint64_t offset; /* of its struct */
    uint32_t kind;   /* enum lwshm_semaphore_kind */
    uint32_t reserved;
};

/* The bytes of the struct of a semaphore, in a segment with so many backends. An owned one
   also needs a tranche with one lock, which has the semaphore's name. */
uint64_t lwshm_semaphore_size(enum lwshm_semaphore_kind kind, uint32_t max_backends);

/*
 * Finds the semaphore `name`, or makes it with `permits` (0 or more).  *found says which; one
 * that is found keeps the permits that it has.
 *
 * Errors: LWSHM_E_INVALID (name, kind, permits), LWSHM_E_SIZE_MISMATCH (a struct of that name
 * with another size exists), LWSHM_E_NOT_FOUND (that struct is no semaphore of the kind),
 * LWSHM_E_LIMIT.
 */
int lwshm_semaphore_init(lwshm_segment *segment, const char *name, int32_t permits,
                         enum lwshm_semaphore_kind kind, bool *found,
                         struct lwshm_semaphore *semaphore);

/* Finds the semaphore `name`; LWSHM_E_NOT_FOUND if there is none. */
int lwshm_semaphore_find(const lwshm_segment *segment, const char *name,
                         struct lwshm_semaphore *semaphore);

/*
 * Takes `permits` (1 or more), all at once, sleeping as long as it takes.
 *
 * To take and to give permits of an owned one, a backend holds the semaphore's own lock for a
 * moment.  The call returns LWSHM_E_LIMIT if the backend holds as many locks as it may: keep one to spare.
 *
 * Errors: LWSHM_E_INVALID, LWSHM_E_CLOSED, LWSHM_E_LIMIT.
 */
int lwshm_semaphore_acquire(lwshm_backend *backend, const struct lwshm_semaphore *semaphore,
                            int32_t permits);

/* The same, sleeping for `timeout_ns` at most (0 or less: not at all): 1 if it took them, 0 if
   the time ran out.  If another backend is just taking or giving permits of an owned one, that
   is waited for, too, for some milliseconds more.  A caller that sleeps, or tries again and again,
   looks now and then whether backends that have permits are dead. */
int lwshm_semaphore_acquire_timed(lwshm_backend *backend, const struct lwshm_semaphore *semaphore,
                                  int32_t permits, int64_t timeout_ns);

/*
 * Gives `permits` (1 or more) back, or, to a plain semaphore, in addition.
 * LWSHM_E_NOT_HELD if the semaphore is owned and this backend has not so many of it;
 * LWSHM_E_LIMIT if there would be more than LWSHM_SEMAPHORE_PERMITS_MAX, or if the semaphore is
 * owned and this backend holds as many locks as it may.
 */
int lwshm_semaphore_release(lwshm_backend *backend, const struct lwshm_semaphore *semaphore,
                            int32_t permits);

/* How many permits are there to be taken at this moment.  Takes no lock. */
int lwshm_semaphore_available(const lwshm_segment *segment,
                              const struct lwshm_semaphore *semaphore);

/* How many permits of an owned semaphore this backend has; 0 for a plain one. */
int lwshm_semaphore_held_by(const lwshm_backend *backend, const struct lwshm_semaphore *semaphore);

#ifdef __cplusplus
}
#endif

#endif
