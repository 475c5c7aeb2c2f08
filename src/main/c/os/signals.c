/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "os/signals.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Of the one signal that is caught; read by its handler. */
static volatile int caught_fd = -1;
static volatile pid_t catcher;

void os_signal_ignore_if_default(int signal)
{
    struct sigaction action;
    if (sigaction(signal, NULL, &action) < 0 || (action.sa_flags & SA_SIGINFO) != 0 ||
        action.sa_handler != SIG_DFL)
        return;
    action = (struct sigaction){.sa_handler = SIG_IGN};
    sigaction(signal, &action, NULL);
}

int os_signal_heed(int signal)
{
    struct sigaction action;
    if (sigaction(signal, NULL, &action) < 0)
        return -errno;
    if ((action.sa_flags & SA_SIGINFO) != 0 || action.sa_handler != SIG_IGN)
        return 0;
    action = (struct sigaction){.sa_handler = SIG_DFL};
    return sigaction(signal, &action, NULL) < 0 ? -errno : 0;
}

void os_signal_self(int signal)
{
    kill(getpid(), signal);
}

static void on_signal(int signal)
{
    int err = errno;
    uint64_t one = 1;
    (void)signal;
    /* The counter is shared with forked children; they are none of its owner's business. */
    if (getpid() == catcher && write(caught_fd, &one, sizeof one) < 0) {
        /* It is as good as full: there is something to be seen. */
    }
    errno = err;
}

int os_signal_catch(int signal)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    caught_fd = fd;
    catcher = getpid();
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, NULL) == 0)
        return fd;
    int err = errno;
    close(fd);
    return -err;
}

int os_signal_await(int fd)
{
    uint64_t count;
    ssize_t n;
    do
        n = read(fd, &count, sizeof count);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

struct start {
    void (*run)(void *argument);
    void *argument;
};

static void *begin(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    start.run(start.argument);
    return NULL;
}

int os_thread_start(void (*run)(void *argument), void *argument, size_t stack_bytes)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    struct start *start = malloc(sizeof *start);
    if (start == NULL)
        return -ENOMEM;
    *start = (struct start){run, argument};
    int err = pthread_attr_init(&attributes);
    if (err == 0) {
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        if (stack_bytes != 0)
            pthread_attr_setstacksize(&attributes, stack_bytes);
        sigfillset(&all);
        /* A thread begins with its maker's mask. */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        err = pthread_create(&thread, &attributes, begin, start);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
    }
    if (err != 0)
        free(start);
    return -err;
}
