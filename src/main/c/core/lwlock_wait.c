/*
 * lwlock_wait.c - waiting for the owner to go, for readers to leave, and being woken.
 *
 * A waiter reads its futex counter before it looks at the state, and only then parks.  A backend
 * that changes the state turns the flag off, raises the counter and wakes, in that order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_wait.h"

#include <errno.h>

#include "core/lwlock_spin.h"
#include "core/recover.h"
#include "core/tranche_statistics.h"
#include "os/clock.h"
#include "os/futex.h"

uint32_t lwlock_turns_before_starving = 16;

struct attempt attempt_of(lwshm_backend *b, uint64_t lock, uint64_t *record, int64_t deadline_ns,
                          unsigned flags)
{
    struct attempt a = {.backend = b,
                        .segment = b->segment,
                        .lock = lock_at(b->segment, lock),
                        .offset = lock,
                        .record = record,
                        .deadline_ns = deadline_ns,
                        .repairs = (flags & LWSHM_LW_REPAIR) != 0,
                        .steps = (flags & LWSHM_LW_STEP) != 0};
    if (b->waited.lock == lock) {
        a.waited = b->waited;
        a.has_waited = a.waited.has_slept = true;
        b->waited.lock = 0;
    }
    return a;
}

/* ---- giving up ---- */

static bool is_past(const struct attempt *a, int64_t now)
{
    return a->deadline_ns != 0 && now >= a->deadline_ns;
}

static bool is_over(const struct attempt *a)
{
    if (a->deadline_ns == 0 || (a->steps && !a->has_looked))
        return false;
    return a->deadline_ns == LWLOCK_AT_ONCE || is_past(a, os_monotonic_ns());
}

/*
 * True if the wait is not over, but only a step of it.  The record stays as it is, N, and with it
 * whatever W says of this backend: the waiter's flag, the starving waiter's name, the owner's if
 * it drains.  To all others it is a waiter that is slow to wake up.
 */
static bool stays_in_line(struct attempt *a, int reason)
{
    if (!a->steps || reason != LWLOCK_TIMED_OUT)
        return false;
    a->backend->waited = a->waited;
    a->backend->waited.lock = a->offset;
    return true;
}

static bool has_parked(const struct attempt *a)
{
    return patience_has_begun(&a->waited.patience);
}

static void wait_is_over(struct attempt *a)
{
    if (!has_parked(a))
        return;
    struct backend_slot *slot = a->backend->slot;
    if (a->waited.has_slept)
        tranche_count_wait(a->segment, a->lock->tranche, os_monotonic_ns() - slot->wait_since);
    __atomic_store_n(&slot->wait_lock, 0, __ATOMIC_RELEASE);
    a->waited = (struct waited){.lock = 0};
}

static bool is_starving(const struct attempt *a, uint64_t word)
{
    return lock_starving_slot(word) == (int32_t)a->backend->number;
}

/* A waiter that has named itself wakes all when it is through, whether or not the name still
   stands there: a late recovering process takes it for a dead backend's that had the slot before,
   and may be killed before it wakes anybody. */
static void end_starving(const struct attempt *a)
{
    if (a->waited.starves || is_starving(a, load(&a->lock->word)))
        lock_end_starving(a->lock, a->backend->number);
}

/* Leaves without the lock, and passes on a wake-up that may have been meant for this waiter. */
static int leave_empty_handed(struct attempt *a, int reason)
{
    if (stays_in_line(a, reason)) {
        /* It may be long until the next step: nothing may depend on that. */
        if (a->woken)
            lock_pass_on(a->lock, true);
        return reason;
    }
    if (has_parked(a))
        lock_pass_on(a->lock, a->woken);
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

/* True if the mapping was replaced by zeros during the wait, so that the lock only looks free.
   (The zeros came after `ending`, so a thread that saw them sees it.) */
static bool is_fenced(const struct attempt *a)
{
    return __atomic_load_n(&a->segment->ending, __ATOMIC_ACQUIRE);
}

/* ---- parking ---- */

/* The slot of the backend in the way: the owner, or else another starving waiter; -1: none. */
static int32_t obstacle_in(const struct attempt *a, uint64_t word)
{
    int32_t slot = lock_owner_slot(word);
    if (slot < 0 && !is_starving(a, word))
        slot = lock_starving_slot(word);
    return slot < (int32_t)a->segment->max_backends ? slot : -1;
}

/* A waiter that does not take a free lock must not keep it closed: a starving waiter that was
   stopped.  It loses its name if it has left the lock alone for as long as a sleep lasts.  Only with
   a record, which covers the wake-ups. */
static void look_at_starving(struct attempt *a, int64_t now)
{
    if (a->record == NULL)
        return;
    struct idler *idler = &a->backend->idler;
    uint64_t word = load(&a->lock->word);
    int32_t slot = lock_starving_slot(word);
    if (slot < 0 || lock_owner_slot(word) >= 0 || is_starving(a, word))
        idler->lock = 0;
    else if (idler->lock != a->offset || idler->slot != slot)
        *idler = (struct idler){.lock = a->offset, .slot = slot, .since_ns = now};
    else if (now - idler->since_ns >= patience_limits.first_ns)
        lock_unname_starving(a->lock, word);
}

/* Looks whether the backend in slot `obstacle` (-1: none is known) is alive, and recovers it if
   it is not. */
static void look_around(struct attempt *a, int32_t obstacle, const struct patience *p, int64_t now)
{
    if (obstacle >= 0)
        recover_if_dead(a->segment, (uint32_t)obstacle, patience_is_long(p));
    look_at_starving(a, now);
}

/* A caller that only ever tries, or has no time to sleep, must not be shut out by a dead backend: it
   looks around by a clock of its own, whichever locks it tries. */
static void look_now_and_then(struct attempt *a, int32_t obstacle)
{
    struct patience *tries = &a->backend->tries;
    int64_t now = os_monotonic_ns();
    if (!patience_has_begun(tries))
        patience_begin(tries, now);
    else if (patience_ends(tries, now))
        look_around(a, obstacle, tries, now);
}

/* LWSHM_OK, or why a waiter gives up; `obstacle` is the slot in its way. */
static int reason_to_give_up(struct attempt *a, int32_t obstacle)
{
    if (__atomic_load_n(&a->segment->ending, __ATOMIC_ACQUIRE))
        return fail_closed(a->segment);
    if (!is_over(a))
        return LWSHM_OK;
    if (!a->steps)
        look_now_and_then(a, obstacle);
    return LWLOCK_TIMED_OUT;
}

static void begin_waiting(struct attempt *a, enum lwshm_lwlock_mode mode, int64_t now)
{
    struct backend_slot *slot = a->backend->slot;
    patience_begin(&a->waited.patience, now);
    __atomic_store_n(&slot->wait_mode, mode, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->wait_since, now, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->wait_lock, a->offset, __ATOMIC_RELEASE);
}

/* Sleeps on a futex of the lock, and says so in the slot for those who look.  Then looks around,
   if a look is due, whatever has ended the sleep.  True if a wake-up has. */
static bool park(struct attempt *a, uint32_t *futex, uint32_t expected, int32_t obstacle,
                 enum lwshm_lwlock_mode mode)
{
    bool woken = false;
    int64_t now = os_monotonic_ns();
    if (!has_parked(a))
        begin_waiting(a, mode, now);
    a->has_waited = a->has_looked = true;
    int64_t sleep_ns = patience_sleep(&a->waited.patience, now, a->deadline_ns);
    if (sleep_ns > 0) {
        a->waited.has_slept = true;
        woken = os_futex_wait(futex, expected, sleep_ns) == 0;
        now = os_monotonic_ns();
    }
    /* Before it gives up, too: it may be called again and again with a short time-out. */
    if (patience_ends(&a->waited.patience, now) || (!a->steps && is_past(a, now)))
        look_around(a, obstacle, &a->waited.patience, now);
    return woken;
}

/* What W becomes before this waiter parks: its flag on, WAKING off if it was woken and so has
   looked now, and its name if it starves.  One starving waiter at a time. */
static uint64_t word_to_park_with(const struct attempt *a, uint64_t word, uint64_t flag)
{
    word |= flag;
    if (a->woken)
        word &= ~LOCK_WAKING;
    if (a->waited.turns >= lwlock_turns_before_starving && (word & LOCK_STARVING_MASK) == 0)
        word |= (a->backend->number + 1ull) << LOCK_STARVING_SHIFT;
    return word;
}

/* Announces in W that this waiter is about to park; false if W changed meanwhile. */
static bool announce(struct attempt *a, uint64_t *word, uint64_t flag)
{
    uint64_t next = word_to_park_with(a, *word, flag);
    if (next != *word) {
        if (!__atomic_compare_exchange_n(&a->lock->word, word, next, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST))
            return false;
        *word = next;
        a->waited.starves = a->waited.starves || is_starving(a, next);
    }
    a->woken = false;
    return true;
}

/* How to spin before parking, where there is another processor to wait for. */
static struct spin spin_of(const struct attempt *a)
{
    return a->segment->spins && a->deadline_ns != LWLOCK_AT_ONCE ? lwlock_spin(a->backend, a->lock)
                                                                 : (struct spin){.turns = 0};
}

/* One more pause before the next look; false if the waiter has spun long enough, or may not. */
static bool spin_once(struct attempt *a, struct spin *spin)
{
    if (spin->turns == 0 || is_fenced(a) || (a->deadline_ns != 0 && is_past(a, os_monotonic_ns())))
        return false;
    spin->turns--;
    a->has_waited = true;
    spin_pause(spin->pauses);
    return true;
}

/* ---- shared ---- */

static bool is_blocked(const struct attempt *a)
{
    return lock_blocks(a->backend, load(&a->lock->word), false);
}

/* Sleeps until shared is no longer blocked; the record is N. */
static int await_unblocked(struct attempt *a)
{
    for (struct spin spin = spin_of(a); is_blocked(a) && spin_once(a, &spin);)
        ;
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->sfut, __ATOMIC_SEQ_CST);
        uint64_t word = load(&a->lock->word);
        int reason;
        if (!lock_blocks(a->backend, word, false))
            return LWSHM_OK;
        if (is_poisoned(a, word))
            return leave_poisoned(a);
        if ((reason = reason_to_give_up(a, obstacle_in(a, word))) != LWSHM_OK)
            return leave_empty_handed(a, reason);
        /* A release takes SWAIT off before it wakes.  Recovery does not. */
        a->waited.turns += a->called && (word & LOCK_SWAIT) == 0;
        a->called = announce(a, &word, LOCK_SWAIT) &&
                    park(a, &a->lock->sfut, events, obstacle_in(a, word), LWSHM_LW_SHARED);
    }
}

int lwlock_wait_shared(struct attempt *a)
{
    do {
        retract_shared(a->backend, a->offset, a->lock, a->record);
        int r = await_unblocked(a);
        if (r != LWSHM_OK)
            return r;
        set_record_fenced(a->backend, a->offset, a->record, RECORD_S);
    } while (!enter_shared(a->backend, a->lock));
    struct tranche_counters *counters = counters_of(a->backend, a->lock);
    count(&counters->shared);
    if (a->has_waited)
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

/* Waits until slot `i` has no shared hold of the lock; not LWSHM_OK if it gave up. */
static int drain_slot(struct attempt *a, uint32_t i)
{
    if (!record_says_shared(a->segment, i, a->offset))
        return LWSHM_OK; /* before spin_of(): only a wait takes part in learning how to spin */
    for (struct spin spin = spin_of(a);
         record_says_shared(a->segment, i, a->offset) && spin_once(a, &spin);)
        ;
    while (record_says_shared(a->segment, i, a->offset)) {
        uint32_t events = __atomic_load_n(&a->lock->dfut, __ATOMIC_SEQ_CST);
        __atomic_or_fetch(&a->lock->word, LOCK_DPARK, __ATOMIC_SEQ_CST);
        /* Again: a reader that retracted before DPARK was on wakes nobody. */
        if (!record_says_shared(a->segment, i, a->offset))
            return LWSHM_OK;
        int reason = reason_to_give_up(a, (int32_t)i);
        if (reason != LWSHM_OK)
            return reason;
        park(a, &a->lock->dfut, events, (int32_t)i, LWSHM_LW_EXCLUSIVE);
    }
    return LWSHM_OK;
}

static int drain_slots(struct attempt *a, uint64_t readers)
{
    uint32_t joined = segment_joined_slots(a->segment);
    for (uint64_t rest = readers; rest != 0; rest &= rest - 1)
        for (uint32_t i = (uint32_t)__builtin_ctzll(rest); i < joined; i += 64) {
            int r = drain_slot(a, i);
            if (r != LWSHM_OK)
                return r;
        }
    return LWSHM_OK;
}

/* This backend owns W: waits for the readers to leave.  The record is N, and XIN afterwards. */
static int drain(struct attempt *a)
{
    uint64_t readers = load(&a->lock->readers);
    if (readers != 0 && !reads_alone(a->backend, readers)) {
        int r = drain_slots(a, readers);
        if (r != LWSHM_OK)
            return r;
        /* Only after draining, and only the bits looked at. */
        __atomic_and_fetch(&a->lock->readers, ~readers, __ATOMIC_SEQ_CST);
        if ((load(&a->lock->word) & LOCK_DPARK) != 0)
            __atomic_and_fetch(&a->lock->word, ~LOCK_DPARK, __ATOMIC_SEQ_CST);
    }
    set_record(a->backend, a->offset, a->record, RECORD_XIN);
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

static bool owns(const struct attempt *a)
{
    return (load(&a->lock->word) & LOCK_OWNER_MASK) == a->backend->owner;
}

/* Becomes the owner unless blocked, and keeps the flags: but the starving waiter's name goes with
   its starving, and WAKING if this is the waiter that was woken.  *word: what W was at last. */
static bool own(struct attempt *a, uint64_t *word)
{
    uint64_t off = LOCK_STARVING_MASK | (a->woken ? LOCK_WAKING : 0);
    *word = load(&a->lock->word);
    while (!lock_blocks(a->backend, *word, a->repairs))
        if (__atomic_compare_exchange_n(&a->lock->word, word, (*word & ~off) | a->backend->owner,
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            a->woken = false;
            return true;
        }
    return false;
}

static bool own_spinning(struct attempt *a)
{
    uint64_t word;
    if (own(a, &word))
        return true;
    for (struct spin spin = spin_of(a); spin_once(a, &spin);)
        if (own(a, &word))
            return true;
    return false;
}

/* The record is N.  Sleeps until this backend is the owner. */
static int await_ownership(struct attempt *a)
{
    uint64_t word;
    bool overtaken = false;
    if (own_spinning(a))
        return LWSHM_OK;
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->xfut, __ATOMIC_SEQ_CST);
        int reason;
        if (own(a, &word))
            return LWSHM_OK;
        if (is_poisoned(a, word))
            return leave_poisoned(a);
        if ((reason = reason_to_give_up(a, obstacle_in(a, word))) != LWSHM_OK)
            return leave_empty_handed(a, reason);
        /* A release that wakes a writer sets WAKING.  Recovery takes it off. */
        a->waited.turns += overtaken && (word & LOCK_WAKING) != 0;
        overtaken = false;
        if (announce(a, &word, LOCK_XWAIT)) {
            overtaken = park(a, &a->lock->xfut, events, obstacle_in(a, word), LWSHM_LW_EXCLUSIVE);
            a->woken = true;     /* whatever ended the sleep: a wake-up may have come as well */
            if (own_spinning(a)) /* while WAKING keeps releases from waking another */
                return LWSHM_OK;
        }
    }
}

int lwlock_wait_exclusive(struct attempt *a)
{
    int r;
    if (!owns(a) && (r = await_ownership(a)) != LWSHM_OK)
        return r;
    r = drain(a);
    if (r != LWSHM_OK) {
        if (!stays_in_line(a, r))
            abandon_drain(a);
        return r;
    }
    struct tranche_counters *counters = counters_of(a->backend, a->lock);
    count(&counters->exclusive);
    if (a->has_waited)
        count(&counters->slow_exclusive);
    wait_is_over(a);
    if (!is_fenced(a))
        return LWSHM_OK;
    abandon_drain(a); /* the zeros', most likely */
    return fail_closed(a->segment);
}

void lwlock_wait_cancel(struct attempt *a)
{
    if (a->record == NULL) /* it waited for no more than a release */
        wait_is_over(a);
    else if (owns(a))
        abandon_drain(a);
    else
        leave_empty_handed(a, LWSHM_OK);
}

/* ---- neither ---- */

/* Waits as readers do, all of whom a release wakes at once: so a waiter that dies here strands
   nobody, and needs no record. */
int lwlock_wait_released(struct attempt *a)
{
    int r = LWSHM_OK;
    for (;;) {
        uint32_t events = __atomic_load_n(&a->lock->sfut, __ATOMIC_SEQ_CST);
        uint64_t word = load(&a->lock->word);
        if (is_poisoned(a, word))
            r = fail_owner_died(a->offset);
        if (r != LWSHM_OK || (word & LOCK_OWNER_SLOT_MASK) == 0 ||
            (r = reason_to_give_up(a, obstacle_in(a, word))) != LWSHM_OK)
            break;
        if ((word & LOCK_SWAIT) != 0 ||
            __atomic_compare_exchange_n(&a->lock->word, &word, word | LOCK_SWAIT, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            park(a, &a->lock->sfut, events, lock_owner_slot(word), LWSHM_LW_SHARED);
    }
    if (!stays_in_line(a, r))
        wait_is_over(a);
    return r;
}
