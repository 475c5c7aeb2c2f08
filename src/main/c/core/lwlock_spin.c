/*
 * lwlock_spin.c - how to spin before parking is found out, tranche by tranche.
 *
 * There are three ways.  To park at once.  To look again and again: that costs most of the
 * throughput where a lock is held for nanoseconds, since its cache line travels at every look, and
 * nearly doubles it where the work inside and between takes about as long as parking.  And to back
 * off, as T. E. Anderson proposed for spin locks (The Performance of Spin Lock Alternatives for
 * Shared-Memory Multiprocessors, 1990): to leave the lock alone for ten times as long, and look once.
 * Which is best depends on the processor, the load and the work, so no constant tells.  Waiters
 * park at once, until a trial shows that all backends together acquire more in another way.
 *
 * A trial is conducted by one waiter: it has all waiters of the tranche go one way after the other,
 * each in a window of its own, and compares how often the tranche's locks were acquired.  What one
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

#define WAITS_BETWEEN_LOOKS 16 /* at the clock */
#define WINDOW_NS 10000000
#define LEASE_WINDOWS 50
#define ROUNDS 4
/* A way that gets so much less than the best is out after one round. */
#define CLEARLY_LESS 0.67
/* Spinning burns a processor, so it has to be better by so much. */
#define MORE 1.1
/* The time to the next trial, in lengths of this one; doubled each time the result is the same. */
#define REST 32
#define DOUBLINGS 2
#define AGREED_SHIFT 4 /* trials_agreed: the way, then how often */

static const uint32_t ways[SPIN_WAYS] = {
    0,                             /* park at once */
    100 | 1 << SPIN_PAUSES_SHIFT,  /* look again and again */
    1 | 1000 << SPIN_PAUSES_SHIFT, /* back off */
};

#define PAUSES_BETWEEN_YIELDS 100

static inline void pause_once(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void spin_pause(uint32_t pauses)
{
    for (uint32_t i = 1; i <= pauses; i++) {
        pause_once();
        if (i % PAUSES_BETWEEN_YIELDS == 0)
            os_yield();
    }
}

/* The lease is a time until which no other backend begins a trial of the tranche. */
static bool take_lease(struct spin_trial *trial, int64_t expected, int64_t until)
{
    trial->lease_ns = until;
    return __atomic_compare_exchange_n(&trial->tranche->next_trial, &expected, until, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void begin_window(lwshm_backend *b, int64_t expected_lease, int64_t now)
{
    struct spin_trial *trial = &b->trial;
    if (!take_lease(trial, expected_lease, now + LEASE_WINDOWS * (int64_t)WINDOW_NS)) {
        trial->tranche = NULL; /* another's by now */
        return;
    }
    __atomic_store_n(&trial->tranche->spin, ways[trial->way], __ATOMIC_RELAXED);
    trial->since_ns = now;
    trial->acquisitions = tranche_acquisitions(b->segment, trial->id);
}

static void begin_trial(lwshm_backend *b, uint32_t id, int64_t due, int64_t now)
{
    b->trial = (struct spin_trial){
        .tranche = tranche_at(b->segment, id), .id = id, .began_ns = now, .waits = b->trial.waits};
    begin_window(b, due, now);
}

/* Acquisitions a nanosecond. */
static double rate(const struct spin_trial *trial, uint32_t way)
{
    return trial->took_ns[way] > 0 ? trial->got[way] / trial->took_ns[way] : 0;
}

static uint32_t best_way(const struct spin_trial *trial)
{
    uint32_t best = 0;
    for (uint32_t way = 1; way < SPIN_WAYS; way++)
        if (rate(trial, way) > rate(trial, best) * (best == 0 ? MORE : 1))
            best = way;
    return best;
}

/* Waiters go that way from now on, and the next trial begins after a rest.  False if the trial is
   another's by now: this conductor was stopped too long. */
static bool settle(struct spin_trial *trial, uint32_t way, int64_t rest_ns, int64_t now)
{
    struct tranche_entry *tranche = trial->tranche;
    trial->tranche = NULL;
    int64_t lease = trial->lease_ns;
    if (!__atomic_compare_exchange_n(&tranche->next_trial, &lease, now + rest_ns, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&tranche->spin, ways[way], __ATOMIC_RELAXED);
    return true;
}

/* Back to the earlier result. */
static void abandon_trial(struct spin_trial *trial, int64_t now)
{
    uint32_t agreed = __atomic_load_n(&trial->tranche->trials_agreed, __ATOMIC_RELAXED);
    settle(trial, agreed % (1 << AGREED_SHIFT) % SPIN_WAYS, WINDOW_NS, now);
}

static void end_trial(struct spin_trial *trial, int64_t now)
{
    struct tranche_entry *tranche = trial->tranche;
    uint32_t best = best_way(trial);
    uint32_t agreed = __atomic_load_n(&tranche->trials_agreed, __ATOMIC_RELAXED);
    uint32_t times = agreed % (1 << AGREED_SHIFT) == best ? agreed >> AGREED_SHIFT : 0;
    times = times < DOUBLINGS ? times : DOUBLINGS; /* the segment may be damaged */
    uint32_t next = times < DOUBLINGS ? times + 1 : times;
    if (settle(trial, best, (now - trial->began_ns) * REST << times, now))
        __atomic_store_n(&tranche->trials_agreed, best | next << AGREED_SHIFT, __ATOMIC_RELAXED);
}

/* After a round: those that are out.  How many are left? */
static uint32_t sort_out(struct spin_trial *trial)
{
    double best = rate(trial, best_way(trial));
    uint32_t left = 0;
    for (uint32_t way = 0; way < SPIN_WAYS; way++) {
        trial->out[way] = trial->out[way] || rate(trial, way) < CLEARLY_LESS * best;
        left += !trial->out[way];
    }
    return left;
}

/* The next way that is not out; every second round the other way round, so that a drift of the
   machine favours none.  False if the round is over. */
static bool next_way(struct spin_trial *trial)
{
    bool back = trial->rounds % 2 == 1;
    do {
        if (trial->way == (back ? 0 : SPIN_WAYS - 1))
            return false;
        trial->way += back ? -1u : 1u;
    } while (trial->out[trial->way]);
    return true;
}

static void end_window(lwshm_backend *b, int64_t now)
{
    struct spin_trial *trial = &b->trial;
    double got = (double)(tranche_acquisitions(b->segment, trial->id) - trial->acquisitions);
    double took_ns = (double)(now - trial->since_ns);
    /* Waits ceased for a while.  Either because this way is so good, or because nobody wanted the
       lock: then the window says nothing. */
    if (took_ns >= 2.0 * WINDOW_NS && got < took_ns * rate(trial, best_way(trial))) {
        abandon_trial(trial, now);
        return;
    }
    trial->got[trial->way] += got;
    trial->took_ns[trial->way] += took_ns;
    if (!next_way(trial)) {
        if (sort_out(trial) == 1 || ++trial->rounds == ROUNDS) {
            end_trial(trial, now);
            return;
        }
        /* It begins where the last one ended, unless that is out. */
        if (trial->out[trial->way])
            next_way(trial);
    }
    begin_window(b, trial->lease_ns, now);
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
            end_window(b, now);
    } else if (trial->tranche == NULL) {
        int64_t due = __atomic_load_n(&tranche->next_trial, __ATOMIC_RELAXED);
        if (now >= due)
            begin_trial(b, id, due, now);
    }
}

struct spin lwlock_spin(lwshm_backend *b, const struct lwlock *lock)
{
    uint32_t id = lock->tranche;
    if (id >= b->max_tranches)
        return (struct spin){.turns = 0};
    const struct tranche_entry *tranche = tranche_at(b->segment, id);
    if (__atomic_load_n(&tranche->spins_setting, __ATOMIC_RELAXED) == LWSHM_SPINS_LEARNED &&
        ++b->trial.waits % WAITS_BETWEEN_LOOKS == 0)
        conduct(b, id);
    uint32_t spin = tranche_spin(tranche);
    return (struct spin){.turns = spin & SPIN_TURNS_MASK, .pauses = spin >> SPIN_PAUSES_SHIFT};
}
