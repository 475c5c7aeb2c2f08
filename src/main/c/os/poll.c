/* SPDX-License-Identifier: Apache-2.0 */
#include "os/poll.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "os/clock.h"

#define NS_PER_MS 1000000

int64_t os_poll_deadline(int64_t timeout_ms)
{
    int64_t now = os_monotonic_ns();
    if (timeout_ms < 0 || timeout_ms > (INT64_MAX - now) / NS_PER_MS)
        return OS_POLL_FOREVER;
    return now + timeout_ms * NS_PER_MS;
}

/* For poll(): rounded up, so that it does not end early and spin. */
static int milliseconds_to(int64_t deadline)
{
    if (deadline == OS_POLL_FOREVER)
        return -1;
    int64_t ns = deadline - os_monotonic_ns();
    int64_t ms = ns / NS_PER_MS + (ns % NS_PER_MS > 0);
    return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

int os_poll(int fd, int64_t deadline)
{
    for (;;) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        int wait_ms = milliseconds_to(deadline);
        int n = poll(&one, 1, wait_ms);
        if (n > 0)
            return (one.revents & POLLNVAL) != 0 ? -EBADF : 1;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0 && wait_ms == 0)
            return 0;
    }
}
