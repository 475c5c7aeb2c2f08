/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record.h"

uint64_t *record_find_spilled(const lwshm_backend *b, uint64_t lock)
{
    for (uint32_t i = 0; i <= b->place_mask; i++)
        if (record_is_of(__atomic_load_n(&b->slot->record[i], __ATOMIC_RELAXED), lock))
            return &b->slot->record[i];
    return NULL;
}

uint64_t *record_take(lwshm_backend *b, uint64_t lock)
{
    uint64_t *record = &b->slot->record[record_place(lock, b->place_mask)];
    if (__atomic_load_n(record, __ATOMIC_RELAXED) == 0)
        return record;
    for (uint32_t i = 0; i <= b->place_mask; i++) {
        record = &b->slot->record[i];
        if (__atomic_load_n(record, __ATOMIC_RELAXED) != 0)
            continue;
        /* seq_cst, before the record is written: a draining writer that does not see this
           is one whose lock word we shall see. */
        __atomic_add_fetch(&b->slot->spilled, 1, __ATOMIC_SEQ_CST);
        return record;
    }
    return NULL;
}

bool record_says_shared(const lwshm_segment *s, uint32_t i, uint64_t lock)
{
    const struct backend_slot *slot = slot_at(s, i);
    const uint64_t wanted = record_key(lock) | RECORD_S;
    const uint64_t mask = RECORD_LOCK_MASK | RECORD_KIND_MASK;
    /* seq_cst: pairs with the reader's store of the record before it reads the word */
    uint64_t record =
        __atomic_load_n(&slot->record[record_place(lock, s->max_held_locks - 1)], __ATOMIC_SEQ_CST);
    if ((record & mask) == wanted)
        return true;
    if (__atomic_load_n(&slot->spilled, __ATOMIC_SEQ_CST) == 0)
        return false;
    for (uint32_t j = 0; j < s->max_held_locks; j++)
        if ((__atomic_load_n(&slot->record[j], __ATOMIC_SEQ_CST) & mask) == wanted)
            return true;
    return false;
}

uint64_t *record_find_disowned(const lwshm_segment *s, uint32_t i, uint64_t lock)
{
    struct backend_slot *slot = slot_at(s, i);
    for (uint32_t j = 0; j < s->max_held_locks; j++) {
        uint64_t record = __atomic_load_n(&slot->record[j], __ATOMIC_SEQ_CST);
        if ((record & (RECORD_LOCK_MASK | RECORD_DISOWNED)) == (record_key(lock) | RECORD_DISOWNED))
            return &slot->record[j];
    }
    return NULL;
}

int fail_no_record(const lwshm_backend *b)
{
    return with_values(fail(LWSHM_E_LIMIT,
                            "backend %u holds %u locks, all it may; release some, or create the "
                            "segment with a larger max_held_locks",
                            b->number, b->segment->max_held_locks),
                       2, (int64_t)1, (int64_t)0);
}
