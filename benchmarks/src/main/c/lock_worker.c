/*
 * lock_worker.c - a process that acquires and releases a lock as fast as it can, and
 * says how fast that was.
 *
 *     lock_worker DATA_DIR
 *
 * Prints "ready" when it is, then obeys one line of standard input after another:
 *
 *     run KIND MODE START END
 *
 * There is one lock of each KIND, which is lwshm, mutex, robust, rwlock or spin; MODE is
 * exclusive or shared; START and END are times on CLOCK_MONOTONIC in nanoseconds, so that
 * several workers measure the same stretch of time.  (More words on the line are for
 * others.)  It answers
 *
 *     OPERATIONS ELAPSED_NS CPU_NS LONGEST_NS
 *
 * where the second is the time since START: who got no processor until later was slow.
 * The last is the longest time that BATCH acquisitions in a row took: the longest
 * wait and a little more.  (To read the clock at each would be to measure the clock.)
 * The Java worker and the PostgreSQL extension do the same.
 *
 *     hold        acquires lwshm's lock exclusively, answers "held", and keeps it
 *     take        answers "waiting", acquires that lock, answers with the time on
 *                 CLOCK_MONOTONIC in nanoseconds, and releases it
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lwshm/lwshm.h"

#define BATCH 256

/* What stands in the segment for the locks that are not lwshm's; each has lines of its own. */
struct foreign_locks {
    pthread_mutex_t mutex __attribute__((aligned(128)));
    pthread_mutex_t robust __attribute__((aligned(128)));
    pthread_rwlock_t rwlock __attribute__((aligned(128)));
    pthread_spinlock_t spin __attribute__((aligned(128)));
};

struct result {
    int64_t operations, elapsed_ns, cpu_ns, longest_ns;
};

static lwshm_segment *segment;
static lwshm_backend *backend;
static uint64_t lwlock;
static struct foreign_locks *foreign;

static void die(const char *what)
{
    fprintf(stderr, "lock_worker: %s\n", what);
    exit(1);
}

static void require(int status, const char *what)
{
    if (status >= 0)
        return;
    fprintf(stderr, "lock_worker: %s: %s\n", what, lwshm_last_error()->message);
    exit(1);
}

static inline void require_zero(int error, const char *what)
{
    if (__builtin_expect(error != 0, 0))
        die(what);
}

static int64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void await_time(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

/* Runs ACQUIRE and RELEASE, expressions on one lock, until the time is over.  A macro, so
   that every kind has a loop of its own, as a program that uses it would; what they name
   are locals, or the loop would load it again each time. */
#define MEASURE(start_ns, end_ns, ACQUIRE, RELEASE)                                                \
    ({                                                                                             \
        struct result result = {0};                                                                \
        int64_t cpu = now(CLOCK_THREAD_CPUTIME_ID);                                                \
        int64_t last = now(CLOCK_MONOTONIC);                                                       \
        do {                                                                                       \
            for (int i = 0; i < BATCH; i++) {                                                      \
                require_zero(ACQUIRE, "acquire failed");                                           \
                require_zero(RELEASE, "release failed");                                           \
            }                                                                                      \
            result.operations += BATCH;                                                            \
            int64_t time = now(CLOCK_MONOTONIC);                                                   \
            if (time - last > result.longest_ns)                                                   \
                result.longest_ns = time - last;                                                   \
            last = time;                                                                           \
        } while (last < (end_ns));                                                                 \
        result.elapsed_ns = last - (start_ns);                                                     \
        result.cpu_ns = now(CLOCK_THREAD_CPUTIME_ID) - cpu;                                        \
        result;                                                                                    \
    })

static int lock_robust(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_lock(mutex);
    return error == EOWNERDEAD ? pthread_mutex_consistent(mutex) : error;
}

static struct result run_lwshm_exclusive(int64_t start_ns, int64_t end_ns)
{
    lwshm_backend *const me = backend;
    const uint64_t lock = lwlock;
    return MEASURE(start_ns, end_ns, lwshm_lwlock_acquire(me, lock, LWSHM_LW_EXCLUSIVE),
                   lwshm_lwlock_release(me, lock));
}

static struct result run_lwshm_shared(int64_t start_ns, int64_t end_ns)
{
    lwshm_backend *const me = backend;
    const uint64_t lock = lwlock;
    return MEASURE(start_ns, end_ns, lwshm_lwlock_acquire(me, lock, LWSHM_LW_SHARED),
                   lwshm_lwlock_release(me, lock));
}

static struct result run_mutex(int64_t start_ns, int64_t end_ns)
{
    pthread_mutex_t *const mutex = &foreign->mutex;
    return MEASURE(start_ns, end_ns, pthread_mutex_lock(mutex), pthread_mutex_unlock(mutex));
}

static struct result run_robust(int64_t start_ns, int64_t end_ns)
{
    pthread_mutex_t *const mutex = &foreign->robust;
    return MEASURE(start_ns, end_ns, lock_robust(mutex), pthread_mutex_unlock(mutex));
}

static struct result run_rwlock_exclusive(int64_t start_ns, int64_t end_ns)
{
    pthread_rwlock_t *const rwlock = &foreign->rwlock;
    return MEASURE(start_ns, end_ns, pthread_rwlock_wrlock(rwlock), pthread_rwlock_unlock(rwlock));
}

static struct result run_rwlock_shared(int64_t start_ns, int64_t end_ns)
{
    pthread_rwlock_t *const rwlock = &foreign->rwlock;
    return MEASURE(start_ns, end_ns, pthread_rwlock_rdlock(rwlock), pthread_rwlock_unlock(rwlock));
}

static struct result run_spin(int64_t start_ns, int64_t end_ns)
{
    pthread_spinlock_t *const spin = &foreign->spin;
    return MEASURE(start_ns, end_ns, pthread_spin_lock(spin), pthread_spin_unlock(spin));
}

static const struct kind {
    const char *name;
    struct result (*exclusive)(int64_t start_ns, int64_t end_ns);
    struct result (*shared)(int64_t start_ns, int64_t end_ns);
} kinds[] = {
    {"lwshm", run_lwshm_exclusive, run_lwshm_shared},
    {"mutex", run_mutex, NULL},
    {"robust", run_robust, NULL},
    {"rwlock", run_rwlock_exclusive, run_rwlock_shared},
    {"spin", run_spin, NULL},
};

static struct result run(const char *name, bool shared, int64_t start_ns, int64_t end_ns)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) != 0)
            continue;
        if (!shared)
            return kinds[i].exclusive(start_ns, end_ns);
        if (kinds[i].shared != NULL)
            return kinds[i].shared(start_ns, end_ns);
    }
    die("no such kind of lock, or it has no such mode");
    abort();
}

/* The driver starts one worker after another, so the first has done this when the next comes. */
static void init_foreign(struct foreign_locks *locks)
{
    pthread_mutexattr_t mutex, robust;
    pthread_rwlockattr_t rwlock;
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    pthread_rwlockattr_init(&rwlock);
    pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED);
    require_zero(pthread_mutex_init(&locks->mutex, &mutex), "mutex");
    require_zero(pthread_mutex_init(&locks->robust, &robust), "robust mutex");
    require_zero(pthread_rwlock_init(&locks->rwlock, &rwlock), "rwlock");
    require_zero(pthread_spin_init(&locks->spin, PTHREAD_PROCESS_SHARED), "spinlock");
}

/* What a killed holder leaves is a lock, and nothing that it guards. */
static int repair(lwshm_backend *by, uint64_t lock, void *argument)
{
    (void)by;
    (void)lock;
    (void)argument;
    return 0;
}

static void attach(const char *data_dir)
{
    struct lwshm_tranche tranche;
    struct lwshm_area area;
    bool found;
    require(lwshm_segment_attach(data_dir, 0, &segment), "attach");
    require(lwshm_backend_join(segment, &backend), "join");
    require(lwshm_tranche_find(segment, "benchmark", &tranche), "tranche");
    require(lwshm_tranche_on_repair(segment, &tranche, repair, NULL), "repair");
    lwlock = lwshm_tranche_lock(&tranche, 0);
    /* Areas are aligned to 64 bytes, these locks to 128. */
    require(lwshm_shmem_init_struct(segment, "foreign locks", sizeof(struct foreign_locks) + 64,
                                    &found, &area),
            "area");
    char *start = lwshm_shmem_pointer(segment, area.offset, area.size);
    foreign = (struct foreign_locks *)(((uintptr_t)start + 127) / 128 * 128);
    if (!found)
        init_foreign(foreign);
}

static void hold(void)
{
    require(lwshm_lwlock_acquire(backend, lwlock, LWSHM_LW_EXCLUSIVE), "acquire");
    puts("held");
}

static void take(void)
{
    puts("waiting");
    fflush(stdout);
    require(lwshm_lwlock_acquire(backend, lwlock, LWSHM_LW_EXCLUSIVE), "acquire");
    printf("%lld\n", (long long)now(CLOCK_MONOTONIC));
    require(lwshm_lwlock_release(backend, lwlock), "release");
}

static void obey(const char *line)
{
    char kind[32], mode[32];
    long long start, end;
    if (strcmp(line, "hold\n") == 0) {
        hold();
    } else if (strcmp(line, "take\n") == 0) {
        take();
    } else if (sscanf(line, "run %31s %31s %lld %lld", kind, mode, &start, &end) == 4) {
        await_time(start);
        struct result result = run(kind, strcmp(mode, "shared") == 0, start, end);
        printf("%lld %lld %lld %lld\n", (long long)result.operations, (long long)result.elapsed_ns,
               (long long)result.cpu_ns, (long long)result.longest_ns);
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
