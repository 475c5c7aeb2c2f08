/*
 * member_program.c - a process that is a member of a segment and does what a test in
 * Java tells it: the same in C as org.lwshm.testing.Member, which lists the commands.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lwshm/lwshm.h"

#define WORDS 4096
#define LOCKS 8
#define ROW 128
#define SECOND_WORD 64
#define MOST_ARGUMENTS 8

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_area words;
static struct lwshm_tranche locks;

/* ---- replies ---- */

static void reply_error(int status)
{
    const struct lwshm_error *e = lwshm_last_error();
    printf("error %s ", lwshm_status_name(status));
    for (uint32_t i = 0; i < e->value_count; i++)
        printf("%s%" PRId64, i == 0 ? "" : ",", e->values[i]);
    printf("%s %s\n", e->value_count == 0 ? "-" : "", e->message);
}

static void reply(int status)
{
    if (status < 0)
        reply_error(status);
    else
        printf("ok\n");
}

/* ---- the segment ---- */

static int find_all(void)
{
    int r = lwshm_shmem_index_find(segment, "words", &words);
    return r < 0 ? r : lwshm_tranche_find(segment, "locks", &locks);
}

static void reply_opened(int status)
{
    struct lwshm_segment_info info;
    if (status < 0 || (status = find_all()) < 0 ||
        (status = lwshm_segment_info(segment, &info)) < 0)
        reply_error(status);
    else
        printf("ok %d %u %d\n", info.shmid, info.generation, info.key);
}

static int create(char **argument)
{
    struct lwshm_segment_options options;
    bool found;
    lwshm_segment_options_init(&options);
    options.data_dir = argument[1];
    options.max_processes = (uint32_t)atoi(argument[2]);
    options.max_backends = (uint32_t)atoi(argument[3]);
    options.max_held_locks = (uint32_t)atoi(argument[4]);
    options.area_bytes = lwshm_shmem_allocated_size(WORDS);
    int r = lwshm_segment_create(&options, &segment);
    if (r < 0 || (r = lwshm_shmem_init_struct(segment, "words", WORDS, &found, &words)) < 0 ||
        (r = lwshm_tranche_init(segment, "locks", LOCKS, &found, &locks)) < 0)
        return r;
    return lwshm_segment_publish(segment);
}

static int leave_segment(void)
{
    return lwshm_segment_close(segment);
}

static void reply_joined(void)
{
    struct lwshm_backend_info info;
    int r = lwshm_backend_join(segment, &me);
    if (r < 0 || (r = lwshm_backend_info(me, &info)) < 0)
        reply_error(r);
    else
        printf("ok %u %u\n", info.slot, info.generation);
}

static void reply_struct(const char *name, uint64_t size)
{
    struct lwshm_area area;
    bool found;
    int r = lwshm_shmem_init_struct(segment, name, size, &found, &area);
    if (r < 0)
        reply_error(r);
    else
        printf("ok %" PRIu64 "\n", area.offset);
}

static int64_t *word(uint64_t index)
{
    return lwshm_shmem_pointer(segment, words.offset + index, sizeof(int64_t));
}

static enum lwshm_lwlock_mode mode(const char *name)
{
    return name[0] == 'X' ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED;
}

/* ---- work under locks: what Member.Contention does ---- */

static uint64_t random_state;
static uint64_t writes, unequal;

static uint32_t next(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 33) % bound);
}

/* Long enough for another processor to come in between, were it let in; and now and then
   others meet a lock whose holder does not run, and park. */
static void dwell(void)
{
    for (volatile int i = 0; i < 60; i++)
        continue;
    if (next(32) == 0)
        sched_yield();
}

static void work(uint32_t lock, enum lwshm_lwlock_mode how)
{
    /* Plain for the processor; the compiler shall keep their order. */
    volatile int64_t *first = word((uint64_t)lock * ROW);
    volatile int64_t *second = word((uint64_t)lock * ROW + SECOND_WORD);
    int64_t value = *first;
    if (how == LWSHM_LW_EXCLUSIVE) {
        *first = value + 1;
        dwell();
        *second = *second + 1;
        writes++;
    } else {
        dwell();
        unequal += *second != value;
    }
}

static int turn(uint32_t count, uint32_t held)
{
    uint32_t a = next(count), b = held == 1 ? a : (a + 1 + next(count - 1)) % count;
    uint32_t first = a < b ? a : b, second = a < b ? b : a;
    enum lwshm_lwlock_mode first_mode = next(2) == 0 ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED;
    enum lwshm_lwlock_mode second_mode = next(2) == 0 ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED;
    int r = lwshm_lwlock_acquire(me, lwshm_tranche_lock(&locks, first), first_mode);
    if (r == LWSHM_OK && second != first) {
        r = lwshm_lwlock_acquire(me, lwshm_tranche_lock(&locks, second), second_mode);
        if (r == LWSHM_OK)
            work(second, second_mode);
    }
    if (r < 0)
        return r;
    work(first, first_mode);
    if (second != first && next(2) == 0) {
        r = lwshm_lwlock_release(me, lwshm_tranche_lock(&locks, second));
        second = first;
    }
    if (r == LWSHM_OK)
        r = lwshm_lwlock_release(me, lwshm_tranche_lock(&locks, first));
    if (r == LWSHM_OK && second != first)
        r = lwshm_lwlock_release(me, lwshm_tranche_lock(&locks, second));
    return r;
}

static void contend(char **argument)
{
    uint32_t count = (uint32_t)atoi(argument[1]), held = (uint32_t)atoi(argument[2]);
    long turns = atol(argument[3]), parties = atol(argument[4]);
    int64_t *gate = word((uint64_t)atol(argument[5]));
    random_state = (uint64_t)atoll(argument[6]);
    writes = unequal = 0;
    __atomic_add_fetch(gate, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(gate, __ATOMIC_ACQUIRE) < parties)
        sched_yield();
    for (long i = 0; i < turns; i++) {
        int r = turn(count, held);
        if (r < 0) {
            reply_error(r);
            return;
        }
    }
    printf("ok %" PRIu64 " %" PRIu64 "\n", writes, unequal);
}

/* ---- commands ---- */

static bool is(char **argument, const char *command)
{
    return strcmp(argument[0], command) == 0;
}

static void run(char **argument)
{
    if (is(argument, "create"))
        reply_opened(create(argument));
    else if (is(argument, "attach"))
        reply_opened(lwshm_segment_attach(argument[1], 0, &segment));
    else if (is(argument, "layout")) {
        struct lwshm_segment_info info;
        lwshm_segment_info(segment, &info);
        printf("ok %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u\n", info.size, words.offset,
               words.size, locks.offset, locks.locks);
    } else if (is(argument, "get"))
        printf("ok %" PRId64 "\n", *word((uint64_t)atoll(argument[1])));
    else if (is(argument, "put")) {
        *word((uint64_t)atoll(argument[1])) = atoll(argument[2]);
        reply(LWSHM_OK);
    } else if (is(argument, "struct"))
        reply_struct(argument[1], (uint64_t)atoll(argument[2]));
    else if (is(argument, "join"))
        reply_joined();
    else if (is(argument, "acquire"))
        reply(lwshm_lwlock_acquire(me, lwshm_tranche_lock(&locks, (uint32_t)atoi(argument[1])),
                                   mode(argument[2])));
    else if (is(argument, "try")) {
        int r = lwshm_lwlock_try_acquire(
            me, lwshm_tranche_lock(&locks, (uint32_t)atoi(argument[1])), mode(argument[2]));
        if (r < 0)
            reply_error(r);
        else
            printf("ok %d\n", r);
    } else if (is(argument, "reap"))
        printf("ok %d\n", lwshm_segment_reap_dead(segment));
    else if (is(argument, "release"))
        reply(lwshm_lwlock_release(me, lwshm_tranche_lock(&locks, (uint32_t)atoi(argument[1]))));
    else if (is(argument, "contend"))
        contend(argument);
    else if (is(argument, "leave"))
        reply(lwshm_backend_leave(me));
    else if (is(argument, "close"))
        reply(leave_segment());
    else if (is(argument, "exit"))
        exit(atoi(argument[1]));
    else
        printf("error LWSHM_E_INVALID - no such command: %s\n", argument[0]);
}

/* Ends the process with its stdin, also while it waits for a lock. */
static void *watch_stdin(void *unused)
{
    struct pollfd in = {.fd = STDIN_FILENO};
    while (poll(&in, 1, -1) < 0 || (in.revents & (POLLHUP | POLLERR)) == 0)
        continue;
    _exit(0);
    return unused;
}

int main(void)
{
    char line[1024];
    pthread_t watcher;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pthread_create(&watcher, NULL, watch_stdin, NULL) != 0)
        return 1;
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *argument[MOST_ARGUMENTS] = {strtok(line, " \n")};
        for (int i = 1; i < MOST_ARGUMENTS; i++)
            if ((argument[i] = strtok(NULL, " \n")) == NULL)
                argument[i] = "";
        if (argument[0] != NULL)
            run(argument);
    }
    return 0;
}
