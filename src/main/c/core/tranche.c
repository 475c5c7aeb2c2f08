/* SPDX-License-Identifier: Apache-2.0 */
#include "lwshm/tranche.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/allocator.h"

static uint32_t tranche_count(const lwshm_segment *s)
{
    /* acquire: pairs with the release store in make() */
    uint32_t count = __atomic_load_n(&header_of(s)->tranche_count, __ATOMIC_ACQUIRE);
    return count < s->max_tranches ? count : s->max_tranches;
}

static int read_entry(const lwshm_segment *s, uint32_t id, struct lwshm_tranche *tranche)
{
    const struct tranche_entry *entry = tranche_at(s, id);
    *tranche = (struct lwshm_tranche){.offset = entry->offset, .locks = entry->locks, .id = id};
    memcpy(tranche->name, entry->name, sizeof tranche->name - 1);
    if (tranche->locks == 0 || !is_lock(s, tranche->offset) ||
        !is_lock(s, tranche->offset + (tranche->locks - 1ull) * sizeof(struct lwlock)))
        return with_values(fail(LWSHM_E_CORRUPT,
                                "the segment is damaged: tranche \"%s\" has %u locks at offset "
                                "%llu, which do not lie in the lock array",
                                tranche->name, tranche->locks, (unsigned long long)tranche->offset),
                           1, (int64_t)tranche->offset);
    return LWSHM_OK;
}

/* The number of the tranche, -1 if there is none. */
static int64_t find(const lwshm_segment *s, const char *name)
{
    for (uint32_t i = 0, count = tranche_count(s); i < count; i++)
        if (strncmp(tranche_at(s, i)->name, name, LWSHM_TRANCHE_NAME_MAX + 1) == 0)
            return i;
    return -1;
}

static int make(lwshm_segment *s, const char *name, uint32_t locks, struct lwshm_tranche *tranche)
{
    uint32_t count = tranche_count(s);
    uint64_t first = s->region[LWSHM_REGION_LWLOCKS];
    uint64_t end = first + (uint64_t)s->max_lwlocks * sizeof(struct lwlock);
    if (locks == 0)
        return fail(LWSHM_E_INVALID,
                    "tranche \"%s\" with 0 locks was asked for; it takes 1 or more", name);
    if (count == s->max_tranches)
        return with_values(fail(LWSHM_E_LIMIT,
                                "no entry is left for tranche \"%s\": all %u are taken; create the "
                                "segment with a larger max_tranches",
                                name, count),
                           2, (int64_t)1, (int64_t)0);
    if (count > 0) {
        const struct tranche_entry *last = tranche_at(s, count - 1);
        first = last->offset + (uint64_t)last->locks * sizeof(struct lwlock);
    }
    uint64_t left = first <= end ? (end - first) / sizeof(struct lwlock) : 0;
    if (locks > left)
        return with_values(fail(LWSHM_E_LIMIT,
                                "tranche \"%s\" needs %u locks, and %llu of the segment's %u are "
                                "left; create it with a larger max_lwlocks",
                                name, locks, (unsigned long long)left, s->max_lwlocks),
                           2, (int64_t)locks, (int64_t)left);
    for (uint32_t i = 0; i < locks; i++)
        *lock_at(s, first + (uint64_t)i * sizeof(struct lwlock)) =
            (struct lwlock){.tranche = (uint16_t)count};
    struct tranche_entry *entry = tranche_at(s, count);
    memset(entry, 0, sizeof *entry);
    memcpy(entry->name, name, strlen(name));
    entry->offset = first;
    entry->locks = locks;
    entry->spins_setting = LWSHM_SPINS_LEARNED;
    /* release: the locks and the entry are whole before they count */
    __atomic_store_n(&header_of(s)->tranche_count, count + 1, __ATOMIC_RELEASE);
    return read_entry(s, count, tranche);
}

int lwshm_tranche_init(lwshm_segment *s, const char *name, uint32_t locks, bool *found,
                       struct lwshm_tranche *tranche)
{
    if (!is_open(s))
        return fail_closed(s);
    int r = check_name("tranche", name, LWSHM_TRANCHE_NAME_MAX);
    if (r < 0 || (r = allocator_enter(s)) < 0)
        return r;
    int64_t id = find(s, name);
    *found = id >= 0;
    if (id < 0)
        r = make(s, name, locks, tranche);
    else if ((r = read_entry(s, (uint32_t)id, tranche)) == LWSHM_OK && tranche->locks != locks)
        r = with_values(fail(LWSHM_E_SIZE_MISMATCH,
                             "tranche \"%s\" exists with %u locks, and %u were asked for; ask for "
                             "the number that it was made with",
                             name, tranche->locks, locks),
                        2, (int64_t)locks, (int64_t)tranche->locks);
    allocator_leave(s);
    return r;
}

int lwshm_tranche_find(const lwshm_segment *s, const char *name, struct lwshm_tranche *tranche)
{
    if (!is_open(s))
        return fail_closed(s);
    int r = check_name("tranche", name, LWSHM_TRANCHE_NAME_MAX);
    if (r < 0)
        return r;
    int64_t id = find(s, name);
    if (id < 0)
        return fail(LWSHM_E_NOT_FOUND, "the segment has no tranche \"%s\"", name);
    return read_entry(s, (uint32_t)id, tranche);
}

int lwshm_tranche_get(const lwshm_segment *s, uint32_t id, struct lwshm_tranche *tranche)
{
    if (!is_open(s))
        return fail_closed(s);
    if (id >= tranche_count(s))
        return fail(LWSHM_E_NOT_FOUND, "the segment has no tranche %u; it has %u", id,
                    tranche_count(s));
    return read_entry(s, id, tranche);
}

int lwshm_tranche_on_repair(lwshm_segment *s, const struct lwshm_tranche *tranche,
                            lwshm_repair *repair, void *argument)
{
    if (!is_open(s))
        return fail_closed(s);
    if (tranche->id >= tranche_count(s))
        return fail(LWSHM_E_NOT_FOUND, "the segment has no tranche %u; it has %u", tranche->id,
                    tranche_count(s));
    struct repairer *all = __atomic_load_n(&s->repairers, __ATOMIC_ACQUIRE);
    if (all == NULL) {
        struct repairer *fresh = calloc(s->max_tranches, sizeof *fresh);
        if (fresh == NULL)
            return fail_system(ENOMEM, "no memory for %u repair callbacks", s->max_tranches);
        if (__atomic_compare_exchange_n(&s->repairers, &all, fresh, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            all = fresh;
        else
            free(fresh);
    }
    /* In this order, so that no callback gets another's argument. */
    __atomic_store_n(&all[tranche->id].repair, NULL, __ATOMIC_SEQ_CST);
    __atomic_store_n(&all[tranche->id].argument, argument, __ATOMIC_SEQ_CST);
    __atomic_store_n(&all[tranche->id].repair, repair, __ATOMIC_SEQ_CST);
    return LWSHM_OK;
}

int lwshm_tranche_set_spins(lwshm_segment *s, uint32_t id, int32_t turns)
{
    if (!is_open(s))
        return fail_closed(s);
    if (id >= tranche_count(s))
        return fail(LWSHM_E_NOT_FOUND, "the segment has no tranche %u; it has %u", id,
                    tranche_count(s));
    if (turns != LWSHM_SPINS_LEARNED && (turns < 0 || turns > LWSHM_SPINS_MAX))
        return fail(LWSHM_E_INVALID,
                    "%d turns of spinning were asked for; it takes 0 to %d, or "
                    "LWSHM_SPINS_LEARNED",
                    turns, LWSHM_SPINS_MAX);
    struct tranche_entry *entry = tranche_at(s, id);
    __atomic_store_n(&entry->spins_setting, turns, __ATOMIC_SEQ_CST);
    __atomic_store_n(&entry->spin, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&entry->trials_agreed, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&entry->next_trial, 0, __ATOMIC_SEQ_CST);
    return LWSHM_OK;
}
