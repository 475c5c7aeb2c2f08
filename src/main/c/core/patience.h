/*
 * patience.h - how long a waiter sleeps before it looks whether what it waits for is alive.
 *
 * Every sleep is bounded.  A look is due by the clock, whatever ended the sleep: a waiter that
 * signals or wake-ups keep disturbing looks as often as one that sleeps through.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_CORE_PATIENCE_H
#define LWSHM_CORE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

/* Times are os_monotonic_ns(), in nanoseconds. */
struct patience {
    int64_t interval_ns; /* between the last look and the next; 0: the wait has not begun */
    int64_t look_ns;     /* when the next look is due */
};

/* The first interval and the longest.  Variables for tests that must do without looks, or have
   them at once: no lock's wake-up depends on them.  The permits of a dead backend do, which only a
   look finds. */
struct patience_limits {
    int64_t first_ns, longest_ns;
};
extern struct patience_limits patience_limits;

static inline bool patience_has_begun(const struct patience *p)
{
    return p->interval_ns != 0;
}

static inline void patience_begin(struct patience *p, int64_t now)
{
    p->interval_ns = patience_limits.first_ns;
    p->look_ns = now + p->interval_ns;
}

/* How long to sleep from `now`, in nanoseconds: until the next look, or until `deadline_ns`
   (0: none) if that comes first.  0 if either has passed. */
static inline int64_t patience_sleep(const struct patience *p, int64_t now, int64_t deadline_ns)
{
    int64_t until = deadline_ns != 0 && deadline_ns < p->look_ns ? deadline_ns : p->look_ns;
    return until > now ? until - now : 0;
}

/* The waiter has been patient for as long as it ever is: time for the looks that cost more. */
static inline bool patience_is_long(const struct patience *p)
{
    return p->interval_ns >= patience_limits.longest_ns;
}

/* True if a look is due; the next one is then due after an interval that is a quarter longer, so
   a death is noticed after a time in proportion to the wait. */
static inline bool patience_ends(struct patience *p, int64_t now)
{
    if (now < p->look_ns)
        return false;
    if (!patience_is_long(p))
        p->interval_ns += p->interval_ns / 4;
    p->look_ns = now + p->interval_ns;
    return true;
}

#endif
