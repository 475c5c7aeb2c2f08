/*
 * worker_program.c - a postmaster's child, with as many bad manners as a test wants.
 *
 *     worker BEHAVIOUR LOG
 *
 * It works until it is told to stop: takes the lock "pair", checks that the two words of the struct
 * "pair" are equal, and counts both up.  Every step of its life is a line "PID STEP" in LOG.
 *
 * Signals, besides SIGTERM:
 *     SIGUSR1  be killed by oneself inside the lock, between the two words
 *     SIGUSR2  exit with 0 without having left
 *     SIGALRM  leave in order and exit with 7
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lwshm/lwshm.h"

static const char *log_file;
static volatile sig_atomic_t heard;
static volatile sig_atomic_t reloads;

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_tranche tranche;
static uint64_t *pair;

static void note(const char *step)
{
    char line[128];
    int length = snprintf(line, sizeof line, "%d %s\n", getpid(), step);
    if (length >= (int)sizeof line) {
        length = sizeof line - 1;
        line[length - 1] = '\n';
    }
    int fd = open(log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        if (write(fd, line, (size_t)length) != length)
            _exit(99);
        close(fd);
    }
}

static void hear(int signal)
{
    heard = signal;
}

static void reload(void *argument)
{
    (void)argument;
    reloads++;
    note("reloaded");
}

static void require(int status, const char *what)
{
    if (status >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, lwshm_last_error()->message);
    note(lwshm_last_error()->message);
    exit(98);
}

static void join(void)
{
    struct lwshm_area area;
    struct lwshm_segment_info info;
    require(lwshm_postmaster_on_reload(reload, NULL), "on_reload");
    require(lwshm_backend_from_postmaster(&segment, &me), "from_postmaster");
    require(lwshm_segment_info(segment, &info), "info");
    require(lwshm_shmem_index_find(segment, "pair", &area), "struct");
    require(lwshm_tranche_find(segment, "pair", &tranche), "tranche");
    pair = (uint64_t *)(uintptr_t)(info.base + area.offset);
    note("joined");
}

static void leave(int code)
{
    require(lwshm_backend_leave(me), "leave");
    note("left");
    require(lwshm_segment_close(segment), "close");
    note("detached");
    exit(code);
}

static void count(void)
{
    int r = lwshm_lwlock_acquire(me, tranche.offset, LWSHM_LW_EXCLUSIVE);
    if (r == LWSHM_E_OWNER_DIED) {
        usleep(1000); /* the repairer is on its way, or the end */
        return;
    }
    require(r, "acquire");
    if (pair[0] != pair[1])
        note("torn");
    __atomic_store_n(&pair[0], pair[0] + 1, __ATOMIC_RELAXED);
    if (heard == SIGUSR1)
        raise(SIGKILL);
    __atomic_store_n(&pair[1], pair[1] + 1, __ATOMIC_RELAXED);
    require(lwshm_lwlock_release(me, tranche.offset), "release");
}

/* What no protocol is proof against; the postmaster must be. */
static void scribble(const char *behaviour)
{
    struct lwshm_segment_info info;
    struct lwshm_backend_info mine;
    require(lwshm_segment_info(segment, &info), "info");
    require(lwshm_backend_info(me, &mine), "backend info");
    char *base = (char *)(uintptr_t)info.base;
    if (strcmp(behaviour, "scribbles-own-slot") == 0)
        memset(base + mine.slot_offset, 0xff, 8);
    else if (strcmp(behaviour, "scribbles-ones") == 0)
        memset(base, 0xff, info.size);
    else if (strcmp(behaviour, "scribbles-zeros") == 0)
        memset(base, 0, info.size);
    else
        for (uint64_t i = 0; i < info.size; i++)
            base[i] = (char)rand();
    raise(SIGKILL);
}

static void work(bool hangs)
{
    for (;;) {
        count();
        if (heard == SIGUSR2)
            exit(0);
        if (heard == SIGALRM)
            leave(7);
        if (heard == SIGTERM && hangs) {
            note("hangs");
            for (;;)
                pause();
        }
        if (heard == SIGTERM || lwshm_postmaster_stop_mode(segment) == LWSHM_STOP_SMART) {
            note("stops");
            leave(0);
        }
        usleep(200);
    }
}

static int mend(lwshm_backend *backend, uint64_t lock, void *argument)
{
    (void)backend;
    (void)lock;
    (void)argument;
    pair[1] = pair[0];
    note("mended");
    return 0;
}

static void repair(const char *how)
{
    join();
    if (strcmp(how, "repair-hangs") == 0)
        for (;;)
            pause();
    if (strcmp(how, "repair-crashes") == 0)
        raise(SIGKILL);
    if (strcmp(how, "repair-fails") == 0)
        leave(1);
    if (strcmp(how, "repair-nothing") == 0)
        leave(0);
    require(lwshm_tranche_on_repair(segment, &tranche, mend, NULL), "on_repair");
    require(lwshm_backend_repair_all(me), "repair_all");
    leave(0);
}

/* A process that nobody has under control: no session of ours, no parent, all our descriptors and
   the segment.  It goes when the log does. */
static void detach(void)
{
    if (fork() != 0)
        return;
    setsid();
    signal(SIGTERM, SIG_IGN);
    note("grandchild");
    while (access(log_file, F_OK) == 0)
        usleep(20000);
    _exit(0);
}

/* As a program that is set-id: it knows nothing of us, and no signal comes when its parent dies. */
static _Noreturn void outlive(const char *behaviour)
{
    prctl(PR_SET_PDEATHSIG, 0);
    signal(SIGTERM, strcmp(behaviour, "outlives-sigterm") == 0 ? SIG_IGN : SIG_DFL);
    note("joined");
    while (access(log_file, F_OK) == 0)
        usleep(20000);
    _exit(0);
}

static void *flood(void *argument)
{
    (void)argument;
    for (;;)
        puts("a line of a flood, and no end of it in sight");
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 97;
    const char *behaviour = argv[1];
    log_file = argv[2];
    setvbuf(stdout, NULL, _IOLBF, 0);
    note("starts");
    struct sigaction action = {.sa_handler = hear};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);

    if (strcmp(behaviour, "fails") == 0)
        return 5;
    if (strncmp(behaviour, "outlives", 8) == 0)
        outlive(behaviour);
    if (strncmp(behaviour, "repair", 6) == 0)
        repair(behaviour);
    join();
    if (strcmp(behaviour, "crashes") == 0)
        return 0;
    if (strncmp(behaviour, "scribbles", 9) == 0)
        scribble(behaviour);
    if (strcmp(behaviour, "ignores-sigterm") == 0)
        signal(SIGTERM, SIG_IGN);
    if (strcmp(behaviour, "closes-streams") == 0)
        for (int fd = 0; fd <= 2; fd++)
            close(fd);
    if (strcmp(behaviour, "detaches") == 0)
        detach();
    if (strcmp(behaviour, "floods") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, flood, NULL);
    }
    work(strcmp(behaviour, "hangs-in-exit") == 0);
}
