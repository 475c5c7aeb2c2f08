/*
 * lock_worker.c - a process that acquires and releases a lock as fast as it can, and
 * answers how fast that was.
 *
 *     lock_worker DATA_DIR
 *
 * It prints "ready", then obeys one line of standard input after another:
 *
 *     run KIND MODE START END INSIDE BETWEEN BATCH
 *
 * KIND names a tranche of the segment, and means its first lock; or it is mutex, robust,
 * rwlock, spin or bare (two locked instructions on memory of the process, which is what an
 * exclusive lock cannot do without).  MODE is exclusive, shared, or alternating: shared and
 * then exclusive, counted as one acquisition.  The rest is a struct order; further words are
 * for other workers.  The answer is a struct result:
 *
 *     OPERATIONS ELAPSED_NS CPU_NS LONGEST_NS
 *
 *     calibrate       answers TURNS NS: the shortest time that so many turns of work() took
 *     hold KIND       acquires the lock exclusively, answers "held", and keeps it
 *     take KIND       answers "waiting", acquires the lock, answers with the time on
 *                     CLOCK_MONOTONIC in nanoseconds, and releases it
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foreign_locks.h"
#include "lwshm/lwshm.h"
#include "measure.h"

static lwshm_segment *segment;
static lwshm_backend *backend;

static inline void require(int status, const char *what)
{
    if (__builtin_expect(status < 0, 0)) {
        fprintf(stderr, "lock_worker: %s: %s\n", what, lwshm_last_error()->message);
        exit(1);
    }
}

static struct result run_lwshm_exclusive(const struct order *order, uint64_t lock)
{
    lwshm_backend *const me = backend;
    return MEASURE(order, require(lwshm_lwlock_acquire(me, lock, LWSHM_LW_EXCLUSIVE), "acquire"),
                   require(lwshm_lwlock_release(me, lock), "release"));
}

static struct result run_lwshm_shared(const struct order *order, uint64_t lock)
{
    lwshm_backend *const me = backend;
    return MEASURE(order, require(lwshm_lwlock_acquire(me, lock, LWSHM_LW_SHARED), "acquire"),
                   require(lwshm_lwlock_release(me, lock), "release"));
}

static struct result run_lwshm_alternating(const struct order *order, uint64_t lock)
{
    lwshm_backend *const me = backend;
    return MEASURE(order, require(lwshm_lwlock_acquire(me, lock, LWSHM_LW_SHARED), "acquire");
                   require(lwshm_lwlock_release(me, lock), "release");
                   require(lwshm_lwlock_acquire(me, lock, LWSHM_LW_EXCLUSIVE), "acquire"),
                   require(lwshm_lwlock_release(me, lock), "release"));
}

static int repair(lwshm_backend *by, uint64_t lock, void *argument)
{
    (void)by;
    (void)lock;
    (void)argument;
    return 0;
}

static void attach(const char *data_dir)
{
    struct lwshm_area area;
    bool found;
    require(lwshm_segment_attach(data_dir, 0, &segment), "attach");
    require(lwshm_backend_join(segment, &backend), "join");
    /* Areas are aligned to 64 bytes, these locks to 128. */
    require(lwshm_shmem_init_struct(segment, "foreign locks", sizeof(struct foreign_locks) + 64,
                                    &found, &area),
            "area");
    char *start = lwshm_shmem_pointer(segment, area.offset, area.size);
    foreign = (struct foreign_locks *)(((uintptr_t)start + 127) / 128 * 128);
    if (!found)
        init_foreign(foreign);
}

/* The first lock of a tranche; nothing that it guards needs a repair. */
static uint64_t find_lwlock(const char *name)
{
    struct lwshm_tranche tranche;
    require(lwshm_tranche_find(segment, name, &tranche), name);
    require(lwshm_tranche_on_repair(segment, &tranche, repair, NULL), "repair");
    return lwshm_tranche_lock(&tranche, 0);
}

static struct result run(const char *name, const char *mode, const struct order *order)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0 && strcmp(kinds[i].mode, mode) == 0)
            return kinds[i].run(order);
    uint64_t lock = find_lwlock(name);
    if (strcmp(mode, "exclusive") == 0)
        return run_lwshm_exclusive(order, lock);
    if (strcmp(mode, "shared") == 0)
        return run_lwshm_shared(order, lock);
    if (strcmp(mode, "alternating") == 0)
        return run_lwshm_alternating(order, lock);
    die("no such mode");
    abort();
}

static void hold(const char *name)
{
    require(lwshm_lwlock_acquire(backend, find_lwlock(name), LWSHM_LW_EXCLUSIVE), "acquire");
    puts("held");
}

static void take(const char *name)
{
    uint64_t lock = find_lwlock(name);
    puts("waiting");
    fflush(stdout);
    require(lwshm_lwlock_acquire(backend, lock, LWSHM_LW_EXCLUSIVE), "acquire");
    printf("%lld\n", (long long)clock_ns(CLOCK_MONOTONIC));
    require(lwshm_lwlock_release(backend, lock), "release");
}

/* The shortest of many runs: whatever disturbs a run makes it longer. */
static void calibrate(void)
{
    const int64_t turns = 100000;
    int64_t shortest = INT64_MAX;
    uint64_t x = 1;
    for (int i = 0; i < 100; i++) {
        int64_t start = clock_ns(CLOCK_MONOTONIC);
        x = work(x, turns);
        int64_t ns = clock_ns(CLOCK_MONOTONIC) - start;
        shortest = ns < shortest ? ns : shortest;
    }
    printf("%lld %lld\n", (long long)turns, (long long)shortest);
}

static void obey(const char *line)
{
    char command[32] = "", kind[64] = "", mode[32] = "";
    long long start, end, inside, between, batch;
    int words = sscanf(line, "%31s %63s %31s %lld %lld %lld %lld %lld", command, kind, mode, &start,
                       &end, &inside, &between, &batch);
    if (words == 8 && strcmp(command, "run") == 0) {
        await_time(start);
        struct order order = {start, end, inside, between, batch};
        struct result result = run(kind, mode, &order);
        printf("%lld %lld %lld %lld\n", (long long)result.operations, (long long)result.elapsed_ns,
               (long long)result.cpu_ns, (long long)result.longest_ns);
    } else if (words == 2 && strcmp(command, "hold") == 0) {
        hold(kind);
    } else if (words == 2 && strcmp(command, "take") == 0) {
        take(kind);
    } else if (words == 1 && strcmp(command, "calibrate") == 0) {
        calibrate();
    } else {
        die("not understood");
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[256];
    if (argc != 2)
        die("usage: lock_worker DATA_DIR");
    attach(argv[1]);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL)
        obey(line);
    require(lwshm_backend_leave(backend), "leave");
    require(lwshm_segment_close(segment), "close");
    return 0;
}
