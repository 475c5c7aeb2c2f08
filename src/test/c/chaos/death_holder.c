/*
 * death_holder.c - the holder whose fate is looked at, and the one that comes to have its pid.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/death.h"

static void hold(enum lwshm_lwlock_mode mode, int number)
{
    must(lwshm_lwlock_acquire(here.me, here.lock, mode), "the holder's acquire");
    if (mode == LWSHM_LW_EXCLUSIVE)
        here.board->a++;
    here.board->ready[number] = 1;
}

/* Until it may go; then everything must be as before. */
static void let_go(enum lwshm_lwlock_mode mode, int number)
{
    while (here.board->go[number] == 0)
        os_sleep_ns(100000);
    if (mode == LWSHM_LW_EXCLUSIVE)
        here.board->b++;
    if (lwshm_lwlock_is_held_by(here.me, here.lock) != (int)mode ||
        lwshm_lwlock_release(here.me, here.lock) < 0)
        exit(4);
    must(lwshm_backend_leave(here.me), "leave");
    here.board->done[number] = 1;
    exit(0);
}

static void *sleep_long(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void *hold_in_thread(void *argument)
{
    const struct one *one = argument;
    hold(one->mode, HOLDER);
    let_go(one->mode, HOLDER);
    return NULL;
}

static void *map_and_unmap(void *argument)
{
    for (unsigned i = 0;; i++) {
        void *p = mmap(NULL, 4096 * (1 + i % 7), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p != MAP_FAILED)
            munmap(p, 4096 * (1 + i % 7));
    }
    return argument;
}

static void start_threads(void *(*body)(void *), void *argument, int count)
{
    pthread_t thread;
    for (int i = 0; i < count; i++)
        pthread_create(&thread, NULL, body, argument);
}

/* Lives on with the mapping it inherited, whatever becomes of its parent; and holds a lock of
   its own, which is nobody's to recover. */
static void be_forked_child(const struct one *one)
{
    if (lwshm_lwlock_release(here.me, here.lock) != LWSHM_E_CLOSED)
        exit(5); /* the parent's backend is none of its business */
    must(lwshm_segment_attach(here.directory, 0, &here.segment), "the child's attach");
    must(lwshm_backend_join(here.segment, &here.me), "the child's join");
    chaos_scene(BYSTANDER_SCENE(one));
    hold(one->mode, BYSTANDER);
    let_go(one->mode, BYSTANDER);
}

void be_holder(const void *argument, int number)
{
    struct one one = *(const struct one *)argument;
    switch (one.fate->kind) {
    case MAIN_THREAD:
        start_threads(hold_in_thread, &one, 1);
        await(is_ready, HOLDER);
        syscall(SYS_exit, 0);
        break;
    case THREADS:
        start_threads(sleep_long, NULL, 16);
        break;
    case MAPS:
        start_threads(map_and_unmap, NULL, 2);
        break;
    case ODD_NAME:
        prctl(PR_SET_NAME, "a) Z 1 (b");
        break;
    default:
        break;
    }
    hold(one.mode, number);
    if (one.fate->kind == EXEC) {
        while (here.board->go[number] == 0)
            os_sleep_ns(100000);
        execlp("sleep", "sleep", "1000", (char *)NULL);
        exit(6);
    }
    if (one.fate->kind == FORK && fork() == 0)
        be_forked_child(&one);
    let_go(one.mode, number);
}

/* ---- a pid used again ---- */

/* What follows changes settings of the PID namespace, so it must be one of our own: whose first
   process we are, as nothing but init is in the machine's. */
bool may_use_up_pids(void)
{
    return getpid() == 1;
}

/* Since 6.14 every PID namespace has a pid_max of its own; before that, it is everybody's, and
   the last pid can be set instead. */
static void make_pids_scarce(pid_t wanted)
{
    if (!may_use_up_pids())
        must(fail(LWSHM_E_INVALID, "process %d", getpid()), "not the first of a PID namespace");
    struct utsname name;
    int major = 0, minor = 0;
    char text[16];
    bool has_own_max = uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
                       (major > 6 || (major == 6 && minor >= 14));
    const char *file = has_own_max ? "/proc/sys/kernel/pid_max" : "/proc/sys/kernel/ns_last_pid";
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    int length = snprintf(text, sizeof text, "%d", has_own_max ? 400 : wanted - 1);
    if (fd < 0 || write(fd, text, (size_t)length) != length)
        fprintf(stderr, "chaos: %s: %s; forking on\n", file, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* Somebody else, who also uses the segment. */
static void be_the_next(const void *argument, int number)
{
    const struct one *one = argument;
    chaos_scene(BYSTANDER_SCENE(one));
    hold(one->mode, number);
    let_go(one->mode, number);
}

/* Pids start again at 300, so those below never come a second time. */
void use_up_first_pids(void)
{
    pid_t pid;
    do {
        pid = fork();
        if (pid == 0)
            _exit(0);
        waitpid(pid, NULL, 0);
    } while (pid < 300);
}

pid_t fork_until(pid_t wanted, const struct one *one)
{
    int64_t deadline = awake_ns() + stuck_ns();
    make_pids_scarce(wanted);
    while (awake_ns() < deadline) {
        pid_t pid = fork();
        if (pid == 0 && getpid() != wanted)
            _exit(0);
        if (pid == 0) {
            chaos_enter();
            be_the_next(one, BYSTANDER);
        }
        if (pid == wanted)
            return pid;
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
    fprintf(stderr, "chaos: pid %d does not come again\n", wanted);
    exit(2);
}
