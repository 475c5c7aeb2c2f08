/* SPDX-License-Identifier: Apache-2.0 */
#include "core/allocator.h"

#include "core/death.h"
#include "os/clock.h"

#define ENTRY_BITS 16
#define FIRST_SLEEP_NS 20000
#define LONGEST_SLEEP_NS 2000000

/* Names an occupant: its entry + 1, and its identity without the pid. */
static uint64_t allocator_word(uint32_t entry, uint64_t identity)
{
    return identity >> IDENTITY_PID_BITS << ENTRY_BITS | (entry + 1u);
}

/* True if the occupant that such a word names has left, or is proven dead. */
static bool is_gone(const lwshm_segment *s, uint64_t word)
{
    uint32_t i = (uint32_t)(word & ((1u << ENTRY_BITS) - 1)) - 1;
    os_file_hold *proof;
    if (i >= s->max_processes)
        return true; /* damaged */
    uint64_t identity = __atomic_load_n(&process_at(s, i)->identity, __ATOMIC_ACQUIRE);
    if (allocator_word(i, identity) != word)
        return true;
    bool gone = death_prove(s, i, identity, true, &proof);
    death_end_proof(proof);
    return gone;
}

int allocator_enter(lwshm_segment *s)
{
    uint64_t *allocator = &header_of(s)->allocator, me = allocator_word(s->process, s->identity);
    int64_t sleep_ns = FIRST_SLEEP_NS;
    pthread_mutex_lock(&s->allocating);
    for (;;) {
        uint64_t owner = 0;
        /* acquire: pairs with the release in allocator_leave */
        if (__atomic_compare_exchange_n(allocator, &owner, me, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_ACQUIRE))
            return LWSHM_OK;
        if (is_gone(s, owner) && __atomic_compare_exchange_n(allocator, &owner, me, false,
                                                             __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return LWSHM_OK;
        if (__atomic_load_n(&s->ending, __ATOMIC_ACQUIRE)) {
            pthread_mutex_unlock(&s->allocating);
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
    pthread_mutex_unlock(&s->allocating);
}
