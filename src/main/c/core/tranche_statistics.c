/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tranche_statistics.h"

/* Floor of the logarithm, so that bucket i begins at 2^i microseconds. */
static int wait_bucket(int64_t wait_ns)
{
    uint64_t us = wait_ns < 1000 ? 1 : (uint64_t)wait_ns / 1000;
    int bucket = 63 - __builtin_clzll(us);
    return bucket < WAIT_BUCKETS ? bucket : WAIT_BUCKETS - 1;
}

void tranche_count_wait(lwshm_segment *s, uint32_t id, int64_t wait_ns)
{
    if (id >= s->max_tranches)
        return;
    struct tranche_entry *entry = tranche_at(s, id);
    __atomic_add_fetch(&entry->wait_ns, wait_ns < 0 ? 0 : (uint64_t)wait_ns, __ATOMIC_RELAXED);
    __atomic_add_fetch(&entry->waits[wait_bucket(wait_ns)], 1, __ATOMIC_RELAXED);
}

void tranche_count_recovery(lwshm_segment *s, uint32_t id, bool poisoned)
{
    if (id >= s->max_tranches)
        return;
    __atomic_add_fetch(&tranche_at(s, id)->recoveries, 1, __ATOMIC_RELAXED);
    if (poisoned)
        __atomic_add_fetch(&tranche_at(s, id)->poisonings, 1, __ATOMIC_RELAXED);
}

uint64_t tranche_acquisitions(const lwshm_segment *s, uint32_t id)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < segment_joined_slots(s); i++) {
        const struct tranche_counters *c = &counters_at(s, i)[id];
        sum += __atomic_load_n(&c->exclusive, __ATOMIC_RELAXED) +
               __atomic_load_n(&c->shared, __ATOMIC_RELAXED);
    }
    return sum;
}

int lwshm_tranche_statistics(const lwshm_segment *s, uint32_t id,
                             struct lwshm_tranche_statistics *statistics)
{
    if (!is_open(s))
        return fail_closed(s);
    struct lwshm_tranche tranche;
    int r = lwshm_tranche_get(s, id, &tranche);
    if (r < 0)
        return r;
    const struct tranche_entry *entry = tranche_at(s, id);
    struct lwshm_tranche_statistics sum = {
        .wait_ns = __atomic_load_n(&entry->wait_ns, __ATOMIC_RELAXED),
        .recoveries = __atomic_load_n(&entry->recoveries, __ATOMIC_RELAXED),
        .poisonings = __atomic_load_n(&entry->poisonings, __ATOMIC_RELAXED),
    };
    uint32_t spin = tranche_spin(entry);
    sum.spins = spin & SPIN_TURNS_MASK;
    sum.pauses = spin >> SPIN_PAUSES_SHIFT;
    for (int i = 0; i < WAIT_BUCKETS; i++) {
        sum.wait_histogram[i] = __atomic_load_n(&entry->waits[i], __ATOMIC_RELAXED);
        sum.waits += sum.wait_histogram[i];
    }
    for (uint32_t i = 0; i < segment_joined_slots(s); i++) {
        const struct tranche_counters *c = &counters_at(s, i)[id];
        sum.exclusive += __atomic_load_n(&c->exclusive, __ATOMIC_RELAXED);
        sum.shared += __atomic_load_n(&c->shared, __ATOMIC_RELAXED);
        sum.slow_exclusive += __atomic_load_n(&c->slow_exclusive, __ATOMIC_RELAXED);
        sum.slow_shared += __atomic_load_n(&c->slow_shared, __ATOMIC_RELAXED);
    }
    *statistics = sum;
    return LWSHM_OK;
}
