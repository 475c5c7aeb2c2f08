/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "chaos/rain.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static void ignore(int signal)
{
    (void)signal;
}

void let_signals_rain(void)
{
    const char *text = getenv("CHAOS_SIGNAL_US");
    long every = text == NULL ? 0 : atol(text);
    if (every <= 0)
        return;
    struct sigaction action = {.sa_handler = ignore, .sa_flags = getpid() % 2 ? SA_RESTART : 0};
    struct itimerval timer = {.it_interval = {every / 1000000, every % 1000000},
                              .it_value = {every / 1000000, every % 1000000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}
