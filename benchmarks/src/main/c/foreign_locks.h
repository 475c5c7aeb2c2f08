/*
 * foreign_locks.h - the locks in lock_worker.c that are not lwshm's, and their loops.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_BENCHMARKS_FOREIGN_LOCKS_H
#define LWSHM_BENCHMARKS_FOREIGN_LOCKS_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "measure.h"

/* What stands in the segment for the locks that are not lwshm's; each has lines of its own. */
struct foreign_locks {
    pthread_mutex_t mutex __attribute__((aligned(128)));
    pthread_mutex_t robust __attribute__((aligned(128)));
    pthread_rwlock_t rwlock __attribute__((aligned(128)));
    pthread_spinlock_t spin __attribute__((aligned(128)));
};

static struct foreign_locks *foreign;

static void die(const char *what)
{
    fprintf(stderr, "lock_worker: %s\n", what);
    exit(1);
}

static inline void require_zero(int error, const char *what)
{
    if (__builtin_expect(error != 0, 0))
        die(what);
}

static int lock_robust(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_lock(mutex);
    return error == EOWNERDEAD ? pthread_mutex_consistent(mutex) : error;
}

/* The driver starts one worker after another: the first one does this before the next starts. */
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

static struct result run_mutex(const struct order *order)
{
    pthread_mutex_t *const mutex = &foreign->mutex;
    return MEASURE(order, require_zero(pthread_mutex_lock(mutex), "lock"),
                   require_zero(pthread_mutex_unlock(mutex), "unlock"));
}

static struct result run_robust(const struct order *order)
{
    pthread_mutex_t *const mutex = &foreign->robust;
    return MEASURE(order, require_zero(lock_robust(mutex), "lock"),
                   require_zero(pthread_mutex_unlock(mutex), "unlock"));
}

static struct result run_rwlock_exclusive(const struct order *order)
{
    pthread_rwlock_t *const rwlock = &foreign->rwlock;
    return MEASURE(order, require_zero(pthread_rwlock_wrlock(rwlock), "lock"),
                   require_zero(pthread_rwlock_unlock(rwlock), "unlock"));
}

static struct result run_rwlock_shared(const struct order *order)
{
    pthread_rwlock_t *const rwlock = &foreign->rwlock;
    return MEASURE(order, require_zero(pthread_rwlock_rdlock(rwlock), "lock"),
                   require_zero(pthread_rwlock_unlock(rwlock), "unlock"));
}

static struct result run_spin(const struct order *order)
{
    pthread_spinlock_t *const spin = &foreign->spin;
    return MEASURE(order, require_zero(pthread_spin_lock(spin), "lock"),
                   require_zero(pthread_spin_unlock(spin), "unlock"));
}

static bool swap_in(uint64_t *word)
{
    uint64_t free = 0;
    return __atomic_compare_exchange_n(word, &free, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static struct result run_bare(const struct order *order)
{
    static uint64_t word __attribute__((aligned(64)));
    return MEASURE(order, require_zero(!swap_in(&word), "swap"),
                   require_zero(__atomic_sub_fetch(&word, 1, __ATOMIC_SEQ_CST) != 0, "subtract"));
}

/* The locks that are not lwshm's. */
static const struct kind {
    const char *name, *mode;
    struct result (*run)(const struct order *order);
} kinds[] = {
    {"mutex", "exclusive", run_mutex},
    {"robust", "exclusive", run_robust},
    {"rwlock", "exclusive", run_rwlock_exclusive},
    {"rwlock", "shared", run_rwlock_shared},
    {"spin", "exclusive", run_spin},
    {"bare", "exclusive", run_bare},
};

#endif
