/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "chaos/chaos.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/rain.h"

struct tally tally;
struct chaos here;

static uint32_t scene_now;

/* ---- the tally ---- */

bool complain(long *what, const char *format, ...)
{
    va_list arguments;
    struct lwshm_lwlock_info info;
    ++*what;
    fprintf(stderr, "  %s: ",
            what == &tally.lost    ? "LOST"
            : what == &tally.stuck ? "STUCK"
                                   : "FALSE RECOVERY");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (here.segment != NULL && here.board != NULL &&
        lwshm_lwlock_info(here.segment, here.lock, &info) >= 0)
        fprintf(stderr, " (owner %d, starving %d, shared %u, waiters %u, poisoned %u, repairs %u)",
                info.owner, info.starving, info.shared, info.has_waiters, info.is_poisoned,
                here.board->repairs);
    fputc('\n', stderr);
    return false;
}

int chaos_end(const char *program)
{
    printf("%s: %ld kills, %ld lost updates, %ld stuck, %ld false recoveries\n", program,
           tally.kills, tally.lost, tally.stuck, tally.false_recoveries);
    fflush(NULL);
    return tally.lost + tally.stuck + tally.false_recoveries > 0;
}

void must(int status, const char *what)
{
    if (status >= 0)
        return;
    fprintf(stderr, "chaos: %s: %s\n", what, lwshm_last_error()->message);
    _exit(2);
}

/* ---- the segment ---- */

static int repair(lwshm_backend *b, uint64_t lock, void *argument)
{
    struct board *boards = argument;
    struct board *board = &boards[(lock - here.tranche.offset) / LWSHM_LWLOCK_SIZE];
    (void)b;
    __atomic_add_fetch(&board->repairs, 1, __ATOMIC_SEQ_CST);
    board->b = board->a;
    return 0;
}

static struct board *boards(void)
{
    struct lwshm_area area;
    must(lwshm_shmem_index_find(here.segment, "boards", &area), "boards");
    return lwshm_shmem_pointer(here.segment, area.offset, area.size);
}

static void find_things(void)
{
    must(lwshm_tranche_find(here.segment, "chaos", &here.tranche), "tranche");
    must(lwshm_tranche_on_repair(here.segment, &here.tranche, repair, boards()), "repair callback");
    must(lwshm_semaphore_find(here.segment, "semaphore", &here.semaphore), "semaphore");
    must(lwshm_backend_join(here.segment, &here.me), "join");
    /* Who is stepped would spin through thousands of instructions that say nothing. */
    here.segment->spins = false;
    chaos_scene(scene_now);
}

void chaos_scene(uint32_t scene)
{
    scene_now = scene;
    here.board = boards() + scene;
    here.lock = lwshm_tranche_lock(&here.tranche, scene);
}

void chaos_create(const char *directory, uint32_t scenes)
{
    struct lwshm_segment_options options;
    struct lwshm_area area;
    bool found;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    here.directory = directory;
    lwshm_segment_options_init(&options);
    options.data_dir = directory;
    options.max_children = 1;
    options.max_backends = options.max_children + 80 + 4 * scenes;
    options.max_held_locks = 2;
    options.max_lwlocks = scenes + 1;
    options.max_structs = 4096; /* each kill of an allocation may leave one */
    options.area_bytes = scenes * sizeof(struct board) + options.max_structs * 2ull * CACHE_LINE +
                         lwshm_semaphore_size(LWSHM_SEMAPHORE_OWNED, options.max_backends);
    must(lwshm_segment_create(&options, &here.segment), "create");
    must(lwshm_shmem_init_struct(here.segment, "boards", scenes * sizeof(struct board), &found,
                                 &area),
         "boards");
    must(lwshm_tranche_init(here.segment, "chaos", scenes, &found, &here.tranche), "tranche");
    must(lwshm_semaphore_init(here.segment, "semaphore", SEMAPHORE_PERMITS, LWSHM_SEMAPHORE_OWNED,
                              &found, &here.semaphore),
         "semaphore");
    must(lwshm_segment_publish(here.segment), "publish");
    find_things();
}

void chaos_enter(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    must(lwshm_segment_attach(here.directory, 0, &here.segment), "attach");
    find_things();
    let_signals_rain();
}

void chaos_delete(void)
{
    lwshm_segment_detach(here.segment, LWSHM_DETACH_FENCE);
}

/* ---- waiting for facts ---- */

int64_t stuck_ns(void)
{
    const char *seconds = getenv("CHAOS_STUCK_SECONDS");
    return (seconds == NULL ? 20 : atoll(seconds)) * 1000000000;
}

int64_t awake_ns(void)
{
    static int64_t last, awake;
    int64_t now = os_monotonic_ns();
    awake += now - last < 100000000 ? now - last : 100000000;
    last = now;
    return awake;
}

bool await(bool (*fact)(int), int number)
{
    int64_t deadline = awake_ns() + stuck_ns();
    while (!fact(number)) {
        if (awake_ns() > deadline)
            return false;
        os_sleep_ns(20000);
    }
    return true;
}

bool is_ready(int number)
{
    return here.board->ready[number] != 0;
}

bool is_done(int number)
{
    return here.board->done[number] != 0;
}

bool is_parked(int number)
{
    uint32_t slot = here.board->slot[number];
    uint64_t wait_lock;
    if (slot == 0)
        return false;
    wait_lock = __atomic_load_n(&slot_at(here.segment, slot - 1)->wait_lock, __ATOMIC_ACQUIRE);
    return wait_lock == here.lock || wait_lock == here.semaphore.offset;
}

bool is_in_place(int number)
{
    return is_ready(number) || is_done(number) || is_parked(number);
}

void kill_and_reap(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) == pid && !WIFEXITED(status) && !WIFSIGNALED(status)) {
    }
}

pid_t start(void (*body)(const void *, int), const void *argument, int number)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        chaos_enter();
        here.board->slot[number] = here.me->number + 1;
        body(argument, number);
        _exit(0);
    }
    if (pid < 0) {
        perror("chaos: fork");
        exit(2);
    }
    return pid;
}

/* ---- looking at what is left ---- */

bool is_inside(uint32_t slot)
{
    const struct backend_slot *s = slot_at(here.segment, slot);
    uint64_t word = __atomic_load_n(&lock_at(here.segment, here.lock)->word, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < here.segment->max_held_locks; i++)
        if (s->record[i] != 0 && record_lock(s->record[i]) == here.lock &&
            record_kind(s->record[i]) == RECORD_XIN)
            return lock_owner_slot(word) == (int32_t)slot;
    return false;
}

bool is_waking(uint64_t lock)
{
    uint64_t word = __atomic_load_n(&lock_at(here.segment, lock)->word, __ATOMIC_SEQ_CST);
    return (word & LOCK_WAKING) != 0;
}

bool check_nothing_left(const char *who, uint32_t repairs, bool others_may_be_joined)
{
    struct board *board = here.board;
    struct lwshm_lwlock_info info;
    int r = lwshm_lwlock_try_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE);
    if (r != 1)
        return complain(&tally.stuck, "%s: the lock is not free", who);
    bool is_whole = board->a == board->b;
    lwshm_lwlock_release(here.me, here.lock);
    if (!is_whole)
        return complain(&tally.lost, "%s: the data are half-changed, and nobody was told", who);
    if (board->torn != 0)
        return complain(&tally.lost, "%s: somebody inside saw half-changed data", who);
    if (board->repairs < repairs)
        return complain(&tally.lost, "%s: died inside, and nobody was told", who);
    if (board->repairs > repairs)
        return complain(&tally.false_recoveries, "%s: poisoned for no reason", who);
    lwshm_lwlock_info(here.segment, here.lock, &info);
    if (info.owner != -1 || info.shared != 0 || info.starving != -1 || info.is_poisoned != 0)
        return complain(&tally.stuck, "%s: something is left in the lock", who);
    if (is_waking(here.lock))
        return complain(&tally.stuck, "%s: a wake-up is under way, and nobody wakes up", who);
    if (!others_may_be_joined && lwshm_backend_list(here.segment, NULL, 0) != 1)
        return complain(&tally.stuck, "%s: a slot is left", who);
    return true;
}
