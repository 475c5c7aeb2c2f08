/*
 * signals.h - signals of this process, and threads that get none.
 *
 * Functions return >= 0, or -errno.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_OS_SIGNALS_H
#define LWSHM_OS_SIGNALS_H

#include <signal.h>
#include <stddef.h>

/* Has a signal ignored, unless somebody has said what it is to do. */
void os_signal_ignore_if_default(int signal);

/* The reverse, unless somebody handles it. */
int os_signal_heed(int signal);

/* Sends this process a signal. */
void os_signal_self(int signal);

/* Has a signal counted from now on, instead of whatever it did: a descriptor for
   os_signal_await().  Once a process.  A forked child does not count for its parent. */
int os_signal_catch(int signal);

/* Waits until a signal has come since the last call. */
int os_signal_await(int fd);

/* Runs run(argument) in a detached thread in which all signals are blocked; its stack has
   `stack_bytes`, 0: as others have. */
int os_thread_start(void (*run)(void *argument), void *argument, size_t stack_bytes);

#endif
