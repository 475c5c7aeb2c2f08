/*
 * child_slot.c - see child_slot.h; and what the postmaster does with the word.
 *
 * The postmaster trusts nothing that it reads in the segment: what bounds its accesses is in
 * the handle, and a word that makes no sense is one of a child that has crashed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/child_slot.h"

#include "core/backend_slot.h"
#include "core/header.h"
#include "core/record.h"
#include "core/recover.h"
#include "core/segment.h"

static uint64_t child_word(enum lwshm_child_state state, uint32_t launch)
{
    return (uint64_t)state | (uint64_t)launch << CHILD_LAUNCH_SHIFT;
}

static bool replace(lwshm_segment *s, uint32_t i, uint64_t *seen, uint64_t word)
{
    /* acq_rel: what was done under the old word is seen by whoever sees the new one */
    return __atomic_compare_exchange_n(&slot_at(s, i)->child, seen, word, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static uint64_t load_word(const lwshm_segment *s, uint32_t i)
{
    /* acquire: pairs with replace() */
    return __atomic_load_n(&slot_at(s, i)->child, __ATOMIC_ACQUIRE);
}

/* ---- the child's side ---- */

int child_slot_check_meant(const lwshm_segment *s, const struct lwshm_backend_parameters *p)
{
    if (p->shmid != s->shmid || p->generation != s->info.generation || p->segment_size != s->size)
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters are for segment %d of generation %u with %llu bytes, and this "
                    "one is segment %d of generation %u with %llu bytes; the postmaster has made a "
                    "new one since: let it start the child again",
                    p->shmid, p->generation, (unsigned long long)p->segment_size, s->shmid,
                    s->info.generation, (unsigned long long)s->size);
    if (p->slot >= s->max_children)
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters name slot %u, and the segment has %u for children; they were "
                    "not written by its postmaster",
                    p->slot, s->max_children);
    uint64_t offset = (uint64_t)((const char *)slot_at(s, p->slot) - s->base);
    if (p->slot_offset != offset)
        return fail(LWSHM_E_PARAMETERS,
                    "the parameters say that slot %u is at offset %llu, and it is at %llu; use one "
                    "version of lwshm in postmaster and child",
                    p->slot, (unsigned long long)p->slot_offset, (unsigned long long)offset);
    if (p->launch == 0)
        return fail(LWSHM_E_PARAMETERS, "the parameters have launch 0, which is no child's; they "
                                        "were not written by a postmaster");
    return LWSHM_OK;
}

int32_t child_slot_pid(const lwshm_segment *s, uint32_t i)
{
    uint64_t identity = __atomic_load_n(&slot_at(s, i)->identity, __ATOMIC_ACQUIRE);
    uint32_t process = slot_process(identity);
    if (slot_state(identity) == BACKEND_FREE || process >= s->max_processes)
        return 0;
    return os_identity_pid(__atomic_load_n(&process_at(s, process)->identity, __ATOMIC_ACQUIRE));
}

int child_slot_activate(lwshm_segment *s, uint32_t i, uint32_t launch)
{
    uint64_t seen = child_word(LWSHM_CHILD_ASSIGNED, launch);
    if (replace(s, i, &seen, child_word(LWSHM_CHILD_ACTIVE, launch)))
        return LWSHM_OK;
    if (seen == child_word(LWSHM_CHILD_ACTIVE, launch))
        return fail(LWSHM_E_PARAMETERS,
                    "slot %u is joined already, by process %d; a child joins its slot once", i,
                    child_slot_pid(s, i));
    if (seen == child_word(LWSHM_CHILD_LEFT, launch))
        return fail(LWSHM_E_PARAMETERS,
                    "slot %u was left by this child; it joins its slot once, so let the postmaster "
                    "start another",
                    i);
    if (seen >> CHILD_LAUNCH_SHIFT == 0)
        return fail(LWSHM_E_PARAMETERS,
                    "slot %u is meant for no child by now; the postmaster has given launch %u up",
                    i, launch);
    return fail(LWSHM_E_PARAMETERS,
                "slot %u is meant for another child by now, launch %llu; this is launch %u, which "
                "the postmaster has given up",
                i, (unsigned long long)(seen >> CHILD_LAUNCH_SHIFT), launch);
}

void child_slot_deactivate(lwshm_segment *s, uint32_t i, uint32_t launch)
{
    uint64_t seen = child_word(LWSHM_CHILD_ACTIVE, launch);
    replace(s, i, &seen, child_word(LWSHM_CHILD_ASSIGNED, launch));
}

void child_slot_leave(lwshm_segment *s, uint32_t i, uint32_t launch)
{
    uint64_t seen = child_word(LWSHM_CHILD_ACTIVE, launch);
    replace(s, i, &seen, child_word(LWSHM_CHILD_LEFT, launch));
}

void child_slot_leave_own(lwshm_segment *s, uint32_t i)
{
    child_slot_leave(s, i, (uint32_t)(load_word(s, i) >> CHILD_LAUNCH_SHIFT));
}

bool child_slot_is_inside(const lwshm_segment *s, uint32_t i)
{
    for (uint32_t j = 0; j < s->max_held_locks; j++) {
        uint64_t record = __atomic_load_n(&slot_at(s, i)->record[j], __ATOMIC_SEQ_CST);
        if (record_kind(record) == RECORD_XIN)
            return true;
    }
    return false;
}

/* ---- the postmaster's ---- */

/* Somebody is joined in a slot that was not given to him: who? */
static int fail_taken(const lwshm_segment *s, uint32_t i, uint64_t identity)
{
    int32_t pid = child_slot_pid(s, i);
    if (pid != 0 || __atomic_load_n(&slot_at(s, i)->identity, __ATOMIC_ACQUIRE) != identity)
        return with_values(fail(LWSHM_E_BUSY,
                                "slot %u cannot be given to another child: process %d is joined "
                                "there and has not ended; stop it first",
                                i, pid),
                           1, (int64_t)i);
    return with_values(fail(LWSHM_E_CORRUPT,
                            "the segment is damaged: the identity in slot %u is 0x%llx, which is "
                            "nobody's; stop every process that uses it and create it again",
                            i, (unsigned long long)identity),
                       1, (int64_t)identity);
}

static int check_slot(const lwshm_segment *s, uint32_t i)
{
    if (!is_open(s))
        return fail_closed(s);
    if (i < s->max_children)
        return LWSHM_OK;
    return fail(LWSHM_E_INVALID,
                "slot %u is none of the segment's %u for children; create it with a larger "
                "max_children",
                i, s->max_children);
}

int lwshm_child_slot_assign(lwshm_segment *s, uint32_t i, uint32_t launch,
                            struct lwshm_backend_parameters *parameters)
{
    int r = check_slot(s, i);
    if (r < 0)
        return r;
    if (launch == 0)
        return fail(LWSHM_E_INVALID, "launch is 0, which stands for no child; count from 1");
    struct lwshm_backend_parameters p = {
        .postmaster = os_process_self(),
        .pid_namespace = os_process_namespaces(),
        .segment_size = s->size,
        .slot_offset = (uint64_t)((const char *)slot_at(s, i) - s->base),
        .shmid = s->shmid,
        .generation = s->info.generation,
        .mode = s->mode,
        .slot = i,
        .launch = launch,
    };
    if ((r = segment_absolute_data_dir(s, p.data_dir)) < 0)
        return r;
    recover_if_dead(s, i, true);
    uint64_t identity = __atomic_load_n(&slot_at(s, i)->identity, __ATOMIC_ACQUIRE);
    if (slot_state(identity) != BACKEND_FREE)
        return fail_taken(s, i, identity);
    *parameters = p;
    __atomic_store_n(&slot_at(s, i)->child, child_word(LWSHM_CHILD_ASSIGNED, launch),
                     __ATOMIC_RELEASE);
    return LWSHM_OK;
}

int lwshm_child_slot_state(const lwshm_segment *s, uint32_t i, uint32_t launch)
{
    int r = check_slot(s, i);
    if (r < 0)
        return r;
    uint64_t word = load_word(s, i);
    enum lwshm_child_state state = (enum lwshm_child_state)(word & CHILD_STATE_MASK);
    if (word == 0)
        return LWSHM_CHILD_NONE;
    return state != LWSHM_CHILD_NONE && word == child_word(state, launch) ? (int)state
                                                                          : LWSHM_CHILD_ACTIVE;
}

int lwshm_child_slot_release(lwshm_segment *s, uint32_t i)
{
    int r = check_slot(s, i);
    if (r < 0)
        return r;
    __atomic_store_n(&slot_at(s, i)->child, 0, __ATOMIC_RELEASE);
    return LWSHM_OK;
}
