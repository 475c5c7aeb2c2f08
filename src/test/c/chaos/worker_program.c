/*
 * worker_program.c - holds and waits in both modes until it is killed, or told to stop.
 *
 *     worker_program DIRECTORY SEAT
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <lwshm/lwshm.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "chaos/ledger.h"
#include "chaos/rain.h"

static struct ledger *ledger;
static struct seat *seat;
static uint64_t me; /* seat + 1 */
static lwshm_backend *backend;
static struct lwshm_tranche tranche;
static uint64_t random_state;

static void must(int status, const char *what)
{
    if (status >= 0)
        return;
    fprintf(stderr, "worker: %s: %s\n", what, lwshm_last_error()->message);
    exit(2);
}

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % bound;
}

static void count(uint64_t *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

static int repair(lwshm_backend *b, uint64_t lock, void *argument)
{
    struct guarded *g = &ledger->guarded[(lock - tranche.offset) / LWSHM_LWLOCK_SIZE];
    (void)b;
    (void)argument;
    count(&ledger->repairs);
    g->b = g->a;
    return 0;
}

/* Mostly no time at all, sometimes long enough that others park. */
static void linger(void)
{
    uint32_t r = random_below(100);
    if (r == 0)
        nanosleep(&(struct timespec){.tv_nsec = 100000 + random_below(2000000)}, NULL);
    else
        for (volatile uint32_t i = random_below(r < 20 ? 2000 : 40); i > 0; i--) {
        }
}

static void change(struct guarded *g, int lock)
{
    if (g->a != g->b)
        count(&ledger->lost);
    seat->begun[lock]++;
    g->inside = me;
    uint64_t a = g->a, b = g->b;
    linger();
    g->a = a + 1;
    linger();
    g->b = b + 1;
    if (g->inside != me)
        count(&ledger->lost);
    seat->done[lock]++;
}

static void look(const struct guarded *g)
{
    uint64_t a = g->a;
    linger();
    if (g->b != a)
        count(&ledger->lost);
}

static bool take(uint64_t lock, enum lwshm_lwlock_mode mode)
{
    int r;
    switch (random_below(8)) {
    case 0:
        r = lwshm_lwlock_try_acquire(backend, lock, mode);
        break;
    case 1:
        r = lwshm_lwlock_acquire_timed(backend, lock, mode, random_below(3000000));
        break;
    default:
        r = lwshm_lwlock_acquire(backend, lock, mode);
        r = r == LWSHM_OK ? 1 : r;
    }
    must(r, "acquire");
    return r == 1;
}

static void do_round(void)
{
    int i = (int)random_below(LEDGER_LOCKS);
    uint64_t lock = lwshm_tranche_lock(&tranche, (uint32_t)i);
    enum lwshm_lwlock_mode mode = random_below(3) == 0 ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED;
    seat->rounds++;
    if (!take(lock, mode))
        return;
    if (mode == LWSHM_LW_EXCLUSIVE)
        change(&ledger->guarded[i], i);
    else
        look(&ledger->guarded[i]);
    if (lwshm_lwlock_is_held_by(backend, lock) != (int)mode ||
        lwshm_lwlock_release(backend, lock) < 0) {
        count(&ledger->false_recoveries);
        exit(3);
    }
}

int main(int argc, char **argv)
{
    lwshm_segment *segment;
    struct lwshm_area area;
    if (argc < 3)
        return 2;
    me = strtoul(argv[2], NULL, 10) + 1;
    random_state = ((uint64_t)getpid() << 20 | (uint64_t)clock()) + 0x9e3779b97f4a7c15ull * me;
    must(lwshm_segment_attach(argv[1], 0, &segment), "attach");
    must(lwshm_shmem_index_find(segment, "ledger", &area), "ledger");
    ledger = lwshm_shmem_pointer(segment, area.offset, area.size);
    seat = &ledger->seats[me - 1];
    must(lwshm_tranche_find(segment, "chaos", &tranche), "tranche");
    must(lwshm_tranche_on_repair(segment, &tranche, repair, NULL), "repair callback");
    must(lwshm_backend_join(segment, &backend), "join");
    let_signals_rain();
    while (ledger->stop == 0)
        do_round();
    must(lwshm_backend_leave(backend), "leave");
    must(lwshm_segment_close(segment), "close");
    return 0;
}
