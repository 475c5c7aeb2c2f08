/*
 * The clocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "os/clock.h"

#include <time.h>

#include "testing.h"

TEST(the_monotonic_clock_never_goes_back)
{
    int64_t last = os_monotonic_ns();
    CHECK(last > 0);
    for (int i = 0; i < 1000; i++) {
        int64_t now = os_monotonic_ns();
        CHECK(now >= last);
        last = now;
    }
}

TEST(the_real_clock_is_the_systems_in_microseconds)
{
    int64_t before = (int64_t)time(NULL), us = os_realtime_us(), after = (int64_t)time(NULL);
    CHECK(us / 1000000 >= before - 1 && us / 1000000 <= after + 1);
}

TEST(a_sleep_lasts_at_least_as_long_as_asked_for)
{
    int64_t start = os_monotonic_ns();
    os_sleep_ns(2000000);
    CHECK(os_monotonic_ns() - start >= 2000000);
    os_sleep_ns(0);
}
