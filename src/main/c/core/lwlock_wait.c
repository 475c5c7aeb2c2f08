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

#include "core/recover.h"
#include "core/tranche_statistics.h"
#include "os/clock.h"
#include "os/futex.h"

/* Turns of looking before parking, where there is another processor to wait for. */
#define SPINS 100
/* Sleeps that end without the lock, before a waiter has others queue behind it. */
#define TURNS_BEFORE_STARVING 16

struct lwlock_patience lwlock_patience = {
    .first_ns = 1000000, .longest_ns = 100000000, .turns = TURNS_BEFORE_STARVING};

static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- waiting ---- */

/* Why a waiter gives up; what lwlock_wait_*() return when it has. */
static int reason_to_give_up(const struct attempt *a)
{
    if (__atomic_load_n(&a->segment->ending, __ATOMIC_ACQUIRE))
        return fail_closed(a->segment);
    if (a->deadline_ns != 0 && (!a->steps || a->has_looked) && os_monotonic_ns() >= a->deadline_ns)
        return LWLOCK_TIMED_OUT;
    return LWSHM_OK;
}

/*
 * True if the wait is not over, but only a step of it: then the record stays as it is, N, and
 * with it whatever W says of us: the waiter's flag, the starver's name, the owner's if we drain.
 * To all others we are a waiter that is slow to wake up.  No wake-up is lost with us: we have
 * looked at W after the last one, and whoever it says is in our way owes the next.
 */
static bool stays_in_line(const struct attempt *a, int reason)
{
    if (!a->steps || reason != LWLOCK_TIMED_OUT)
        return false;
    a->backend->waited = (struct waited){.lock = a->offset,
                                         .sleep_ns = a->sleep_ns,
                                         .look_ns = a->look_ns,
                                         .turns = a->turns,
                                         .has_slept = a->has_slept,
                                         .starves = a->starves};
    return true;
}

static int64_t next_sleep(const struct attempt *a)
{
    if (a->deadline_ns == 0)
        return a->sleep_ns;
    int64_t left = a->deadline_ns - os_monotonic_ns();
    return left < 0 ? 0 : left < a->sleep_ns ? left : a->sleep_ns;
}

/*
 * Sleeps on a futex of the lock, and says so in the slot for those who look.  If the sleep
 * ran out, looks whether the backend in slot `obstacle` (-1: none is known) is alive, and
 * cleans up after it if it is not.
 */
static void park(struct attempt *a, uint32_t *futex, uint32_t expected, int32_t obstacle,
                 enum lwshm_lwlock_mode mode)
{
    struct backend_slot *slot = a->backend->slot;
    if (a->sleep_ns == 0) {
        int64_t now = os_monotonic_ns();
        a->sleep_ns = lwlock_patience.first_ns;
        a->look_ns = now + a->sleep_ns;
        __atomic_store_n(&slot->wait_mode, mode, __ATOMIC_RELAXED);
        __atomic_store_n(&slot->wait_since, now, __ATOMIC_RELAXED);
        __atomic_store_n(&slot->wait_lock, a->offset, __ATOMIC_RELEASE);
    }
    a->turns++;
    a->has_looked = true;
    int64_t sleep_ns = next_sleep(a);
    a->has_slept |= sleep_ns > 0;
    if (sleep_ns > 0 && os_futex_wait(futex, expected, sleep_ns) != -ETIMEDOUT)
        return;
    /* A step's end may have cut the sleep short; what counts is the time since the last look. */
    int64_t now = os_monotonic_ns();
    if (now < a->look_ns)
        return;
    bool patient = a->sleep_ns >= lwlock_patience.longest_ns;
    if (!patient)
        a->sleep_ns += a->sleep_ns / 4; /* so who dies is found soon, as waits go */
    a->look_ns = now + a->sleep_ns;
    if (obstacle >= 0)
        recover_if_dead(a->segment, (uint32_t)obstacle, patient);
}

static void wait_is_over(struct attempt *a)
{
    if (a->sleep_ns == 0)
        return;
    struct backend_slot *slot = a->backend->slot;
    if (a->has_slept)
        tranche_count_wait(a->segment, a->lock->tranche, os_monotonic_ns() - slot->wait_since);
    __atomic_store_n(&slot->wait_lock, 0, __ATOMIC_RELEASE);
    a->sleep_ns = 0;
}

static bool is_starver(const struct attempt *a, uint64_t word)
{
    return lock_starver_slot(word) == (int32_t)a->backend->number;
}

/* Has this waiter been passed over often enough to name itself?  One starver at a time. */
static bool shall_starve(const struct attempt *a, uint64_t word)
{
    return a->turns >= lwlock_patience.turns && (word & LOCK_STARVER_MASK) == 0;
}

/* What W becomes before this waiter parks: its flag, and its name if it starves. */
static uint64_t word_to_park_with(const struct attempt *a, uint64_t word, uint64_t flag)
{
    word |= flag;
    if (shall_starve(a, word))
        word |= (a->backend->number + 1ull) << LOCK_STARVER_SHIFT;
    return word;
}

/* Puts the flag, and the name, into W if they are not there; false if W changed meanwhile. */
static bool announce(struct attempt *a, uint64_t *word, uint64_t flag)
{
    uint64_t next = word_to_park_with(a, *word, flag);
    if (next == *word)
        return true;
    if (!__atomic_compare_exchange_n(&a->lock->word, word, next, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return false;
    *word = next;
    a->starves = a->starves || is_starver(a, next);
    return true;
}

/* Who has named itself wakes everybody when it is through, whether or not the name still stands
   there: a recoverer that comes far too late takes it for that of a dead one who had the slot
   before, and may be killed before it wakes anybody. */
static void end_starving(const struct attempt *a)
{
    if (a->starves || is_starver(a, load(&a->lock->word)))
        lock_end_starving(a->lock, a->backend->number);
}

/* Who keeps us waiting. */
static int32_t obstacle_in(const struct attempt *a, uint64_t word)
{
    int32_t slot = lock_owner_slot(word);
    if (slot < 0 && !is_starver(a, word))
        slot = lock_starver_slot(word);
    return slot < (int32_t)a->segment->max_backends ? slot : -1;
}

/* Leaves without the lock: passes on a wake-up that may have been meant for us. */
static int leave_empty_handed(struct attempt *a, int reason)
{
    if (stays_in_line(a, reason))
        return reason;
    uint64_t word = load(&a->lock->word);
    if ((word & LOCK_OWNER_SLOT_MASK) == 0)
        lock_wake(a->lock, word & (LOCK_XWAIT | LOCK_STARVER_MASK));
    end_starving(a);
    wait_is_over(a);
    record_clear(a->backend, a->offset, a->record);
    return reason;
}

static int leave_poisoned(struct attempt *a)
{
    leave_empty_handed(a, LWSHM_OK);
    return fail_owner_died(a->offset);
}

static bool is_poisoned(const struct attempt *a, uint64_t word)
{
    return !a->repairs && (word & (LOCK_OWNER_SLOT_MASK | LOCK_POISON)) == LOCK_POISON;
}

/* Who was fenced off while it waited found zeros, which look like a free lock: that is no
   hold.  (The zeros came after `ending`, so who saw them sees it.) */
static bool is_fenced(const struct attempt *a)
{
    return __atomic_load_n(&a->segment->ending, __ATOMIC_ACQUIRE);
}

/* ---- shared ---- */

/* Sleeps until shared is no longer blocked; the record is N. */
static int await_unblocked(struct attempt *a)
{
    for (int i = 0; a->segment->spins && i < SPINS; i++) {
        if (!lock_blocks(a->backend, load(&a->lock->word), false))
            return LWSHM_OK;
        pause_briefly();
    }
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->sfut, __ATOMIC_SEQ_CST);
        uint64_t word = load(&a->lock->word);
        int reason;
        if (!lock_blocks(a->backend, word, false))
            return LWSHM_OK;
        if (is_poisoned(a, word))
            return leave_poisoned(a);
        if ((reason = reason_to_give_up(a)) != LWSHM_OK)
            return leave_empty_handed(a, reason);
        if (announce(a, &word, LOCK_SWAIT))
            park(a, &a->lock->sfut, events, obstacle_in(a, word), LWSHM_LW_SHARED);
    }
}

int lwlock_wait_shared(struct attempt *a)
{
    struct tranche_counters *counters = counters_of(a->backend, a->lock);
    do {
        retract_shared(a->backend, a->offset, a->lock, a->record);
        int r = await_unblocked(a);
        if (r != LWSHM_OK)
            return r;
        set_record_fenced(a->backend, a->offset, a->record, RECORD_S);
    } while (!enter_shared(a->backend, a->lock));
    count(&counters->shared);
    count(&counters->slow_shared);
    end_starving(a);
    wait_is_over(a);
    if (!is_fenced(a))
        return LWSHM_OK;
    retract_shared(a->backend, a->offset, a->lock, a->record); /* the zeros', most likely */
    record_clear(a->backend, a->offset, a->record);
    return fail_closed(a->segment);
}

/* ---- exclusive ---- */

/* Waits until slot `i` has no shared hold of the lock; not LWSHM_OK if it shall not wait. */
static int drain_slot(struct attempt *a, uint32_t i, bool may_wait)
{
    if (!record_says_shared(a->segment, i, a->offset))
        return LWSHM_OK;
    if (!may_wait)
        return LWLOCK_TIMED_OUT;
    for (int spin = 0; a->segment->spins && spin < SPINS; spin++) {
        if (!record_says_shared(a->segment, i, a->offset))
            return LWSHM_OK;
        pause_briefly();
    }
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->dfut, __ATOMIC_SEQ_CST);
        __atomic_or_fetch(&a->lock->word, LOCK_DPARK, __ATOMIC_SEQ_CST);
        /* Again: who retracted before DPARK was on wakes nobody. */
        if (!record_says_shared(a->segment, i, a->offset))
            return LWSHM_OK;
        int reason = reason_to_give_up(a);
        if (reason != LWSHM_OK)
            return reason;
        park(a, &a->lock->dfut, events, (int32_t)i, LWSHM_LW_EXCLUSIVE);
    }
}

/* We own W: waits for the readers to leave.  The record is N, and XIN afterwards. */
static int drain(struct attempt *a, bool may_wait)
{
    uint64_t readers = load(&a->lock->readers);
    if (readers != 0) {
        for (uint64_t rest = readers; rest != 0; rest &= rest - 1)
            for (uint32_t i = (uint32_t)__builtin_ctzll(rest); i < a->segment->max_backends;
                 i += 64) {
                int r = drain_slot(a, i, may_wait);
                if (r != LWSHM_OK)
                    return r;
            }
        /* Only after draining, and only the bits looked at. */
        __atomic_and_fetch(&a->lock->readers, ~readers, __ATOMIC_SEQ_CST);
        if ((load(&a->lock->word) & LOCK_DPARK) != 0)
            __atomic_and_fetch(&a->lock->word, ~LOCK_DPARK, __ATOMIC_SEQ_CST);
    }
    set_record(a->backend, a->offset, a->record, RECORD_XIN);
    count(&counters_of(a->backend, a->lock)->exclusive);
    return LWSHM_OK;
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
    if (a->segment->spins && a->deadline_ns == 0)
        lwlock_step_aside(a);
    for (int i = 0; a->segment->spins && i < SPINS; i++) {
        if (own(a->backend, a->lock, &word, a->repairs))
            return LWSHM_OK;
        pause_briefly();
    }
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->xfut, __ATOMIC_SEQ_CST);
        int reason;
        if (own(a->backend, a->lock, &word, a->repairs))
            return LWSHM_OK;
        if (is_poisoned(a, word))
            return leave_poisoned(a);
        if ((reason = reason_to_give_up(a)) != LWSHM_OK)
            return leave_empty_handed(a, reason);
        if (announce(a, &word, LOCK_XWAIT))
            park(a, &a->lock->xfut, events, obstacle_in(a, word), LWSHM_LW_EXCLUSIVE);
    }
}

int lwlock_wait_exclusive(struct attempt *a)
{
    int r;
    if ((load(&a->lock->word) & LOCK_OWNER_MASK) != a->backend->owner) {
        r = await_ownership(a);
        if (r != LWSHM_OK)
            return r;
    }
    r = drain(a, true);
    if (r != LWSHM_OK) {
        if (!stays_in_line(a, r))
            abandon_drain(a);
        return r;
    }
    count(&counters_of(a->backend, a->lock)->slow_exclusive);
    wait_is_over(a);
    if (!is_fenced(a))
        return LWSHM_OK;
    abandon_drain(a); /* the zeros', most likely */
    return fail_closed(a->segment);
}

bool lwlock_enter_or_give_up(struct attempt *a)
{
    if (drain(a, false) == LWSHM_OK)
        return true;
    abandon_drain(a);
    return false;
}

void lwlock_cancel(struct attempt *a)
{
    if (a->record == NULL) /* it waited for no more than a release */
        wait_is_over(a);
    else if ((load(&a->lock->word) & LOCK_OWNER_MASK) == a->backend->owner)
        abandon_drain(a);
    else
        leave_empty_handed(a, LWSHM_OK);
}

/* Waits as readers do, whom a release wakes all at once: so who dies here strands nobody, and
   no record is needed. */
int lwlock_wait_released(struct attempt *a, const uint64_t *old)
{
    int r = LWSHM_OK;
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->sfut, __ATOMIC_SEQ_CST);
        uint64_t word = load(&a->lock->word);
        if (is_poisoned(a, word))
            r = fail_owner_died(a->offset);
        if (r != LWSHM_OK || (word & LOCK_OWNER_SLOT_MASK) == 0)
            break;
        if (old != NULL && load(&a->lock->variable) != *old) {
            r = LWLOCK_CHANGED;
            break;
        }
        if ((r = reason_to_give_up(a)) != LWSHM_OK)
            break;
        if ((word & LOCK_SWAIT) == 0 &&
            !__atomic_compare_exchange_n(&a->lock->word, &word, word | LOCK_SWAIT, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        /* Again: who changed the variable before SWAIT was on wakes nobody. */
        if (old == NULL || load(&a->lock->variable) == *old)
            park(a, &a->lock->sfut, events, lock_owner_slot(word), LWSHM_LW_SHARED);
    }
    if (!stays_in_line(a, r))
        wait_is_over(a);
    return r;
}
