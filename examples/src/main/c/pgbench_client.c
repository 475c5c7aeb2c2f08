/*
 * pgbench_client.c - a client of the pgbench example, in C.
 *
 *     pgbench_client FIRST
 *
 * The child of a postmaster: takes its place, runs transactions until the postmaster stops,
 * and leaves.  It is client FIRST + N of the bank if it is the postmaster's C child N, from
 * 0.  Client.java is the same in Java.
 *
 * If another client is killed, whoever gets a lock of its undoes what that lock guards;
 * see repair().
 *
 * When the postmaster dies, however it dies, liblwshm sends this process a SIGTERM.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <lwshm/lwshm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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
    struct intent *intents;
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

static void *find_area(lwshm_segment *segment, const char *name, uint64_t size)
{
    struct lwshm_area area;

    check(lwshm_shmem_index_find(segment, name, &area));
    if (area.size != size)
        fail("\"%s\" has %" PRIu64 " bytes, not %" PRIu64, name, area.size, size);
    return lwshm_shmem_pointer(segment, area.offset, area.size);
}

/* Where a part of a transaction has its lock. */
static uint64_t lock_of(const struct client *c, enum part part, uint32_t account, uint32_t teller)
{
    switch (part) {
    case PART_ACCOUNT:
        return lwshm_tranche_lock(&c->account_locks, account / c->bank->accounts_per_lock);
    case PART_TELLER:
        return lwshm_tranche_lock(&c->teller_locks, teller);
    case PART_BRANCH:
        return lwshm_tranche_lock(&c->branch_locks, teller / TELLERS_PER_BRANCH);
    default:
        return lwshm_tranche_lock(&c->history_lock, 0);
    }
}

/* Puts a part back to how it was. */
static void undo(struct client *c, uint32_t client, enum part part)
{
    struct intent *intent = &c->intents[client];

    switch (part) {
    case PART_ACCOUNT:
        c->accounts[intent->account].balance = intent->account_balance;
        break;
    case PART_TELLER:
        c->tellers[intent->teller].balance = intent->teller_balance;
        break;
    case PART_BRANCH:
        c->branches[intent->teller / TELLERS_PER_BRANCH].balance = intent->branch_balance;
        break;
    default:
        c->history->appended = intent->appended;
        c->history->evicted = intent->evicted;
        __atomic_store_n(&c->progress[client].moved, intent->moved, __ATOMIC_RELAXED);
        __atomic_store_n(&c->progress[client].transactions, intent->transactions, __ATOMIC_RELAXED);
        break;
    }
    /* Release: the part is as it was before it is pending no more. */
    __atomic_fetch_and(&intent->pending, ~(uint32_t)part, __ATOMIC_RELEASE);
}

/* We hold a lock, exclusively, whose holder died inside: what is pending under it was the
   dead one's, for who is alive has pending only what it holds the lock of. */
static int repair(lwshm_backend *backend, uint64_t lock, void *argument)
{
    struct client *c = argument;

    (void)backend;
    for (uint32_t i = 0; i < c->bank->clients && c->bank->undo; i++) {
        const struct intent *intent = &c->intents[i];
        uint32_t pending = __atomic_load_n(&intent->pending, __ATOMIC_ACQUIRE);

        for (enum part part = PART_ACCOUNT; part <= PART_HISTORY; part <<= 1)
            if ((pending & part) && lock_of(c, part, intent->account, intent->teller) == lock)
                undo(c, i, part);
    }
    __atomic_fetch_add(&c->bank->repairs, 1, __ATOMIC_RELAXED);
    return 0;
}

static void find_locks(struct client *c, const char *name, struct lwshm_tranche *tranche)
{
    check(lwshm_tranche_find(c->segment, name, tranche));
    check(lwshm_tranche_on_repair(c->segment, tranche, repair, c));
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
    c->intents = find_area(segment, "intents", (uint64_t)bank->clients * sizeof(struct intent));
    find_locks(c, "branches", &c->branch_locks);
    find_locks(c, "tellers", &c->teller_locks);
    find_locks(c, "accounts", &c->account_locks);
    find_locks(c, "history", &c->history_lock);
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

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t last_kill(const struct client *c)
{
    return __atomic_load_n(&c->bank->killed_at, __ATOMIC_ACQUIRE);
}

/* Takes the locks of a transaction, in the order that all do. */
static void acquire(struct client *c, uint32_t account, uint32_t teller)
{
    int64_t kill = last_kill(c);

    for (enum part part = PART_ACCOUNT; part <= PART_HISTORY; part <<= 1)
        check(lwshm_lwlock_acquire(c->backend, lock_of(c, part, account, teller),
                                   LWSHM_LW_EXCLUSIVE));
    if (last_kill(c) != kill) {
        /* Somebody was killed while we waited. */
        uint64_t waited = (uint64_t)(now_ns(CLOCK_MONOTONIC) - last_kill(c));
        uint64_t longest = __atomic_load_n(&c->bank->longest_wait, __ATOMIC_RELAXED);

        while (longest < waited &&
               !__atomic_compare_exchange_n(&c->bank->longest_wait, &longest, waited, false,
                                            __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            ;
    }
}

static void release(struct client *c, uint32_t account, uint32_t teller)
{
    for (enum part part = PART_HISTORY; part >= PART_ACCOUNT; part >>= 1)
        check(lwshm_lwlock_release(c->backend, lock_of(c, part, account, teller)));
}

/* From here on, until it is withdrawn, whoever gets one of our locks after our death undoes
   what we did. */
static void intend(struct client *c, uint32_t account, uint32_t teller)
{
    struct intent *intent = &c->intents[c->number];

    intent->account = account;
    intent->teller = teller;
    intent->account_balance = c->accounts[account].balance;
    intent->teller_balance = c->tellers[teller].balance;
    intent->branch_balance = c->branches[teller / TELLERS_PER_BRANCH].balance;
    intent->appended = c->history->appended;
    intent->evicted = c->history->evicted;
    intent->transactions = c->progress[c->number].transactions;
    intent->moved = c->progress[c->number].moved;
    /* Release: with all that is above.  The fence: before all that is changed. */
    __atomic_store_n(&intent->pending, PART_ALL, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

/* All is done; the locks are still held. */
static void withdraw(struct client *c)
{
    __atomic_store_n(&c->intents[c->number].pending, 0, __ATOMIC_RELEASE);
}

/* Into the spare row; the oldest is the spare one then, and summed up in the head. */
static void append(struct client *c, const struct history_row *row)
{
    struct history *history = c->history;
    uint32_t rows = c->bank->history_rows;

    history->rows[history->appended % rows] = *row;
    history->evicted += history->rows[(history->appended + 1) % rows].delta;
    history->appended++;
}

static void count(struct client *c, int64_t delta)
{
    struct progress *me = &c->progress[c->number];

    __atomic_store_n(&me->moved, me->moved + delta, __ATOMIC_RELAXED);
    __atomic_store_n(&me->transactions, me->transactions + 1, __ATOMIC_RELEASE);
}

/* Whether to go on: the postmaster does not stop, and nobody ends us. */
static bool goes_on(const struct client *c)
{
    return !interrupted && lwshm_postmaster_stop_mode(c->segment) == LWSHM_STOP_NONE;
}

static bool is_victim(const struct client *c)
{
    return __atomic_load_n(&c->bank->victim, __ATOMIC_ACQUIRE) == c->number + 1;
}

/* Waits to be killed; if the postmaster stops first, nobody will. */
static void halt_half_way(struct client *c)
{
    struct progress *me = &c->progress[c->number];

    __atomic_store_n(&me->halted, 1, __ATOMIC_RELEASE);
    while (is_victim(c) && goes_on(c))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    __atomic_store_n(&me->halted, 0, __ATOMIC_RELEASE);
}

static void transact(struct client *c)
{
    uint32_t account = random_below(c, c->bank->accounts);
    uint32_t teller = random_below(c, c->bank->tellers);
    uint32_t branch = teller / TELLERS_PER_BRANCH;
    int64_t delta = (int64_t)random_below(c, 2 * MAX_DELTA + 1) - MAX_DELTA;
    int64_t time = now_ns(CLOCK_REALTIME) / 1000000;
    struct history_row row = {account, teller, branch, c->number, delta, time};

    acquire(c, account, teller);
    intend(c, account, teller);
    c->accounts[account].balance += delta;
    c->tellers[teller].balance += delta;
    if (is_victim(c) && delta != 0)
        halt_half_way(c);
    c->branches[branch].balance += delta;
    append(c, &row);
    count(c, delta);
    withdraw(c);
    release(c, account, teller);
}

static void run(struct client *c)
{
    struct progress *me = &c->progress[c->number];

    __atomic_store_n(&me->halted, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&me->pid, getpid(), __ATOMIC_RELEASE);
    printf("at work as client %" PRIu32 "\n", c->number);
    while (goes_on(c))
        transact(c);
}

int main(int argc, char **argv)
{
    struct client client = {0};
    struct lwshm_backend_parameters parameters;
    struct sigaction action = {.sa_handler = interrupt};

    if (argc != 2) {
        fprintf(stderr, "usage: pgbench_client FIRST, as a postmaster's child\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);  /* it is a pipe to the postmaster */
    sigaction(SIGTERM, &action, NULL); /* told to end, it ends its transaction first */

    check(lwshm_backend_parameters_read(NULL, &parameters));
    client.number = (uint32_t)strtoul(argv[1], NULL, 10) + parameters.number;
    client.random = (uint64_t)getpid() << 32 ^ (uint64_t)now_ns(CLOCK_REALTIME);
    check(lwshm_backend_from_postmaster(&client.segment, &client.backend));
    find_bank(&client);
    run(&client);
    check(lwshm_backend_leave(client.backend));
    check(lwshm_segment_close(client.segment));
    return 0;
}
