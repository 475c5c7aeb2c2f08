/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/random.h"

#include <sys/random.h>
#include <unistd.h>

#include "os/clock.h"

uint64_t os_random(void)
{
    uint64_t number = 0;
    /* Early in a boot the kernel may have none yet: then the time and the process make one. */
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number || number == 0)
        number = (uint64_t)os_realtime_us() << 22 ^ (uint64_t)os_monotonic_ns() ^
                 (uint64_t)getpid() << 42;
    return number | 1;
}
