/*
 * lwlock_benchmark.c - a SQL function that acquires and releases one of PostgreSQL's
 * LWLocks as fast as it can, inside a backend, and returns how fast that was.
 *
 *     lwlock_benchmark(mode text, start bigint, finish bigint,
 *                      inside bigint, between bigint, batch bigint) returns text
 *
 * The arguments are the mode and a struct order, the text is a struct result, as in
 * lock_worker.c.  The module must be loaded through shared_preload_libraries, so that it can
 * request a tranche of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"

#include "measure.h"

PG_MODULE_MAGIC;

#define TRANCHE "lwlock_benchmark"

void _PG_init(void);

static shmem_request_hook_type previous_request_hook;

static void request(void)
{
    if (previous_request_hook != NULL)
        previous_request_hook();
    RequestNamedLWLockTranche(TRANCHE, 1);
}

void _PG_init(void)
{
    if (!process_shared_preload_libraries_in_progress)
        return;
    previous_request_hook = shmem_request_hook;
    shmem_request_hook = request;
}

/* Once for each mode, so that the mode is a constant in the loop, as it is in a caller. */
static pg_attribute_always_inline struct result measure(const struct order *order, LWLock *lock,
                                                        LWLockMode mode)
{
    return MEASURE(order, LWLockAcquire(lock, mode), LWLockRelease(lock));
}

PG_FUNCTION_INFO_V1(lwlock_benchmark);

Datum lwlock_benchmark(PG_FUNCTION_ARGS)
{
    char *mode = text_to_cstring(PG_GETARG_TEXT_PP(0));
    struct order order = {.start_ns = PG_GETARG_INT64(1),
                          .end_ns = PG_GETARG_INT64(2),
                          .inside = PG_GETARG_INT64(3),
                          .between = PG_GETARG_INT64(4),
                          .batch = PG_GETARG_INT64(5)};
    LWLock *lock = &GetNamedLWLockTranche(TRANCHE)->lock;
    struct result r;

    await_time(order.start_ns);
    if (strcmp(mode, "exclusive") == 0)
        r = measure(&order, lock, LW_EXCLUSIVE);
    else if (strcmp(mode, "shared") == 0)
        r = measure(&order, lock, LW_SHARED);
    else
        ereport(ERROR, errmsg("mode must be exclusive or shared"));
    PG_RETURN_TEXT_P(
        cstring_to_text(psprintf(INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT,
                                 r.operations, r.elapsed_ns, r.cpu_ns, r.longest_ns)));
}
