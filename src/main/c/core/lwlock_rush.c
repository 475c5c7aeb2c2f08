/*
 * lwlock_rush.c - what a waiter does when a lock is fought over: docs/decisions/0007.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/lwlock_wait.h"
#include "os/clock.h"

/* When several processors fight over a lock that is held for next to no time, most of the time
   goes by while its cache line travels.  Then one of them does better to step aside: so long,
   if RUSH_SLOW acquisitions in a row, each less than RUSH_INTERVAL_NS after the one before,
   had no more than RUSH_FAST unhindered ones among them for each that was hindered. */
#define RUSH_SLOW 8
#define RUSH_FAST 64
#define RUSH_INTERVAL_NS 60
#define STEP_ASIDE_NS 50000

/*
 * Backs off if the lock is in a rush, as T. E. Anderson proposed for spin locks (The Performance
 * of Spin Lock Alternatives for Shared-Memory Multiprocessors, 1990): those who stay get more
 * done, and it costs less than to park and be woken.  Who steps aside is in no line and is owed no
 * wake-up: to the others it is a thread that is slow.
 */
void lwlock_step_aside(const struct attempt *a)
{
    struct rush *rush = &a->backend->rush;
    const struct tranche_counters *counters = counters_of(a->backend, a->lock);
    if (rush->counters == counters && ++rush->slow < RUSH_SLOW)
        return;
    int64_t now = os_monotonic_ns();
    uint64_t exclusive = counters->exclusive - rush->exclusive;
    if (rush->counters == counters && exclusive < RUSH_FAST * RUSH_SLOW &&
        now - rush->since_ns < (int64_t)exclusive * RUSH_INTERVAL_NS) {
        os_sleep_ns(STEP_ASIDE_NS);
        now = os_monotonic_ns();
    }
    *rush = (struct rush){.counters = counters, .exclusive = counters->exclusive, .since_ns = now};
}
