/*
 * measure.h - the loop that every benchmark in C runs: in lock_worker.c and, inside
 * PostgreSQL's backends, in lwlock_benchmark.c.  The Java worker runs the same one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_BENCHMARKS_MEASURE_H
#define LWSHM_BENCHMARKS_MEASURE_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

/* What a worker is to do.  Several workers with the same order measure the same time. */
struct order {
    int64_t start_ns, end_ns; /* when to begin and to end, on CLOCK_MONOTONIC */
    int64_t inside, between;  /* turns of work() with the lock held, and without it */
    int64_t batch;            /* acquisitions between two readings of the clock */
};

struct result {
    int64_t operations; /* acquisitions, each with its release */
    int64_t elapsed_ns; /* from the ordered start to the last reading of the clock */
    int64_t cpu_ns;     /* processor time that they took */
    int64_t longest_ns; /* the longest batch: the longest wait, and the batch's own time */
};

static inline int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Sleeps until that time on CLOCK_MONOTONIC. */
static inline void await_time(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / INT64_C(1000000000), .tv_nsec = ns % INT64_C(1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

/*
 * Work that touches no memory: each turn of this xorshift generator needs the result of the
 * turn before.  The empty asm keeps the compiler from dropping or moving a turn.
 */
static inline uint64_t work(uint64_t x, int64_t turns)
{
    for (; turns > 0; turns--) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        __asm__ volatile("" : "+r"(x));
    }
    return x;
}

/*
 * Runs the statements ACQUIRE and RELEASE until the order's time is over; evaluates to a
 * struct result.  It is a macro so that each kind of lock has a loop of its own, as a program
 * that uses the lock would.  What the statements name are locals: the loop would load
 * anything else again in each turn.
 */
#define MEASURE(order, ACQUIRE, RELEASE)                                                           \
    ({                                                                                             \
        const struct order what = *(order);                                                        \
        struct result result = {0};                                                                \
        uint64_t x = 1;                                                                            \
        int64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);                                           \
        int64_t last = clock_ns(CLOCK_MONOTONIC);                                                  \
        do {                                                                                       \
            for (int64_t i = 0; i < what.batch; i++) {                                             \
                ACQUIRE;                                                                           \
                x = work(x, what.inside);                                                          \
                RELEASE;                                                                           \
                x = work(x, what.between);                                                         \
            }                                                                                      \
            result.operations += what.batch;                                                       \
            int64_t time = clock_ns(CLOCK_MONOTONIC);                                              \
            if (time - last > result.longest_ns)                                                   \
                result.longest_ns = time - last;                                                   \
            last = time;                                                                           \
        } while (last < what.end_ns);                                                              \
        result.elapsed_ns = last - what.start_ns;                                                  \
        result.cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;                                   \
        result;                                                                                    \
    })

#endif
