/* SPDX-License-Identifier: Apache-2.0 */
#include "core/allocator.h"

#include <pthread.h>

#include "os/clock.h"

#define FIRST_SLEEP_NS 20000
#define LONGEST_SLEEP_NS 2000000

/* Among the threads of this process; the word in the header is for the processes. */
static pthread_mutex_t threads = PTHREAD_MUTEX_INITIALIZER;
static unsigned threads_fork_count;

/* A forked child may inherit the mutex locked by a thread that it has not inherited. */
static void lock_threads(void)
{
    if (__atomic_load_n(&threads_fork_count, __ATOMIC_ACQUIRE) != os_fork_count) {
        pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
        threads = fresh;
        __atomic_store_n(&threads_fork_count, os_fork_count, __ATOMIC_RELEASE);
    }
    pthread_mutex_lock(&threads);
}

int allocator_enter(lwshm_segment *s)
{
    uint64_t *allocator = &header_of(s)->allocator;
    int64_t sleep_ns = FIRST_SLEEP_NS;
    lock_threads();
    for (;;) {
        uint64_t owner = 0;
        /* acquire: pairs with the release in allocator_leave */
        if (__atomic_compare_exchange_n(allocator, &owner, s->identity, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_ACQUIRE))
            return LWSHM_OK;
        /* Our own name can only be from before an exec, and pid 0 from a damage. */
        if ((owner == s->identity || os_identity_pid(owner) == 0 || os_process_is_dead(owner)) &&
            __atomic_compare_exchange_n(allocator, &owner, s->identity, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return LWSHM_OK;
        if (__atomic_load_n(&s->ending, __ATOMIC_ACQUIRE)) {
            pthread_mutex_unlock(&threads);
            return fail_closed(s);
        }
        os_sleep_ns(sleep_ns);
        if (sleep_ns < LONGEST_SLEEP_NS)
            sleep_ns *= 2;
    }
}

void allocator_leave(lwshm_segment *s)
{
    __atomic_store_n(&header_of(s)->allocator, 0, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&threads);
}
