/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record.h"

uint64_t *record_find_spilled(const lwshm_backend *b, uint64_t lock)
{
    for (uint32_t i = 0; i <= b->index_mask; i++)
        if (record_is_of(__atomic_load_n(&b->slot->record[i], __ATOMIC_RELAXED), lock))
            return &b->slot->record[i];
    return NULL;
}

/* Only while the count is this backend's: a slot that was recovered meanwhile, because the process
   was fenced off, is another's, and so is its count. */
static void change_spilled(lwshm_backend *b, uint64_t by)
{
    uint64_t generation = b->generation >> RECORD_GENERATION_SHIFT;
    uint64_t seen = __atomic_load_n(&b->slot->spilled, __ATOMIC_SEQ_CST);
    while (seen >> SPILLED_GENERATION_SHIFT == generation &&
           !__atomic_compare_exchange_n(&b->slot->spilled, &seen, seen + by, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
}

void record_unspill(lwshm_backend *b)
{
    change_spilled(b, (uint64_t)-1);
}

uint64_t *record_take(lwshm_backend *b, uint64_t lock)
{
    uint64_t *record = &b->slot->record[record_index(lock, b->index_mask)];
    if (__atomic_load_n(record, __ATOMIC_RELAXED) == 0)
        return record;
    for (uint32_t i = 0; i <= b->index_mask; i++) {
        record = &b->slot->record[i];
        if (__atomic_load_n(record, __ATOMIC_RELAXED) != 0)
            continue;
        /* seq_cst, before the record is written: a draining writer that does not see this
           is one whose lock word we shall see. */
        change_spilled(b, 1);
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
        __atomic_load_n(&slot->record[record_index(lock, s->max_held_locks - 1)], __ATOMIC_SEQ_CST);
    if ((record & mask) == wanted)
        return true;
    if (records_spilled(slot, __ATOMIC_SEQ_CST) == 0)
        return false;
    for (uint32_t j = 0; j < s->max_held_locks; j++)
        if ((__atomic_load_n(&slot->record[j], __ATOMIC_SEQ_CST) & mask) == wanted)
            return true;
    return false;
}

int fail_no_record(const lwshm_backend *b)
{
    return with_values(fail(LWSHM_E_LIMIT,
                            "backend %u holds %u locks, all it may; release some, or create the "
                            "segment with a larger max_held_locks",
                            b->number, b->segment->max_held_locks),
                       2, (int64_t)1, (int64_t)0);
}
