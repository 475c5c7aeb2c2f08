/*
 * lock_order.c - deadlocks found before they happen.
 *
 * One byte says of each pair of tranches that the second was acquired while the first was
 * held.  An acquire that would close a circle of these is refused.  The idea is that of the
 * Linux kernel's lockdep (Documentation/locking/lockdep-design.rst): classes of locks, not
 * locks, so that one run through each path is enough.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lock_order.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/record.h"

struct lock_order {
    pthread_mutex_t mutex;
    uint32_t tranches;
    uint8_t after[]; /* after[a * tranches + b]: b was acquired under a */
};

int lwshm_segment_check_lock_order(lwshm_segment *s, int on)
{
    if (!is_open(s))
        return fail_closed(s);
    if (on != 0 && __atomic_load_n(&s->lock_order, __ATOMIC_ACQUIRE) == NULL) {
        uint64_t bytes = (uint64_t)s->max_tranches * s->max_tranches;
        struct lock_order *fresh = calloc(1, sizeof *fresh + bytes), *none = NULL;
        if (fresh == NULL)
            return fail_system(ENOMEM, "no memory to note the order of %u tranches",
                               s->max_tranches);
        pthread_mutex_init(&fresh->mutex, NULL);
        fresh->tranches = s->max_tranches;
        if (!__atomic_compare_exchange_n(&s->lock_order, &none, fresh, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE))
            free(fresh);
    }
    __atomic_store_n(&s->checks_lock_order, on != 0, __ATOMIC_SEQ_CST);
    segment_review(s);
    return LWSHM_OK;
}

/* Is there a way from tranche `from` to tranche `to`?  `seen` keeps circles from trapping it. */
static bool leads_to(const struct lock_order *o, uint32_t from, uint32_t to, uint8_t *seen)
{
    if (from == to)
        return true;
    if (seen[from]++ != 0)
        return false;
    for (uint32_t i = 0; i < o->tranches; i++)
        if (o->after[(size_t)from * o->tranches + i] != 0 && leads_to(o, i, to, seen))
            return true;
    return false;
}

static int fail_order(const lwshm_segment *s, uint32_t held, uint32_t wanted)
{
    if (held == wanted)
        return fail(LWSHM_E_LOCK_ORDER,
                    "a lock of tranche \"%.63s\" is acquired while one behind it in the tranche is "
                    "held; acquire locks of one tranche by rising index",
                    tranche_at(s, held)->name);
    return fail(
        LWSHM_E_LOCK_ORDER,
        "tranche \"%.63s\" is locked while \"%.63s\" is held, and elsewhere it is the other "
        "way round, directly or through others; choose one order",
        tranche_at(s, wanted)->name, tranche_at(s, held)->name);
}

static int note(struct lock_order *o, const lwshm_segment *s, uint64_t held, uint64_t wanted)
{
    uint32_t first = lock_at(s, held)->tranche, second = lock_at(s, wanted)->tranche;
    if (first >= o->tranches || second >= o->tranches)
        return LWSHM_OK;
    if (first == second)
        return held < wanted ? LWSHM_OK : fail_order(s, first, second);
    if (o->after[(size_t)first * o->tranches + second] != 0)
        return LWSHM_OK;
    uint8_t *seen = calloc(o->tranches, 1);
    if (seen == NULL)
        return fail_system(ENOMEM, "no memory to check the order of %u tranches", o->tranches);
    bool circle = leads_to(o, second, first, seen);
    free(seen);
    if (circle)
        return fail_order(s, first, second);
    o->after[(size_t)first * o->tranches + second] = 1;
    return LWSHM_OK;
}

int lock_order_check(const lwshm_backend *b, uint64_t lock)
{
    struct lock_order *o = __atomic_load_n(&b->segment->lock_order, __ATOMIC_ACQUIRE);
    int r = LWSHM_OK;
    pthread_mutex_lock(&o->mutex);
    for (uint32_t i = 0; r == LWSHM_OK && i <= b->index_mask; i++) {
        uint64_t record = __atomic_load_n(&b->slot->record[i], __ATOMIC_RELAXED);
        if (record != 0 && record_lock(record) != lock)
            r = note(o, b->segment, record_lock(record), lock);
    }
    pthread_mutex_unlock(&o->mutex);
    return r;
}
