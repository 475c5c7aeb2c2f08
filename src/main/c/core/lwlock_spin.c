/*
 * lwlock_spin.c - whether to spin before parking is found out, tranche by tranche.
 *
 * Spinning costs most of the throughput where a lock is held for nanoseconds, and nearly doubles
 * it where the work inside and between takes about as long as parking.  Neither can be told from
 * a constant: it depends on the processor, the load and the work.  So waiters do not spin, until
 * a trial shows that all backends together acquire more if they do.
 *
 * A trial is conducted by one waiter: it has all waiters of the tranche spin in one window and
 * not in the next, and compares how often the tranche's locks were acquired in each.  What one
 * backend gets for itself must not count: a waiter that parks leaves the lock to the others, so
 * each by itself would learn to spin, and all would be slow.
 *
 * The result stands in the tranche's entry, and is tried again after a multiple of the time that
 * the trial took.  No decision rests on an absolute time; a window has to be long beside a time
 * slice of the scheduler, and nothing else depends on its length.  A conductor that is killed, or
 * stops waiting, loses its lease, and another waiter begins a trial of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_spin.h"

#include "core/tranche_statistics.h"
#include "os/clock.h"

#define TURNS 100
#define WAITS_BETWEEN_LOOKS 16 /* at the clock */
#define WINDOW_NS 10000000
#define LEASE_WINDOWS 50
#define PAIRS_OF_WINDOWS 4
/* Ends a trial after the first pair; a smaller difference takes all pairs. */
#define CLEARLY_MORE 1.5
/* Spinning burns a processor, so it has to be better by so much. */
#define MORE 1.1
/* The time to the next trial, in lengths of this one; doubled each time the result is the same. */
#define REST 32
#define DOUBLINGS 3
#define AGREED_ON_SPINNING 0x80000000u

static bool spins_in(uint32_t window)
{
    return ((window ^ window >> 1) & 1) != 0; /* no, yes, yes, no: a drift favours neither */
}

static void begin_window(lwshm_backend *b, struct spin_trial *trial, int64_t now)
{
    __atomic_store_n(&trial->tranche->spins, spins_in(trial->windows) ? TURNS : 0,
                     __ATOMIC_RELAXED);
    trial->since_ns = now;
    trial->acquisitions = tranche_acquisitions(b->segment, trial->id);
}

/* The lease is a time until which no other backend begins a trial of the tranche. */
static bool take_lease(struct spin_trial *trial, int64_t expected, int64_t until)
{
    trial->lease_ns = until;
    return __atomic_compare_exchange_n(&trial->tranche->next_trial, &expected, until, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void begin_trial(lwshm_backend *b, uint32_t id, int64_t due, int64_t now)
{
    struct spin_trial *trial = &b->trial;
    *trial = (struct spin_trial){
        .tranche = tranche_at(b->segment, id), .id = id, .began_ns = now, .waits = trial->waits};
    if (take_lease(trial, due, now + LEASE_WINDOWS * (int64_t)WINDOW_NS))
        begin_window(b, trial, now);
    else
        trial->tranche = NULL;
}

static void end_trial(struct spin_trial *trial, bool spins, int64_t now)
{
    struct tranche_entry *tranche = trial->tranche;
    uint32_t agreed = __atomic_load_n(&tranche->trials_agreed, __ATOMIC_RELAXED);
    uint32_t result = spins ? AGREED_ON_SPINNING : 0;
    uint32_t times = (agreed & AGREED_ON_SPINNING) == result ? agreed & ~AGREED_ON_SPINNING : 0;
    __atomic_store_n(&tranche->trials_agreed, result | (times < DOUBLINGS ? times + 1 : times),
                     __ATOMIC_RELAXED);
    __atomic_store_n(&tranche->spins, spins ? TURNS : 0, __ATOMIC_RELAXED);
    take_lease(trial, trial->lease_ns, now + ((now - trial->began_ns) * REST << times));
    trial->tranche = NULL;
}

static void end_window(lwshm_backend *b, struct spin_trial *trial, int64_t now)
{
    bool spun = spins_in(trial->windows++);
    trial->took_ns[spun] += (double)(now - trial->since_ns);
    trial->got[spun] += (double)(tranche_acquisitions(b->segment, trial->id) - trial->acquisitions);
    if (trial->windows % 2 == 0) {
        /* acquisitions a nanosecond, times the same product of times on both sides */
        double without = trial->got[false] * trial->took_ns[true];
        double with = trial->got[true] * trial->took_ns[false];
        if (with > CLEARLY_MORE * without || without > CLEARLY_MORE * with ||
            trial->windows == 2 * PAIRS_OF_WINDOWS) {
            end_trial(trial, with > MORE * without, now);
            return;
        }
    }
    if (take_lease(trial, trial->lease_ns, now + LEASE_WINDOWS * (int64_t)WINDOW_NS))
        begin_window(b, trial, now);
    else
        trial->tranche = NULL;
}

/* One more step of a trial, if a step is due. */
static void conduct(lwshm_backend *b, uint32_t id)
{
    struct spin_trial *trial = &b->trial;
    struct tranche_entry *tranche = tranche_at(b->segment, id);
    int64_t now = os_monotonic_ns();
    if (trial->tranche != NULL && trial->lease_ns <= now)
        trial->tranche = NULL; /* too late: it may be another's */
    if (trial->tranche == tranche) {
        if (now - trial->since_ns >= WINDOW_NS)
            end_window(b, trial, now);
    } else if (trial->tranche == NULL) {
        int64_t due = __atomic_load_n(&tranche->next_trial, __ATOMIC_RELAXED);
        if (now >= due)
            begin_trial(b, id, due, now);
    }
}

uint32_t lwlock_spin_turns(lwshm_backend *b, const struct lwlock *lock)
{
    uint32_t id = lock->tranche;
    if (id >= b->max_tranches)
        return 0;
    const struct tranche_entry *tranche = tranche_at(b->segment, id);
    if (__atomic_load_n(&tranche->spins_setting, __ATOMIC_RELAXED) == LWSHM_SPINS_LEARNED &&
        ++b->trial.waits % WAITS_BETWEEN_LOOKS == 0)
        conduct(b, id);
    int32_t turns = __atomic_load_n(&tranche->spins, __ATOMIC_RELAXED);
    return turns < 0 || turns > LWSHM_SPINS_MAX ? 0 : (uint32_t)turns;
}
