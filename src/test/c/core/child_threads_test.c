/*
 * Several threads that start children at once: each hears its own, and no descriptor is left.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "fixture.h"
#include "lwshm/child.h"

#define THREADS 4
#define TURNS 25

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    CHECK(dir != NULL);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void start_one(const char *word)
{
    char text[64];
    size_t length = 0;
    int n;
    struct lwshm_child_options options = {.arguments =
                                              (const char *const[]){"printf", "%s", word, NULL},
                                          .environment = (const char *const[]){NULL},
                                          .parent_death_signal = SIGKILL};
    struct lwshm_child child;
    CHECK_OK(lwshm_child_start(&options, &child));
    while ((n = CHECK_OK(lwshm_child_read(child.output, text + length,
                                          (uint32_t)(sizeof text - 1 - length), -1))) > 0)
        length += (size_t)n;
    text[length] = '\0';
    CHECK_EQ_STR(word, text);
    CHECK_EQ_INT(0, CHECK_OK(lwshm_child_await(child.pid)));
    CHECK_OK(lwshm_child_reap(child.pid));
    CHECK_OK(lwshm_child_close_output(child.output));
}

static void *start_many(void *arg)
{
    char word[32];
    for (int turn = 0; turn < TURNS; turn++) {
        snprintf(word, sizeof word, "%d of thread %d", turn, *(int *)arg);
        start_one(word);
    }
    return NULL;
}

TEST(threads_that_start_children_at_once_hear_each_its_own_and_leak_nothing)
{
    pthread_t thread[THREADS];
    int number[THREADS];
    start_one("first"); /* what is opened once and kept */
    int before = count_descriptors();
    for (int i = 0; i < THREADS; i++) {
        number[i] = i;
        CHECK_EQ_INT(0, pthread_create(&thread[i], NULL, start_many, &number[i]));
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(0, pthread_join(thread[i], NULL));
    CHECK_EQ_INT(before, count_descriptors());
}
