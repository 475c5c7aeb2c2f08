/* SPDX-License-Identifier: Apache-2.0 */
#include "core/recover.h"

#include "core/backend_slot.h"
#include "core/child_slot.h"
#include "core/death.h"
#include "core/lock.h"

void recover_slot(lwshm_segment *s, uint32_t i, uint64_t identity)
{
    struct backend_slot *slot = slot_at(s, i);
    if (slot_state(identity) == BACKEND_JOINED) {
        uint64_t dead =
            slot_identity(BACKEND_DEAD, slot_process(identity), slot_generation(identity));
        if (!__atomic_compare_exchange_n(&slot->identity, &identity, dead, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE) &&
            identity != dead)
            return;
        identity = dead;
    }
    for (uint32_t j = 0; j < s->max_held_locks; j++)
        lock_end_record(s, i, slot_generation(identity), &slot->record[j], true);
    backend_slot_free(slot, identity);
}

bool recover_if_dead(lwshm_segment *s, uint32_t i, bool thorough)
{
    uint64_t seen = __atomic_load_n(&slot_at(s, i)->identity, __ATOMIC_ACQUIRE);
    uint32_t process = slot_process(seen);
    if (slot_state(seen) == BACKEND_FREE || process >= s->max_processes)
        return false;
    /* If the entry is another process's by now, the slot has been freed meanwhile, and the
       generation in `seen` makes every CAS of recover_slot fail. */
    uint64_t identity = __atomic_load_n(&process_at(s, process)->identity, __ATOMIC_ACQUIRE);
    os_file_hold *proof = NULL;
    if (slot_state(seen) == BACKEND_JOINED &&
        (identity == 0 || !death_prove(s, process, identity, thorough, &proof)))
        return false;
    recover_slot(s, i, seen);
    death_end_proof(proof);
    return true;
}

void recover_any(lwshm_segment *s, uint32_t i)
{
    uint64_t seen = __atomic_load_n(&slot_at(s, i)->identity, __ATOMIC_ACQUIRE);
    if (slot_state(seen) != BACKEND_FREE)
        recover_slot(s, i, seen);
}

uint32_t recover_process(lwshm_segment *s, uint32_t process, uint64_t identity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->max_backends; i++) {
        uint64_t seen = __atomic_load_n(&slot_at(s, i)->identity, __ATOMIC_ACQUIRE);
        if (slot_state(seen) == BACKEND_FREE || slot_process(seen) != process)
            continue;
        if (__atomic_load_n(&process_at(s, process)->identity, __ATOMIC_ACQUIRE) != identity)
            return count;
        recover_slot(s, i, seen);
        count++;
    }
    /* The slots first: that they are the dead one's is known by its entry alone. */
    __atomic_compare_exchange_n(&process_at(s, process)->identity, &identity, 0, false,
                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    return count;
}

uint32_t recover_all(lwshm_segment *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->max_processes; i++) {
        uint64_t identity = __atomic_load_n(&process_at(s, i)->identity, __ATOMIC_ACQUIRE);
        os_file_hold *proof;
        if (identity == 0 || !death_prove(s, i, identity, true, &proof))
            continue;
        /* With the proof it may be a later one's, which is as dead. */
        identity = __atomic_load_n(&process_at(s, i)->identity, __ATOMIC_ACQUIRE);
        if (identity != 0)
            count += recover_process(s, i, identity);
        death_end_proof(proof);
    }
    return count;
}

void recover_own(lwshm_segment *s)
{
    for (uint32_t i = 0; i < s->max_backends; i++) {
        uint64_t identity = __atomic_load_n(&slot_at(s, i)->identity, __ATOMIC_ACQUIRE);
        if (slot_state(identity) != BACKEND_JOINED || slot_process(identity) != s->process)
            continue;
        /* A child that goes this way goes in order if it leaves no half a change behind. */
        if (i < s->max_children && !child_slot_is_inside(s, i))
            child_slot_leave_own(s, i);
        recover_slot(s, i, identity);
    }
}
