/*
 * lwlock_wait.c - the part of acquire that may sleep: waiting for the owner to go, for
 * readers to leave, and being woken.
 *
 * Who is about to park reads its futex counter before it looks at the state; who changes
 * the state turns the flag off, raises the counter and wakes, in that order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_wait.h"

#include <errno.h>

#include "os/clock.h"
#include "os/futex.h"

/* Turns of looking before parking, where there is another processor to wait for. */
#define SPINS 100
/* Every sleep is bounded, so that who sleeps looks around now and then. */
#define FIRST_SLEEP_NS 1000000
#define LONGEST_SLEEP_NS 100000000

static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline bool is_ending(const struct attempt *a)
{
    return __atomic_load_n(&a->segment->ending, __ATOMIC_ACQUIRE);
}

/* ---- waiting ---- */

/* Sleeps on a futex of the lock, and says so in the slot for those who look. */
static void park(struct attempt *a, uint32_t *futex, uint32_t expected, enum lwshm_lwlock_mode mode)
{
    struct backend_slot *slot = a->backend->slot;
    if (a->sleep_ns == 0) {
        a->sleep_ns = FIRST_SLEEP_NS;
        __atomic_store_n(&slot->wait_mode, mode, __ATOMIC_RELAXED);
        __atomic_store_n(&slot->wait_since, os_monotonic_ns(), __ATOMIC_RELAXED);
        __atomic_store_n(&slot->wait_lock, a->offset, __ATOMIC_RELEASE);
    }
    if (os_futex_wait(futex, expected, a->sleep_ns) == -ETIMEDOUT && a->sleep_ns < LONGEST_SLEEP_NS)
        a->sleep_ns *= 2;
}

static void wait_is_over(struct attempt *a)
{
    if (a->sleep_ns != 0)
        __atomic_store_n(&a->backend->slot->wait_lock, 0, __ATOMIC_RELEASE);
    a->sleep_ns = 0;
}

/* Leaves a queue without the lock: passes on a wake-up that may have been meant for us. */
static int give_up(struct attempt *a)
{
    uint64_t word = load(&a->lock->word);
    if ((word & LOCK_OWNER_SLOT_MASK) == 0)
        lock_wake(a->lock, word & LOCK_XWAIT);
    wait_is_over(a);
    record_clear(a->backend, a->offset, a->record);
    return fail_closed(a->segment);
}

/* The end of a wait.  Who was fenced off meanwhile found zeros, which look like a free lock:
   that is no hold.  (The zeros came after `ending`, so who saw them sees it.) */
static int unless_ending(const struct attempt *a)
{
    if (!is_ending(a))
        return LWSHM_OK;
    lwshm_lwlock_release(a->backend, a->offset); /* the zeros', or the lock if the fence fails */
    return fail_closed(a->segment);
}

/* ---- shared ---- */

/* Sleeps until shared is no longer blocked; the record is N. */
static int await_unblocked(struct attempt *a)
{
    for (int i = 0; a->segment->spins && i < SPINS; i++) {
        if ((load(&a->lock->word) & LOCK_BLOCKS) == 0)
            return LWSHM_OK;
        pause_briefly();
    }
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->sfut, __ATOMIC_SEQ_CST);
        uint64_t word = load(&a->lock->word);
        if ((word & LOCK_BLOCKS) == 0)
            return LWSHM_OK;
        if (is_ending(a))
            return give_up(a);
        if ((word & LOCK_SWAIT) == 0 &&
            !__atomic_compare_exchange_n(&a->lock->word, &word, word | LOCK_SWAIT, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        park(a, &a->lock->sfut, events, LWSHM_LW_SHARED);
    }
}

int lwlock_wait_shared(struct attempt *a)
{
    do {
        retract_shared(a->backend, a->offset, a->lock, a->record);
        int r = await_unblocked(a);
        if (r < 0)
            return r;
        set_record_fenced(a->backend, a->offset, a->record, RECORD_S);
    } while (!enter_shared(a->backend, a->lock));
    wait_is_over(a);
    return unless_ending(a);
}

/* ---- exclusive ---- */

/* Waits until slot `i` has no shared hold of the lock; false if it shall not wait. */
static bool drain_slot(struct attempt *a, uint32_t i, bool may_wait)
{
    if (!record_says_shared(a->segment, i, a->offset))
        return true;
    if (!may_wait)
        return false;
    for (int spin = 0; a->segment->spins && spin < SPINS; spin++) {
        if (!record_says_shared(a->segment, i, a->offset))
            return true;
        pause_briefly();
    }
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->dfut, __ATOMIC_SEQ_CST);
        __atomic_or_fetch(&a->lock->word, LOCK_DPARK, __ATOMIC_SEQ_CST);
        if (!record_says_shared(a->segment, i, a->offset))
            return true;
        if (is_ending(a))
            return false;
        park(a, &a->lock->dfut, events, LWSHM_LW_EXCLUSIVE);
    }
}

/* We own W: waits for the readers to leave.  The record is N, and XIN afterwards. */
static bool drain(struct attempt *a, bool may_wait)
{
    uint64_t readers = load(&a->lock->readers);
    if (readers != 0) {
        for (uint64_t rest = readers; rest != 0; rest &= rest - 1)
            for (uint32_t i = (uint32_t)__builtin_ctzll(rest); i < a->segment->max_backends;
                 i += 64)
                if (!drain_slot(a, i, may_wait))
                    return false;
        /* Only after draining, and only the bits looked at. */
        __atomic_and_fetch(&a->lock->readers, ~readers, __ATOMIC_SEQ_CST);
        if ((load(&a->lock->word) & LOCK_DPARK) != 0)
            __atomic_and_fetch(&a->lock->word, ~LOCK_DPARK, __ATOMIC_SEQ_CST);
    }
    set_record(a->backend, a->offset, a->record, RECORD_XIN);
    return true;
}

/* Owner and DPARK off; RB untouched, since not all of it was looked at. */
static void abandon_drain(struct attempt *a)
{
    uint64_t old =
        __atomic_fetch_and(&a->lock->word, ~(LOCK_OWNER_MASK | LOCK_DPARK), __ATOMIC_SEQ_CST);
    lock_wake(a->lock, old);
    wait_is_over(a);
    record_clear(a->backend, a->offset, a->record);
}

/* The record is N.  Sleeps until we are the owner. */
static int await_ownership(struct attempt *a)
{
    uint64_t word;
    for (int i = 0; a->segment->spins && i < SPINS; i++) {
        if (own(a->backend, a->lock, &word))
            return LWSHM_OK;
        pause_briefly();
    }
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->xfut, __ATOMIC_SEQ_CST);
        if (own(a->backend, a->lock, &word))
            return LWSHM_OK;
        if (is_ending(a))
            return give_up(a);
        if ((word & LOCK_XWAIT) == 0 &&
            !__atomic_compare_exchange_n(&a->lock->word, &word, word | LOCK_XWAIT, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        park(a, &a->lock->xfut, events, LWSHM_LW_EXCLUSIVE);
    }
}

int lwlock_wait_exclusive(struct attempt *a)
{
    if ((load(&a->lock->word) & LOCK_OWNER_MASK) != a->backend->owner) {
        int r = await_ownership(a);
        if (r < 0)
            return r;
    }
    if (!drain(a, true)) {
        abandon_drain(a);
        return fail_closed(a->segment);
    }
    wait_is_over(a);
    return unless_ending(a);
}

bool lwlock_enter_or_give_up(struct attempt *a)
{
    if (drain(a, false))
        return true;
    abandon_drain(a);
    return false;
}
