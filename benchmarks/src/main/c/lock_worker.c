/*
 * lock_worker.c - a process that acquires and releases locks as fast as it can, and
 * says how fast that was.
 *
 *     lock_worker DATA_DIR
 *
 * Prints "ready" when it is, then obeys one line of standard input after another:
 *
 *     run KIND MODE LOCKS START END
 *
 * KIND is lwshm, mutex, robust, rwlock or spin; MODE is exclusive or shared; LOCKS, a
 * power of two, of them are taken in turn; START and END are times on CLOCK_MONOTONIC in
 * nanoseconds, so that several workers measure the same stretch of time.  It answers
 *
 *     OPERATIONS ELAPSED_NS CPU_NS LONGEST_NS
 *
 * (more words on the line are for others), where the last is the longest time that BATCH acquisitions in a row took: the longest
 * wait and a little more.  (To read the clock at each would be to measure the clock.)
 * The Java worker and the PostgreSQL extension do the same.
 *
 *     hold        acquires a lock exclusively, answers "held", and keeps it
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
#define MAX_LOCKS 64

/* What stands in the segment for each kind of lock that is not lwshm's; lines of its own. */
struct foreign_lock {
    pthread_mutex_t mutex __attribute__((aligned(128)));
    pthread_mutex_t robust __attribute__((aligned(128)));
    pthread_rwlock_t rwlock __attribute__((aligned(128)));
    pthread_spinlock_t spin __attribute__((aligned(128)));
};

struct foreign_locks {
    struct foreign_lock lock[MAX_LOCKS];
};

struct run {
    bool shared;
    unsigned mask;  /* number of locks - 1 */
    int64_t end_ns; /* on CLOCK_MONOTONIC */
};

struct result {
    int64_t operations, elapsed_ns, cpu_ns, longest_ns;
};

static lwshm_segment *segment;
static lwshm_backend *backend;
static uint64_t lwlocks[MAX_LOCKS];
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

/* Runs ACQUIRE and RELEASE, expressions on the lock number k, until the time is over.  A
   macro, so that every kind has a loop of its own, as a program that uses it would. */
#define MEASURE(run, ACQUIRE, RELEASE)                                                             \
    ({                                                                                             \
        struct result result = {0};                                                                \
        unsigned k, next = 0;                                                                      \
        int64_t cpu = now(CLOCK_THREAD_CPUTIME_ID);                                                \
        int64_t start = now(CLOCK_MONOTONIC), last = start;                                        \
        do {                                                                                       \
            for (int i = 0; i < BATCH; i++) {                                                      \
                k = next++ & (run)->mask;                                                          \
                require_zero(ACQUIRE, "acquire failed");                                           \
                require_zero(RELEASE, "release failed");                                           \
            }                                                                                      \
            result.operations += BATCH;                                                            \
            int64_t time = now(CLOCK_MONOTONIC);                                                   \
            if (time - last > result.longest_ns)                                                   \
                result.longest_ns = time - last;                                                   \
            last = time;                                                                           \
        } while (last < (run)->end_ns);                                                            \
        result.elapsed_ns = last - start;                                                          \
        result.cpu_ns = now(CLOCK_THREAD_CPUTIME_ID) - cpu;                                        \
        result;                                                                                    \
    })

static int lock_robust(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_lock(mutex);
    return error == EOWNERDEAD ? pthread_mutex_consistent(mutex) : error;
}

static struct result run_lwshm_exclusive(const struct run *run)
{
    return MEASURE(run, lwshm_lwlock_acquire(backend, lwlocks[k], LWSHM_LW_EXCLUSIVE),
                   lwshm_lwlock_release(backend, lwlocks[k]));
}

static struct result run_lwshm_shared(const struct run *run)
{
    return MEASURE(run, lwshm_lwlock_acquire(backend, lwlocks[k], LWSHM_LW_SHARED),
                   lwshm_lwlock_release(backend, lwlocks[k]));
}

static struct result run_mutex(const struct run *run)
{
    return MEASURE(run, pthread_mutex_lock(&foreign->lock[k].mutex),
                   pthread_mutex_unlock(&foreign->lock[k].mutex));
}

static struct result run_robust(const struct run *run)
{
    return MEASURE(run, lock_robust(&foreign->lock[k].robust),
                   pthread_mutex_unlock(&foreign->lock[k].robust));
}

static struct result run_rwlock_exclusive(const struct run *run)
{
    return MEASURE(run, pthread_rwlock_wrlock(&foreign->lock[k].rwlock),
                   pthread_rwlock_unlock(&foreign->lock[k].rwlock));
}

static struct result run_rwlock_shared(const struct run *run)
{
    return MEASURE(run, pthread_rwlock_rdlock(&foreign->lock[k].rwlock),
                   pthread_rwlock_unlock(&foreign->lock[k].rwlock));
}

static struct result run_spin(const struct run *run)
{
    return MEASURE(run, pthread_spin_lock(&foreign->lock[k].spin),
                   pthread_spin_unlock(&foreign->lock[k].spin));
}

static const struct kind {
    const char *name;
    struct result (*exclusive)(const struct run *);
    struct result (*shared)(const struct run *);
} kinds[] = {
    {"lwshm", run_lwshm_exclusive, run_lwshm_shared},
    {"mutex", run_mutex, NULL},
    {"robust", run_robust, NULL},
    {"rwlock", run_rwlock_exclusive, run_rwlock_shared},
    {"spin", run_spin, NULL},
};

static struct result run(const char *name, const struct run *run)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) != 0)
            continue;
        if (!run->shared)
            return kinds[i].exclusive(run);
        if (kinds[i].shared != NULL)
            return kinds[i].shared(run);
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
    for (int i = 0; i < MAX_LOCKS; i++) {
        require_zero(pthread_mutex_init(&locks->lock[i].mutex, &mutex), "mutex");
        require_zero(pthread_mutex_init(&locks->lock[i].robust, &robust), "robust mutex");
        require_zero(pthread_rwlock_init(&locks->lock[i].rwlock, &rwlock), "rwlock");
        require_zero(pthread_spin_init(&locks->lock[i].spin, PTHREAD_PROCESS_SHARED), "spinlock");
    }
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
    for (uint32_t i = 0; i < MAX_LOCKS; i++)
        lwlocks[i] = lwshm_tranche_lock(&tranche, i);
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
    require(lwshm_lwlock_acquire(backend, lwlocks[0], LWSHM_LW_EXCLUSIVE), "acquire");
    puts("held");
}

static void take(void)
{
    puts("waiting");
    fflush(stdout);
    require(lwshm_lwlock_acquire(backend, lwlocks[0], LWSHM_LW_EXCLUSIVE), "acquire");
    printf("%lld\n", (long long)now(CLOCK_MONOTONIC));
    require(lwshm_lwlock_release(backend, lwlocks[0]), "release");
}

static void obey(const char *line)
{
    char kind[32], mode[32];
    unsigned locks;
    long long start, end;
    if (strcmp(line, "hold\n") == 0) {
        hold();
    } else if (strcmp(line, "take\n") == 0) {
        take();
    } else if (sscanf(line, "run %31s %31s %u %lld %lld", kind, mode, &locks, &start, &end) == 5 &&
               locks > 0 && locks <= MAX_LOCKS && (locks & (locks - 1)) == 0) {
        struct run order = {
            .shared = strcmp(mode, "shared") == 0, .mask = locks - 1, .end_ns = end};
        await_time(start);
        struct result result = run(kind, &order);
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
