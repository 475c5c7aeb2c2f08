/*
 * step_program.c - killed at every instruction.
 *
 * For each scenario and for k = 1, 2, 3, ...: a victim process is single-stepped k
 * instructions into an operation on a lock and then killed with SIGKILL; what it left is
 * cleaned up, and the others must go on, until the operation ends before the kill.
 *
 * Nobody sleeps for a bounded time here: whoever waits is woken by a wake-up, the victim's own
 * or the recovery's, or is stuck for good, which is how a forgotten wake-up shows.
 *
 * After each kill:
 *   - the others get the lock, each in its turn                        (I1, I6)
 *   - nothing of the victim is left: no owner, no record, no slot      (I2, I4)
 *   - the lock was poisoned if and only if the victim died in XIN      (I7)
 *   - cleaning up once more changes nothing                            (I5)
 *
 *     step_program DIRECTORY [SCENARIO]
 *
 * Prints a line a scenario, and "step: N kills, L lost updates, S stuck, F false recoveries".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <lwshm/lwshm.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/backend_slot.h"
#include "core/lwlock_wait.h"
#include "core/recover.h"
#include "os/clock.h"

#define STUCK_NS (20 * 1000000000ll)
#define OTHERS 3

/* What the processes tell each other, in the segment. */
struct board {
    volatile uint32_t ready[OTHERS + 1]; /* 1: has got to where the scenario wants it */
    volatile uint32_t done[OTHERS + 1];
    volatile uint32_t go;      /* the others that hold may release */
    volatile uint32_t repairs; /* repair callbacks that ran */
    volatile uint64_t a, b;    /* equal, unless somebody is inside */
    volatile uint32_t victim_slot;
};

static struct {
    const char *directory;
    lwshm_segment *segment;
    lwshm_backend *me;
    struct board *board;
    uint64_t lock;
} here;

static long kills, lost, stuck, false_recoveries;

static void must(int status, const char *what)
{
    if (status >= 0)
        return;
    fprintf(stderr, "step: %s: %s\n", what, lwshm_last_error()->message);
    _exit(2);
}

static int repair(lwshm_backend *b, uint64_t lock, void *argument)
{
    (void)b;
    (void)lock;
    (void)argument;
    __atomic_add_fetch(&here.board->repairs, 1, __ATOMIC_SEQ_CST);
    here.board->b = here.board->a;
    return 0;
}

static void find_things(void)
{
    struct lwshm_area area;
    struct lwshm_tranche tranche;
    must(lwshm_shmem_index_find(here.segment, "board", &area), "board");
    must(lwshm_tranche_find(here.segment, "chaos", &tranche), "tranche");
    must(lwshm_tranche_on_repair(here.segment, &tranche, repair, NULL), "repair callback");
    must(lwshm_backend_join(here.segment, &here.me), "join");
    here.board = lwshm_shmem_pointer(here.segment, area.offset, area.size);
    here.lock = lwshm_tranche_lock(&tranche, 0);
}

/* In a child: a process of its own in the segment, on one processor so that it does not spin. */
static void enter(void)
{
    cpu_set_t one;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
    must(lwshm_segment_attach(here.directory, 0, &here.segment), "attach");
    find_things();
}

/* ---- the others ---- */

enum role {
    NOBODY,
    HOLDS_X,
    HOLDS_S,
    WANTS_X,
    WANTS_S
};

static void play(enum role role, int number)
{
    bool exclusive = role == HOLDS_X || role == WANTS_X;
    struct board *board = here.board;
    if (role == WANTS_X || role == WANTS_S)
        board->ready[number] = 1;
    must(lwshm_lwlock_acquire(here.me, here.lock, exclusive ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED),
         "another's acquire");
    if (role == HOLDS_X || role == HOLDS_S) {
        board->ready[number] = 1;
        while (board->go == 0)
            os_sleep_ns(20000);
    }
    if (board->a != board->b)
        _exit(3);
    if (exclusive) {
        board->a++;
        board->b++;
    }
    must(lwshm_lwlock_release(here.me, here.lock), "another's release");
    must(lwshm_backend_leave(here.me), "another's leave");
    board->done[number] = 1;
    _exit(0);
}

/* ---- the victim ---- */

struct scenario {
    const char *name;
    enum role first, second;     /* the others, in place before the victim starts */
    enum role third;             /* comes to wait while the victim holds or waits */
    enum lwshm_lwlock_mode held; /* what the victim holds when the stepping begins; 0: nothing */
    void (*operation)(void);
    bool others_release; /* the holders release once the victim is parked */
};

static void acquire_exclusive(void)
{
    lwshm_lwlock_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE);
}

static void acquire_shared(void)
{
    lwshm_lwlock_acquire(here.me, here.lock, LWSHM_LW_SHARED);
}

static void try_exclusive(void)
{
    lwshm_lwlock_try_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE);
}

static void try_shared(void)
{
    lwshm_lwlock_try_acquire(here.me, here.lock, LWSHM_LW_SHARED);
}

static void release(void)
{
    lwshm_lwlock_release(here.me, here.lock);
}

static void change_data(void)
{
    lwshm_lwlock_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE);
    here.board->a++;
    here.board->b++;
    lwshm_lwlock_release(here.me, here.lock);
}

/* Cleans up after a holder that the controller has killed: the recoverer is the victim. */
static void recover(void)
{
    for (uint32_t i = 0; i < here.segment->max_backends; i++) {
        uint64_t identity = __atomic_load_n(&slot_at(here.segment, i)->identity, __ATOMIC_ACQUIRE);
        if (slot_state(identity) == BACKEND_DEAD)
            recover_slot(here.segment, i, identity);
    }
}

static const struct scenario scenarios[] = {
    {"acquire exclusive, free", 0, 0, 0, 0, acquire_exclusive, false},
    {"acquire shared, free", 0, 0, 0, 0, acquire_shared, false},
    {"acquire, change, release", 0, 0, 0, 0, change_data, false},
    {"release exclusive", 0, 0, 0, LWSHM_LW_EXCLUSIVE, release, false},
    {"release shared", 0, 0, 0, LWSHM_LW_SHARED, release, false},
    {"release exclusive, writer waits", 0, 0, WANTS_X, LWSHM_LW_EXCLUSIVE, release, false},
    {"release exclusive, reader waits", 0, 0, WANTS_S, LWSHM_LW_EXCLUSIVE, release, false},
    {"release shared, owner drains", 0, 0, WANTS_X, LWSHM_LW_SHARED, release, false},
    {"acquire shared beside a reader", HOLDS_S, 0, 0, 0, acquire_shared, false},
    {"acquire exclusive, reader inside", HOLDS_S, 0, 0, 0, acquire_exclusive, true},
    {"acquire exclusive, writer inside", HOLDS_X, 0, 0, 0, acquire_exclusive, true},
    {"acquire exclusive, writer inside, writer waits", HOLDS_X, WANTS_X, 0, 0, acquire_exclusive,
     true},
    {"acquire shared, writer inside", HOLDS_X, 0, 0, 0, acquire_shared, true},
    {"acquire shared, writer inside, both wait", HOLDS_X, WANTS_X, WANTS_S, 0, acquire_shared,
     true},
    {"try exclusive, reader inside", HOLDS_S, 0, 0, 0, try_exclusive, false},
    {"try exclusive, writer inside", HOLDS_X, 0, 0, 0, try_exclusive, false},
    {"try shared, writer inside", HOLDS_X, 0, 0, 0, try_shared, false},
    {"recover a writer", 0, 0, WANTS_X, LWSHM_LW_EXCLUSIVE, recover, false},
    {"recover a reader", 0, 0, WANTS_X, LWSHM_LW_SHARED, recover, false},
};

/* Stops twice: before the operation and after it; the stepping happens in between. */
static void be_victim(const struct scenario *s)
{
    if (s->held != 0 && s->operation != recover)
        must(lwshm_lwlock_acquire(here.me, here.lock, s->held), "the victim's acquire");
    here.board->victim_slot = here.me->number;
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    s->operation();
    raise(SIGSTOP);
    _exit(0);
}

/* ---- the controller ---- */

static pid_t start(void (*body)(const struct scenario *, enum role, int), const struct scenario *s,
                   enum role role, int number)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        enter();
        body(s, role, number);
        _exit(0);
    }
    return pid;
}

static void other_body(const struct scenario *s, enum role role, int number)
{
    (void)s;
    play(role, number);
}

static void victim_body(const struct scenario *s, enum role role, int number)
{
    (void)role;
    (void)number;
    be_victim(s);
}

static void dead_holder_body(const struct scenario *s, enum role role, int number)
{
    (void)role;
    must(lwshm_lwlock_acquire(here.me, here.lock, s->held), "the dead one's acquire");
    here.board->victim_slot = here.me->number;
    here.board->ready[number] = 1;
    for (;;)
        pause();
}

/* Waits for a fact; false if it does not come, which means that somebody is stuck. */
static bool await(bool (*fact)(void *), void *argument)
{
    int64_t deadline = os_monotonic_ns() + STUCK_NS;
    while (!fact(argument)) {
        if (os_monotonic_ns() > deadline)
            return false;
        os_sleep_ns(20000);
    }
    return true;
}

static bool is_set(void *word)
{
    return __atomic_load_n((uint32_t *)word, __ATOMIC_ACQUIRE) != 0;
}

/* How many slots say that they wait for the lock. */
static uint32_t parked(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < here.segment->max_backends; i++)
        count +=
            __atomic_load_n(&slot_at(here.segment, i)->wait_lock, __ATOMIC_ACQUIRE) == here.lock;
    return count;
}

static bool are_parked(void *count)
{
    return parked() >= *(uint32_t *)count;
}

struct cast {
    pid_t pid[OTHERS];
    enum role role[OTHERS];
};

static void bring_in(const struct scenario *s, struct cast *cast, int number, enum role role)
{
    cast->role[number] = role;
    cast->pid[number] = role == NOBODY ? 0 : start(other_body, s, role, number);
    if (role == NOBODY)
        return;
    bool there = await(is_set, (void *)&here.board->ready[number]);
    /* A waiter is in place when it is parked; with nobody in its way it never will be. */
    uint32_t waiters = 0;
    for (int i = 0; i <= number; i++)
        waiters += cast->role[i] == WANTS_X || cast->role[i] == WANTS_S;
    if (there && (role == WANTS_X || role == WANTS_S))
        there = await(are_parked, &waiters);
    if (!there) {
        fprintf(stderr, "step: %s: the scenario does not come about\n", s->name);
        exit(2);
    }
}

static void kill_and_reap(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) == pid && !WIFEXITED(status) && !WIFSIGNALED(status)) {
    }
}

/* Steps the victim k instructions on; false if its operation ended before that. */
static bool step(pid_t victim, long k, const struct scenario *s)
{
    int status;
    bool told = false;
    uint32_t waiters = (s->first >= WANTS_X) + (s->second >= WANTS_X) + (s->third >= WANTS_X);
    for (long i = 0; i < k; i++) {
        if (ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) < 0)
            return false;
        /* A victim that sleeps in the kernel is past the point where others may release. */
        while (waitpid(victim, &status, WNOHANG | __WALL) == 0) {
            if (s->others_release && !told && parked() > waiters) {
                here.board->go = 1;
                told = true;
            }
            sched_yield();
        }
        if (!WIFSTOPPED(status) || WSTOPSIG(status) == SIGSTOP)
            return false;
    }
    return true;
}

static bool died_inside(uint32_t slot)
{
    struct backend_slot *dead = slot_at(here.segment, slot);
    uint64_t word = __atomic_load_n(&lock_at(here.segment, here.lock)->word, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < here.segment->max_held_locks; i++)
        if (record_kind(dead->record[i]) == RECORD_XIN && dead->record[i] != 0)
            return lock_owner_slot(word) == (int32_t)slot;
    return false;
}

static bool complain(const struct scenario *s, long k, long *what, const char *text)
{
    struct lwshm_lwlock_info info;
    ++*what;
    lwshm_lwlock_info(here.segment, here.lock, &info);
    fprintf(stderr,
            "step: %s, instruction %ld: %s (owner %d, shared %u, waiters %u, poisoned %u, repairs "
            "%u)\n",
            s->name, k, text, info.owner, info.shared, info.has_waiters, info.is_poisoned,
            here.board->repairs);
    return false;
}

/* Everything that must hold once the victim is dead. */
static bool check_aftermath(const struct scenario *s, long k, struct cast *cast, bool inside)
{
    struct board *board = here.board;
    struct lwshm_lwlock_info info;
    int status;
    lwshm_segment_reap_dead(here.segment);
    lwshm_segment_reap_dead(here.segment);
    board->go = 1;
    for (int i = 0; i < OTHERS; i++) {
        if (cast->role[i] == NOBODY)
            continue;
        if (!await(is_set, (void *)&board->done[i]))
            return complain(s, k, &stuck, "another is stuck");
        waitpid(cast->pid[i], &status, 0);
        cast->role[i] = NOBODY;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            return complain(s, k, &lost, "another saw half-changed data");
    }
    int r = lwshm_lwlock_try_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE);
    if (r != 1)
        return complain(s, k, &stuck, "the lock is not free");
    if (board->a != board->b)
        return complain(s, k, &lost, "the data are half-changed, and nobody was told");
    lwshm_lwlock_release(here.me, here.lock);
    if (board->repairs != (inside ? 1u : 0u))
        return complain(s, k, inside ? &lost : &false_recoveries,
                        inside ? "died inside, and nobody was told" : "poisoned for no reason");
    lwshm_lwlock_info(here.segment, here.lock, &info);
    if (info.owner != -1 || info.shared != 0 || info.starver != -1 || info.is_poisoned != 0)
        return complain(s, k, &stuck, "something is left in the lock");
    if (lwshm_backend_list(here.segment, NULL, 0) != 1)
        return complain(s, k, &stuck, "a slot is left");
    return true;
}

/* Runs a scenario with the kill at instruction k: 1 go on, 0 the operation ended, -1 failed. */
static int run(const struct scenario *s, long k)
{
    struct cast cast = {{0}, {0}};
    pid_t victim, dead = 0;
    int status;
    memset(here.board, 0, sizeof *here.board);
    bring_in(s, &cast, 0, s->first);
    bring_in(s, &cast, 1, s->second);
    if (s->operation == recover) {
        dead = start(dead_holder_body, s, NOBODY, OTHERS);
        await(is_set, (void *)&here.board->ready[OTHERS]);
        bring_in(s, &cast, 2, s->third);
        uint32_t slot = here.board->victim_slot;
        kill_and_reap(dead);
        /* The first step of recovery, so that the recoverer need not look into /proc. */
        uint64_t identity = slot_at(here.segment, slot)->identity;
        slot_at(here.segment, slot)->identity =
            slot_identity(BACKEND_DEAD, slot_process(identity), slot_generation(identity));
    }
    victim = start(victim_body, s, NOBODY, OTHERS);
    waitpid(victim, &status, 0);
    if (!WIFSTOPPED(status)) {
        fprintf(stderr, "step: %s: the victim ended by itself\n", s->name);
        exit(2);
    }
    if (s->operation != recover && (s->held != 0 || s->first != NOBODY))
        bring_in(s, &cast, 2, s->third);
    bool inside_before = s->operation == recover && s->held == LWSHM_LW_EXCLUSIVE;
    bool stepped = step(victim, k, s);
    bool inside = s->operation == recover ? inside_before : died_inside(here.board->victim_slot);
    kill_and_reap(victim);
    kills++;
    if (!check_aftermath(s, k, &cast, inside)) {
        for (int i = 0; i < OTHERS; i++)
            if (cast.role[i] != NOBODY)
                kill_and_reap(cast.pid[i]);
        return -1;
    }
    return stepped;
}

int main(int argc, char **argv)
{
    struct lwshm_segment_options options;
    struct lwshm_tranche tranche;
    struct lwshm_area area;
    bool found;
    if (argc < 2) {
        fprintf(stderr, "usage: step_program DIRECTORY [SCENARIO]\n");
        return 2;
    }
    lwlock_patience.first_ns = lwlock_patience.longest_ns = 3600 * 1000000000ll;
    here.directory = argv[1];
    lwshm_segment_options_init(&options);
    options.data_dir = here.directory;
    options.area_bytes = sizeof(struct board) + CACHE_LINE;
    options.max_backends = 8;
    options.max_held_locks = 2;
    must(lwshm_segment_create(&options, &here.segment), "create");
    must(lwshm_shmem_init_struct(here.segment, "board", sizeof(struct board), &found, &area),
         "board");
    must(lwshm_tranche_init(here.segment, "chaos", 1, &found, &tranche), "tranche");
    must(lwshm_segment_publish(here.segment), "publish");
    find_things();

    bool failed = false;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        const struct scenario *s = &scenarios[i];
        if (argc > 2 && strstr(s->name, argv[2]) == NULL)
            continue;
        int r;
        long k = 0;
        do
            r = run(s, ++k);
        while (r == 1);
        printf("step: %-48s %s at each of %ld instructions\n", s->name, r < 0 ? "FAILED" : "killed",
               k);
        failed |= r < 0;
        if (r < 0)
            break; /* what it left spoils the rest */
    }
    printf("step: %ld kills, %ld lost updates, %ld stuck, %ld false recoveries\n", kills, lost,
           stuck, false_recoveries);
    lwshm_segment_detach(here.segment, LWSHM_DETACH_FENCE);
    lwshm_segment_delete(here.segment);
    return failed;
}
