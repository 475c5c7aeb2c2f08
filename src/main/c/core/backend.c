/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/backend_slot.h"
#include "core/child_slot.h"
#include "core/lock.h"
#include "core/lwlock_slow.h"
#include "core/record.h"
#include "core/recover.h"

/* Raises the number of slots that were ever joined.  Drains look at no more than these. */
static void raise_joined_slots(lwshm_segment *s, uint32_t joined)
{
    uint32_t *most = &header_of(s)->joined_slots;
    uint32_t seen = __atomic_load_n(most, __ATOMIC_SEQ_CST);
    while (seen < joined && !__atomic_compare_exchange_n(most, &seen, joined, false,
                                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
}

static bool claim(lwshm_segment *s, uint32_t i, lwshm_backend *b)
{
    struct backend_slot *slot = slot_at(s, i);
    uint64_t seen = __atomic_load_n(&slot->identity, __ATOMIC_RELAXED);
    if (slot_state(seen) != BACKEND_FREE)
        return false;
    uint64_t generation = slot_generation(seen);
    raise_joined_slots(s, i + 1);
    if (!__atomic_compare_exchange_n(&slot->identity, &seen,
                                     slot_identity(BACKEND_JOINED, s->process, generation), false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    /* What a dead predecessor left here says nothing any more. */
    __atomic_store_n(&slot->wait_lock, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->spilled, generation << SPILLED_GENERATION_SHIFT, __ATOMIC_SEQ_CST);
    *b = (lwshm_backend){
        .segment = s,
        .slot = slot,
        .owner = (i + 1ull) | generation << LOCK_OWNER_GENERATION_SHIFT,
        .generation = generation << RECORD_GENERATION_SHIFT,
        .reader_bit = 1ull << (i % 64),
        .counters = counters_at(s, i),
        .base = s->base,
        .lwlocks = s->region[LWSHM_REGION_LWLOCKS],
        .max_lwlocks = s->max_lwlocks,
        .max_tranches = s->max_tranches,
        .fork_count = s->fork_count,
        .records = slot->record,
        .index_mask = s->max_held_locks - 1,
        .number = i,
    };
    return true;
}

static bool claim_any(lwshm_segment *s, lwshm_backend *b)
{
    for (uint32_t i = s->max_children; i < s->max_backends; i++)
        if (claim(s, i, b))
            return true;
    return false;
}

/* A handle for a backend of this segment to be, counted already. */
static int begin_join(lwshm_segment *s, lwshm_backend **backend)
{
    if (!is_open(s))
        return fail_closed(s);
    lwshm_backend *b = malloc(sizeof *b);
    if (b == NULL)
        return fail_system(12, "no memory for a backend handle of %zu bytes", sizeof *b);
    /* seq_cst, in this order: pairs with lwshm_segment_detach, which does it the other way round */
    __atomic_add_fetch(&s->joined, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&s->closing, __ATOMIC_SEQ_CST)) {
        __atomic_sub_fetch(&s->joined, 1, __ATOMIC_SEQ_CST);
        free(b);
        return fail_closed(s);
    }
    *backend = b;
    return LWSHM_OK;
}

static void end_join(lwshm_segment *s, lwshm_backend *b)
{
    free(b);
    __atomic_sub_fetch(&s->joined, 1, __ATOMIC_ACQ_REL);
}

int lwshm_backend_join(lwshm_segment *s, lwshm_backend **backend)
{
    lwshm_backend *b;
    int r = begin_join(s, &b);
    if (r < 0)
        return r;
    bool joined = claim_any(s, b);
    if (!joined) {
        recover_all(s);
        joined = claim_any(s, b);
    }
    if (!joined) {
        end_join(s, b);
        fail(LWSHM_E_LIMIT,
             "all %u backend slots of the segment are taken; leave some, or create it with a "
             "larger max_backends",
             s->max_backends - s->max_children);
        if (s->max_children > 0)
            with_hint(" (%u more are for the postmaster's children)", s->max_children);
        return with_values(LWSHM_E_LIMIT, 2, (int64_t)1, (int64_t)0);
    }
    *backend = b;
    return LWSHM_OK;
}

int lwshm_backend_join_slot(lwshm_segment *s, const struct lwshm_backend_parameters *parameters,
                            lwshm_backend **backend)
{
    lwshm_backend *b;
    int r = begin_join(s, &b);
    if (r < 0)
        return r;
    uint32_t i = parameters->slot;
    if ((r = child_slot_check_meant(s, parameters)) < 0 ||
        (r = child_slot_activate(s, i, parameters->launch)) < 0) {
        end_join(s, b);
        return r;
    }
    if (!claim(s, i, b) && !(recover_if_dead(s, i, true) && claim(s, i, b))) {
        child_slot_deactivate(s, i, parameters->launch);
        end_join(s, b);
        return fail(LWSHM_E_PARAMETERS,
                    "slot %u is meant for this process, but process %d is joined there and has not "
                    "ended; stop that first",
                    i, child_slot_pid(s, i));
    }
    b->launch = parameters->launch;
    *backend = b;
    return LWSHM_OK;
}

int lwshm_backend_release_all(lwshm_backend *b)
{
    int released = 0;
    if (b == NULL || !is_open(b->segment))
        return fail_closed(b == NULL ? NULL : b->segment);
    for (uint32_t i = 0; i < b->segment->max_held_locks; i++) {
        uint64_t record = __atomic_load_n(&b->slot->record[i], __ATOMIC_RELAXED);
        if (record == 0)
            continue;
        if (record_kind(record) == RECORD_N) {
            lwlock_end_cut_off(b, &b->slot->record[i]);
            continue;
        }
        int r = lwlock_release_any(b, record_lock(record));
        if (r < 0)
            return r;
        released++;
    }
    if (b->waited.lock != 0) {
        __atomic_store_n(&b->slot->wait_lock, 0, __ATOMIC_RELEASE);
        b->waited.lock = 0;
    }
    return released;
}

/* How many locks the backend is inside of exclusively. */
static int locks_inside(const lwshm_backend *b)
{
    int inside = 0;
    for (uint32_t i = 0; i < b->segment->max_held_locks; i++)
        inside += record_kind(__atomic_load_n(&b->slot->record[i], __ATOMIC_RELAXED)) == RECORD_XIN;
    return inside;
}

int lwshm_backend_leave(lwshm_backend *b)
{
    lwshm_segment *s = b == NULL ? NULL : b->segment;
    int inside = is_open(s) ? locks_inside(b) : 0;
    if (inside > 0) { /* what these locks guard may be half-changed */
        int r = lwshm_backend_abandon(b);
        return r < 0 ? r : inside;
    }
    int r = lwshm_backend_release_all(b);
    bool fenced = r == LWSHM_E_CLOSED && s->fork_count == os_fork_count;
    if (r < 0 && !fenced)
        return r;
    if (!fenced) { /* else the fence has done so */
        if (b->launch != 0)
            child_slot_leave(s, b->number, b->launch);
        backend_slot_free(b->slot, slot_identity(BACKEND_JOINED, s->process,
                                                 b->generation >> RECORD_GENERATION_SHIFT));
    }
    free(b);
    __atomic_sub_fetch(&s->joined, 1, __ATOMIC_ACQ_REL);
    return LWSHM_OK;
}

int lwshm_backend_abandon(lwshm_backend *b)
{
    lwshm_segment *s = b == NULL ? NULL : b->segment;
    if (s == NULL || s->fork_count != os_fork_count)
        return fail_closed(s);
    if (is_open(s)) { /* else the fence has done so */
        if (b->launch != 0 && !child_slot_is_inside(s, b->number))
            child_slot_leave(s, b->number, b->launch);
        recover_slot(
            s, b->number,
            slot_identity(BACKEND_JOINED, s->process, b->generation >> RECORD_GENERATION_SHIFT));
    }
    free(b);
    __atomic_sub_fetch(&s->joined, 1, __ATOMIC_ACQ_REL);
    return LWSHM_OK;
}

static uint32_t held_locks(const lwshm_segment *s, const struct backend_slot *slot)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < s->max_held_locks; i++) {
        uint64_t record = __atomic_load_n(&slot->record[i], __ATOMIC_RELAXED);
        enum record_kind kind = record_kind(record);
        held += kind == RECORD_S || kind == RECORD_XIN;
    }
    return held;
}

int lwshm_backend_held_locks(const lwshm_backend *b)
{
    if (b == NULL || !is_open(b->segment))
        return fail_closed(b == NULL ? NULL : b->segment);
    return (int)held_locks(b->segment, b->slot);
}

static bool describe(const lwshm_segment *s, uint32_t i, struct lwshm_backend_info *info)
{
    const struct backend_slot *slot = slot_at(s, i);
    uint64_t identity = __atomic_load_n(&slot->identity, __ATOMIC_ACQUIRE);
    uint32_t process = slot_process(identity);
    if (slot_state(identity) == BACKEND_FREE || process >= s->max_processes)
        return false;
    uint64_t wait_lock = __atomic_load_n(&slot->wait_lock, __ATOMIC_ACQUIRE);
    *info = (struct lwshm_backend_info){
        .slot = i,
        .generation = (uint32_t)slot_generation(identity),
        .pid =
            os_identity_pid(__atomic_load_n(&process_at(s, process)->identity, __ATOMIC_RELAXED)),
        .held_locks = held_locks(s, slot),
        .wait_lock = wait_lock,
        .wait_mode = wait_lock == 0 ? 0 : __atomic_load_n(&slot->wait_mode, __ATOMIC_RELAXED),
        .wait_since = wait_lock == 0 ? 0 : __atomic_load_n(&slot->wait_since, __ATOMIC_RELAXED),
        .slot_offset = (uint64_t)((const char *)slot - s->base),
    };
    return true;
}

int lwshm_backend_info(const lwshm_backend *b, struct lwshm_backend_info *info)
{
    if (b == NULL || !is_open(b->segment) || !describe(b->segment, b->number, info))
        return fail_closed(b == NULL ? NULL : b->segment);
    return LWSHM_OK;
}

int lwshm_backend_list(const lwshm_segment *s, struct lwshm_backend_info *infos, uint32_t capacity)
{
    uint32_t count = 0;
    struct lwshm_backend_info info;
    if (!is_open(s))
        return fail_closed(s);
    for (uint32_t i = 0; i < s->max_backends; i++) {
        if (!describe(s, i, &info))
            continue;
        if (count < capacity)
            infos[count] = info;
        count++;
    }
    return (int)count;
}
