/* SPDX-License-Identifier: Apache-2.0 */
#include "core/process_entry.h"

#include "core/recover.h"
#include "os/clock.h"

static bool claim(lwshm_segment *s)
{
    for (uint32_t i = 0; i < s->max_processes; i++) {
        struct process_entry *entry = process_at(s, i);
        uint64_t nobody = 0;
        /* acq_rel: pairs with the CAS to 0 of whoever had it before */
        if (__atomic_load_n(&entry->identity, __ATOMIC_RELAXED) == 0 &&
            __atomic_compare_exchange_n(&entry->identity, &nobody, s->identity, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            entry->attached_at = os_realtime_us();
            s->process = i;
            return true;
        }
    }
    return false;
}

int process_enter(lwshm_segment *s)
{
    if (claim(s))
        return LWSHM_OK;
    recover_all(s);
    if (claim(s))
        return LWSHM_OK;
    return with_values(fail(LWSHM_E_LIMIT,
                            "all %u process entries of the segment are taken by live processes; "
                            "create it with a larger max_processes",
                            s->max_processes),
                       2, (int64_t)1, (int64_t)0);
}

void process_leave(lwshm_segment *s)
{
    uint64_t me = s->identity;
    /* release: what we did before is seen by who enters next */
    __atomic_compare_exchange_n(&process_at(s, s->process)->identity, &me, 0, false,
                                __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

int lwshm_segment_reap_dead(lwshm_segment *s)
{
    if (!is_open(s))
        return fail_closed(s);
    return (int)recover_all(s);
}

int lwshm_segment_processes(const lwshm_segment *s, int32_t *pids, uint32_t capacity)
{
    uint32_t count = 0;
    if (!is_open(s))
        return fail_closed(s);
    for (uint32_t i = 0; i < s->max_processes; i++) {
        uint64_t identity = __atomic_load_n(&process_at(s, i)->identity, __ATOMIC_ACQUIRE);
        if (identity == 0)
            continue;
        if (count < capacity)
            pids[count] = os_identity_pid(identity);
        count++;
    }
    return (int)count;
}
