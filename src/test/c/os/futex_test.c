/*
 * Sleeping on a word and being woken, between processes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "os/futex.h"

#include <errno.h>
#include <sys/shm.h>

#include "fixture.h"

#define AN_HOUR_NS (3600 * 1000000000ll)

TEST(who_comes_with_an_old_value_does_not_sleep)
{
    uint32_t word = 7;
    CHECK_EQ_INT(-EAGAIN, os_futex_wait(&word, 6, AN_HOUR_NS));
}

TEST(a_sleep_ends_when_its_time_is_up)
{
    uint32_t word = 7;
    CHECK_EQ_INT(-ETIMEDOUT, os_futex_wait(&word, 7, 1000));
    CHECK_EQ_INT(-ETIMEDOUT, os_futex_wait(&word, 7, 0));
}

TEST(waking_nobody_wakes_none)
{
    uint32_t word = 7;
    CHECK_EQ_INT(0, os_futex_wake(&word, OS_FUTEX_WAKE_ALL));
}

static int shmid;

/* Maps the word anew, at an address of its own. */
static void sleep_on_it(void *arg)
{
    uint32_t *word = (uint32_t *)(void *)attach_bytes(shmid);
    __atomic_add_fetch((uint32_t *)arg, 1, __ATOMIC_SEQ_CST);
    int r = os_futex_wait(word, 7, AN_HOUR_NS);
    if (r != 0 && r != -EAGAIN)
        FAIL("futex wait: %s", strerror(-r));
    detach_bytes(word);
}

static pid_t sleeper(uint32_t *ready)
{
    uint32_t before = *ready;
    pid_t pid = test_fork(sleep_on_it, ready);
    AWAIT(__atomic_load_n(ready, __ATOMIC_SEQ_CST) == before + 1 && sleeps(pid));
    return pid;
}

TEST(as_many_are_woken_as_asked_for_wherever_they_map_the_word)
{
    uint32_t *ready = shared_zeros(sizeof *ready);
    shmid = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    uint32_t *word = (uint32_t *)(void *)attach_bytes(shmid);
    *word = 7;
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        pids[i] = sleeper(ready);
    int woken = 0;
    AWAIT((woken += os_futex_wake(word, 1)) == 1);
    AWAIT(test_has_ended(pids[0]) || test_has_ended(pids[1]) || test_has_ended(pids[2]));
    AWAIT((woken += os_futex_wake(word, OS_FUTEX_WAKE_ALL)) == 3);
    for (int i = 0; i < 3; i++)
        TEST_WAIT(pids[i]);
    CHECK_EQ_INT(0, os_futex_wake(word, OS_FUTEX_WAKE_ALL));
    detach_bytes(word);
    shmctl(shmid, IPC_RMID, NULL);
}
