/*
 * lwlock_benchmark.c - a SQL function that acquires and releases one of PostgreSQL's
 * LWLocks as fast as it can, inside a backend, and says how fast that was.
 *
 *     lwlock_benchmark(mode text, start bigint, finish bigint) returns text
 *
 * The same loop as in lock_worker.c, which explains the answer.  To be loaded through
 * shared_preload_libraries, so that it can ask for a tranche of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "postgres.h"

#include <time.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

#define BATCH 256
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

static int64 nanoseconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * INT64CONST(1000000000) + t.tv_nsec;
}

static void await_time(int64 ns)
{
    struct timespec t = {.tv_sec = ns / INT64CONST(1000000000),
                         .tv_nsec = ns % INT64CONST(1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        CHECK_FOR_INTERRUPTS();
}

struct result {
    int64 operations, elapsed_ns, cpu_ns, longest_ns;
};

/* Once for each mode, so that the mode is a constant in the loop, as it is in a caller. */
static pg_attribute_always_inline struct result measure(LWLock *lock, LWLockMode mode, int64 start,
                                                        int64 end)
{
    struct result result = {0};
    int64 cpu = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    int64 last = nanoseconds(CLOCK_MONOTONIC);
    do {
        int64 time;
        for (int i = 0; i < BATCH; i++) {
            LWLockAcquire(lock, mode);
            LWLockRelease(lock);
        }
        result.operations += BATCH;
        time = nanoseconds(CLOCK_MONOTONIC);
        if (time - last > result.longest_ns)
            result.longest_ns = time - last;
        last = time;
        CHECK_FOR_INTERRUPTS();
    } while (last < end);
    result.elapsed_ns = last - start;
    result.cpu_ns = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    return result;
}

PG_FUNCTION_INFO_V1(lwlock_benchmark);

Datum lwlock_benchmark(PG_FUNCTION_ARGS)
{
    char *mode = text_to_cstring(PG_GETARG_TEXT_PP(0));
    int64 start = PG_GETARG_INT64(1), end = PG_GETARG_INT64(2);
    LWLock *lock = &GetNamedLWLockTranche(TRANCHE)->lock;
    struct result r;

    await_time(start);
    if (strcmp(mode, "exclusive") == 0)
        r = measure(lock, LW_EXCLUSIVE, start, end);
    else if (strcmp(mode, "shared") == 0)
        r = measure(lock, LW_SHARED, start, end);
    else
        ereport(ERROR, errmsg("mode must be exclusive or shared"));
    PG_RETURN_TEXT_P(
        cstring_to_text(psprintf(INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT,
                                 r.operations, r.elapsed_ns, r.cpu_ns, r.longest_ns)));
}
