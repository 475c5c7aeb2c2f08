/*
 * semaphore_program.c - a process that uses a semaphore as a test in Java tells it: the
 * same in C as org.lwshm.sync.SemaphoreMember, which lists the commands.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lwshm/lwshm.h"

#define MOST_ARGUMENTS 4

static lwshm_backend *me;
static struct lwshm_semaphore semaphore;
static struct use {
    uint64_t in_use;
    uint64_t turns;
} * use;

static int attach(const char *dir, const char *name)
{
    lwshm_segment *segment;
    struct lwshm_area area;
    int r = lwshm_segment_attach(dir, 0, &segment);
    if (r < 0 || (r = lwshm_backend_join(segment, &me)) < 0 ||
        (r = lwshm_semaphore_find(segment, name, &semaphore)) < 0 ||
        (r = lwshm_shmem_index_find(segment, "use", &area)) < 0)
        return r;
    use = lwshm_shmem_pointer(segment, area.offset, sizeof *use);
    return 0;
}

static int contend(int turns, int most)
{
    uint64_t seen = 0;
    for (int turn = 0; turn < turns; turn++) {
        int permits = 1 + turn % most;
        int r = lwshm_semaphore_acquire(me, &semaphore, permits);
        if (r < 0)
            return r;
        uint64_t now = __atomic_add_fetch(&use->in_use, (uint64_t)permits, __ATOMIC_SEQ_CST);
        seen = now > seen ? now : seen;
        if (turn % 8 == 0)
            sched_yield();
        __atomic_sub_fetch(&use->in_use, (uint64_t)permits, __ATOMIC_SEQ_CST);
        if ((r = lwshm_semaphore_release(me, &semaphore, permits)) < 0)
            return r;
    }
    return (int)seen;
}

static int churn(int most)
{
    int r = 0;
    printf("ok\n");
    for (int turn = 0; r >= 0; turn++) {
        int permits = 1 + turn % most;
        r = lwshm_semaphore_acquire(me, &semaphore, permits);
        __atomic_add_fetch(&use->turns, 1, __ATOMIC_SEQ_CST);
        if (r >= 0)
            r = lwshm_semaphore_release(me, &semaphore, permits);
    }
    return r;
}

/* *has_result: the reply says it. */
static int run(char **argument, bool *has_result)
{
    const char *command = argument[0];
    int first = argument[1] == NULL ? 0 : atoi(argument[1]);
    *has_result = strcmp(command, "held") == 0 || strcmp(command, "contend") == 0;
    if (strcmp(command, "attach") == 0)
        return attach(argument[1], argument[2]);
    if (strcmp(command, "acquire") == 0)
        return lwshm_semaphore_acquire(me, &semaphore, first);
    if (strcmp(command, "release") == 0)
        return lwshm_semaphore_release(me, &semaphore, first);
    if (strcmp(command, "held") == 0)
        return lwshm_semaphore_held_by(me, &semaphore);
    if (strcmp(command, "contend") == 0)
        return contend(first, atoi(argument[2]));
    if (strcmp(command, "churn") == 0)
        return churn(first);
    fprintf(stderr, "no such command: %s\n", command);
    exit(2);
}

int main(void)
{
    char line[1024];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *argument[MOST_ARGUMENTS + 1] = {NULL};
        bool has_result = false;
        int count = 0;
        for (char *word = strtok(line, " \n"); word != NULL && count < MOST_ARGUMENTS;
             word = strtok(NULL, " \n"))
            argument[count++] = word;
        if (count == 0)
            continue;
        int r = run(argument, &has_result);
        if (r < 0)
            printf("error %s - %s\n", lwshm_status_name(r), lwshm_last_error()->message);
        else if (has_result)
            printf("ok %d\n", r);
        else
            printf("ok\n");
    }
    return 0;
}
