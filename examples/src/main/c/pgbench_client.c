/*
 * pgbench_client.c - a client of the pgbench example, in C.
 *
 *     pgbench_client DATA_DIR CLIENT
 *
 * Attaches to the bank of a data directory, runs transactions as client number CLIENT
 * until the bank's phase says stop, and leaves.  Client.java is the same in Java.
 *
 * The demo starts it; it dies with the demo, however that dies.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <lwshm/lwshm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "bank.h"

struct client {
    lwshm_segment *segment;
    lwshm_backend *backend;
    uint32_t number;
    uint64_t random;
    struct bank *bank;
    struct branch *branches;
    struct teller *tellers;
    struct account *accounts;
    struct history *history;
    struct progress *progress;
    struct lwshm_tranche branch_locks;
    struct lwshm_tranche teller_locks;
    struct lwshm_tranche account_locks;
    struct lwshm_tranche history_lock;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "pgbench_client: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

/* Passes a result on; a failure ends the program. */
static int check(int status)
{
    if (status < 0)
        fail("%s: %s", lwshm_status_name(status), lwshm_last_error()->message);
    return status;
}

/* The kernel kills us when the thread that started us is gone.  If it was gone before we
   said so, somebody else is our parent by now. */
static void die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        fail("process %d, which made the bank, is not my parent: it may have died", (int)parent);
}

static void *find_area(lwshm_segment *segment, const char *name, uint64_t size)
{
    struct lwshm_area area;

    check(lwshm_shmem_index_find(segment, name, &area));
    if (area.size != size)
        fail("\"%s\" has %" PRIu64 " bytes, not %" PRIu64, name, area.size, size);
    return lwshm_shmem_pointer(segment, area.offset, area.size);
}

static void find_bank(struct client *c)
{
    lwshm_segment *segment = c->segment;
    struct bank *bank = find_area(segment, "bank", sizeof(struct bank));

    if (bank->layout != BANK_LAYOUT)
        fail("the bank has layout %u; this program knows %u", bank->layout, BANK_LAYOUT);
    if (c->number >= bank->clients)
        fail("client %u: the bank has room for %u", c->number, bank->clients);
    c->bank = bank;
    c->branches = find_area(segment, "branches", (uint64_t)bank->branches * sizeof(struct branch));
    c->tellers = find_area(segment, "tellers", (uint64_t)bank->tellers * sizeof(struct teller));
    c->accounts = find_area(segment, "accounts", (uint64_t)bank->accounts * sizeof(struct account));
    c->history = find_area(segment, "history",
                           sizeof(struct history) +
                               (uint64_t)bank->history_rows * sizeof(struct history_row));
    c->progress = find_area(segment, "progress", (uint64_t)bank->clients * sizeof(struct progress));
    c->progress += c->number;
    check(lwshm_tranche_find(segment, "branches", &c->branch_locks));
    check(lwshm_tranche_find(segment, "tellers", &c->teller_locks));
    check(lwshm_tranche_find(segment, "accounts", &c->account_locks));
    check(lwshm_tranche_find(segment, "history", &c->history_lock));
}

/* splitmix64, brought into [0, bound). */
static uint32_t random_below(struct client *c, uint32_t bound)
{
    uint64_t z = (c->random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (uint32_t)(((z >> 32) * bound) >> 32);
}

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Into the ring; what falls out of it is summed up in the head. */
static void append(struct client *c, const struct history_row *row)
{
    struct history *history = c->history;
    struct history_row *place = &history->rows[history->appended % c->bank->history_rows];

    if (history->appended >= c->bank->history_rows)
        history->evicted += place->delta;
    *place = *row;
    history->appended++;
}

static void acquire(struct client *c, const struct lwshm_tranche *tranche, uint32_t i)
{
    check(lwshm_lwlock_acquire(c->backend, lwshm_tranche_lock(tranche, i), LWSHM_LW_EXCLUSIVE));
}

static void release(struct client *c, const struct lwshm_tranche *tranche, uint32_t i)
{
    check(lwshm_lwlock_release(c->backend, lwshm_tranche_lock(tranche, i)));
}

/* One transaction; returns what it moved. */
static int64_t transact(struct client *c)
{
    uint32_t account = random_below(c, c->bank->accounts);
    uint32_t stripe = account / c->bank->accounts_per_lock;
    uint32_t teller = random_below(c, c->bank->tellers);
    uint32_t branch = teller / TELLERS_PER_BRANCH;
    int64_t delta = (int64_t)random_below(c, 2 * MAX_DELTA + 1) - MAX_DELTA;
    struct history_row row = {account, teller, branch, c->number, delta, now_ms(CLOCK_REALTIME)};

    acquire(c, &c->account_locks, stripe);
    acquire(c, &c->teller_locks, teller);
    acquire(c, &c->branch_locks, branch);
    acquire(c, &c->history_lock, 0);
    c->accounts[account].balance += delta;
    c->tellers[teller].balance += delta;
    c->branches[branch].balance += delta;
    append(c, &row);
    release(c, &c->history_lock, 0);
    release(c, &c->branch_locks, branch);
    release(c, &c->teller_locks, teller);
    release(c, &c->account_locks, stripe);
    return delta;
}

static uint32_t phase(const struct client *c)
{
    return interrupted ? PHASE_STOP : __atomic_load_n(&c->bank->phase, __ATOMIC_ACQUIRE);
}

static void run(struct client *c)
{
    struct progress *me = c->progress;
    uint64_t transactions = 0;
    int64_t moved = 0;

    me->pid = getpid();
    __atomic_store_n(&me->state, CLIENT_READY, __ATOMIC_RELEASE);
    while (phase(c) == PHASE_GATHER)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    while (phase(c) == PHASE_RUN) {
        moved += transact(c);
        __atomic_store_n(&me->moved, moved, __ATOMIC_RELAXED);
        __atomic_store_n(&me->transactions, ++transactions, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&me->state, CLIENT_DONE, __ATOMIC_RELEASE);
}

int main(int argc, char **argv)
{
    struct client client = {0};
    struct lwshm_segment_info info;
    struct sigaction action = {.sa_handler = interrupt};

    if (argc != 3) {
        fprintf(stderr, "usage: pgbench_client DATA_DIR CLIENT\n");
        return 2;
    }
    /* Told to stop, it ends its transaction first.  A terminal's Ctrl-C reaches the demo
       too, which then sees to its clients. */
    sigaction(SIGTERM, &action, NULL);
    signal(SIGINT, SIG_IGN);

    client.number = (uint32_t)strtoul(argv[2], NULL, 10);
    client.random = (uint64_t)getpid() << 32 ^ (uint64_t)now_ms(CLOCK_REALTIME);
    check(lwshm_segment_attach(argv[1], 0, &client.segment));
    check(lwshm_segment_info(client.segment, &info));
    die_with(info.creator_pid);
    find_bank(&client);
    check(lwshm_backend_join(client.segment, &client.backend));
    run(&client);
    check(lwshm_backend_leave(client.backend));
    check(lwshm_segment_close(client.segment));
    return 0;
}
