/*
 * random_program.c - kill -9 at random.
 *
 * Keeps a pool of workers, C processes and JVMs, that hold and wait in both modes; kills one
 * after the other at random moments, stops some for a while, and starts each anew.  In the end
 * compares what the workers have done with what stands in shared memory.
 *
 *     random_program DIRECTORY WORKER [JAVA CLASSPATH LIBRARY]      KILLS=300
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/chaos.h"
#include "chaos/ledger.h"

#define C_WORKERS 4
#define JVMS 4
#define JVM_THREADS 2 /* seats of a JVM */
#define WORKERS (C_WORKERS + JVMS)

static struct worker {
    pid_t pid;
    int seat, seats;
    const char *jit;      /* NULL: a C process */
    uint64_t rounds;      /* last seen */
    uint64_t rounds_from; /* when it was started */
    uint64_t worth;       /* rounds of its own after which it may be killed */
    int64_t progress_ns;  /* when the rounds changed last */
    int64_t stopped_until_ns;
} workers[WORKERS];

static const char *worker_program, *java, *classpath, *library;
static struct ledger *ledger;
static uint32_t threads_killed;
static long stops, jvm_kills, early_kills;

/* The client compiler alone, the server compiler alone, none, and as it comes. */
static const char *const jits[JVMS] = {"-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation", "-Xint",
                                       "-XX:+TieredCompilation"};

static uint64_t rounds_of(const struct worker *w)
{
    uint64_t sum = 0;
    for (int i = 0; i < w->seats; i++)
        sum += ledger->seats[w->seat + i].rounds;
    return sum;
}

/* ---- starting ---- */

static void exec_worker(const struct worker *w)
{
    char seat[16];
    char native[1024];
    snprintf(seat, sizeof seat, "%d", w->seat);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (w->jit == NULL) {
        execl(worker_program, worker_program, here.directory, seat, (char *)NULL);
    } else {
        snprintf(native, sizeof native, "-Dorg.lwshm.native=%s", library);
        execlp(java, java, w->jit, "-XX:+UseSerialGC", "-Xmx32m", "-Xshare:auto",
               "-XX:-UsePerfData", native, "-cp", classpath, "org.lwshm.chaos.ChaosWorker",
               here.directory, seat, (char *)NULL);
    }
    perror("chaos: exec");
    _exit(127);
}

static void start_worker(struct worker *w)
{
    fflush(NULL);
    w->pid = fork();
    if (w->pid == 0)
        exec_worker(w);
    w->rounds = w->rounds_from = rounds_of(w);
    /* Sometimes it is killed while it starts, mostly when it works; a JVM not before it has
       had a chance to compile what it does. */
    w->worth = rand() % 8 == 0 ? 0 : (uint64_t)(rand() % (w->jit == NULL ? 1000 : 10000));
    w->progress_ns = awake_ns() + (w->jit == NULL ? 0 : 3 * stuck_ns());
    w->stopped_until_ns = 0;
}

/* ---- watching ---- */

/* In the order of /proc/<pid>/status, for whoever has to find out. */
static void show(const struct worker *w)
{
    char command[128];
    fflush(NULL);
    snprintf(command, sizeof command,
             "grep -E '^(State|VmRSS|Threads)' /proc/%d/status >&2; cat /proc/%d/wchan >&2", w->pid,
             w->pid);
    if (system(command) != 0)
        fprintf(stderr, "  (no more to be seen)");
    fputc('\n', stderr);
}

static bool watch(struct worker *w, int64_t now)
{
    int status;
    uint64_t rounds = rounds_of(w);
    if (w->stopped_until_ns != 0 && now >= w->stopped_until_ns) {
        kill(w->pid, SIGCONT);
        w->stopped_until_ns = 0;
        w->progress_ns = now;
    }
    if (rounds != w->rounds || w->stopped_until_ns != 0) {
        w->rounds = rounds;
        w->progress_ns = now;
    }
    if (waitpid(w->pid, &status, WNOHANG) == w->pid)
        return complain(&tally.false_recoveries, "worker in seat %d (%s) ended by itself: %#x",
                        w->seat, w->jit == NULL ? "C" : w->jit, status);
    if (now - w->progress_ns > stuck_ns()) {
        complain(&tally.stuck, "worker in seat %d (%s) gets nowhere", w->seat,
                 w->jit == NULL ? "C" : w->jit);
        show(w);
        return false;
    }
    return true;
}

static bool watch_for(int64_t ns)
{
    int64_t until = awake_ns() + ns;
    for (;;) {
        int64_t now = awake_ns();
        for (int i = 0; i < WORKERS; i++)
            if (workers[i].seats != 0 && !watch(&workers[i], now))
                return false;
        if (ledger->lost != 0)
            return complain(&tally.lost, "somebody inside saw half-changed data, or another");
        if (ledger->false_recoveries != 0)
            return complain(&tally.false_recoveries, "somebody's hold was gone");
        if (now >= until)
            return true;
        os_sleep_ns(1000000);
    }
}

/* ---- killing ---- */

static bool is_worth_killing(const struct worker *w)
{
    return w->seats != 0 && rounds_of(w) - w->rounds_from >= w->worth;
}

static struct worker *choose(void)
{
    static bool wants_jvm; /* until there is one, or they would hardly ever be killed */
    int first = rand() % WORKERS;
    for (int i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[(first + i) % WORKERS];
        if (is_worth_killing(w) && (w->jit != NULL) == wants_jvm) {
            wants_jvm = java != NULL && rand() % 3 == 0;
            return w;
        }
    }
    return NULL;
}

static void kill_one(void)
{
    struct worker *w = choose();
    if (w == NULL)
        return;
    early_kills += rounds_of(w) == w->rounds_from;
    jvm_kills += w->jit != NULL;
    threads_killed += (uint32_t)w->seats;
    tally.kills++;
    kill(w->pid, SIGKILL);
    /* A zombie for a while, sometimes. */
    if (rand() % 4 == 0)
        os_sleep_ns(rand() % 20000000);
    waitpid(w->pid, NULL, 0);
    start_worker(w);
}

static void stop_one(void)
{
    struct worker *w = &workers[rand() % WORKERS];
    if (w->seats == 0 || w->stopped_until_ns != 0)
        return;
    kill(w->pid, SIGSTOP);
    w->stopped_until_ns = awake_ns() + 50000000ll * (1 + rand() % 6);
    stops++;
}

/* ---- the end ---- */

static bool stop_all(void)
{
    int64_t deadline = awake_ns() + 3 * stuck_ns();
    ledger->stop = 1;
    for (int i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        int status = 0;
        if (w->seats == 0)
            continue;
        kill(w->pid, SIGCONT);
        while (waitpid(w->pid, &status, WNOHANG) == 0) {
            if (awake_ns() > deadline) {
                complain(&tally.stuck, "worker in seat %d does not end", w->seat);
                show(w);
                return false;
            }
            os_sleep_ns(1000000);
        }
        w->seats = 0;
        if (status != 0)
            return complain(&tally.false_recoveries, "worker in seat %d ended with %#x", w->seat,
                            status);
    }
    return true;
}

static bool check_lock(int lock)
{
    struct guarded *g = &ledger->guarded[lock];
    struct lwshm_lwlock_info info;
    uint64_t begun = 0, done = 0;
    here.lock = lwshm_tranche_lock(&here.tranche, (uint32_t)lock);
    /* Poisoned yet, if all who came later were told to stop; our callback puts it right. */
    if (lwshm_lwlock_try_acquire(here.me, here.lock, LWSHM_LW_EXCLUSIVE) != 1)
        return complain(&tally.stuck, "lock %d is not free", lock);
    lwshm_lwlock_release(here.me, here.lock);
    lwshm_lwlock_info(here.segment, here.lock, &info);
    if (info.owner != -1 || info.shared != 0 || info.starving != -1)
        return complain(&tally.stuck, "something is left in lock %d", lock);
    if (is_waking(here.lock))
        return complain(&tally.stuck, "a wake-up is under way in lock %d", lock);
    for (int i = 0; i < LEDGER_SEATS; i++) {
        begun += ledger->seats[i].begun[lock];
        done += ledger->seats[i].done[lock];
    }
    printf("  lock %d: %llu updates done, %llu counted, %llu of them by the killed\n", lock,
           (unsigned long long)done, (unsigned long long)g->a, (unsigned long long)(g->a - done));
    if (g->a != g->b || g->a < done || g->a > begun)
        return complain(&tally.lost, "lock %d: a %llu, b %llu, done %llu, begun %llu", lock,
                        (unsigned long long)g->a, (unsigned long long)g->b,
                        (unsigned long long)done, (unsigned long long)begun);
    return true;
}

static bool check_all(void)
{
    struct lwshm_tranche_statistics statistics;
    must(lwshm_segment_reap_dead(here.segment), "reap");
    for (int i = 0; i < LEDGER_LOCKS; i++)
        if (!check_lock(i))
            return false;
    must(lwshm_tranche_statistics(here.segment, here.tranche.id, &statistics), "statistics");
    printf("  %ld of the killed were JVMs, %ld had just started; %ld stops; %llu recoveries, %llu "
           "poisonings, %llu repairs\n",
           jvm_kills, early_kills, stops, (unsigned long long)statistics.recoveries,
           (unsigned long long)statistics.poisonings, (unsigned long long)ledger->repairs);
    if (statistics.poisonings > threads_killed)
        return complain(&tally.false_recoveries, "%llu poisonings by %u deaths",
                        (unsigned long long)statistics.poisonings, threads_killed);
    if (lwshm_backend_list(here.segment, NULL, 0) != 1 ||
        lwshm_segment_processes(here.segment, NULL, 0) != 1)
        return complain(&tally.stuck, "a slot or an entry is left");
    return true;
}

/* ---- the whole ---- */

static int repair(lwshm_backend *b, uint64_t lock, void *argument)
{
    struct guarded *g = &ledger->guarded[(lock - here.tranche.offset) / LWSHM_LWLOCK_SIZE];
    (void)b;
    (void)argument;
    g->b = g->a;
    return 0;
}

static void create(void)
{
    struct lwshm_segment_options options;
    struct lwshm_area area;
    bool found;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    lwshm_segment_options_init(&options);
    options.data_dir = here.directory;
    options.area_bytes = sizeof(struct ledger) + CACHE_LINE;
    options.max_processes = WORKERS + 3; /* little to spare: the dead ones' places are needed */
    options.max_backends = LEDGER_SEATS + 4;
    options.max_held_locks = 4;
    must(lwshm_segment_create(&options, &here.segment), "create");
    must(lwshm_shmem_init_struct(here.segment, "ledger", sizeof(struct ledger), &found, &area),
         "ledger");
    ledger = lwshm_shmem_pointer(here.segment, area.offset, area.size);
    must(lwshm_tranche_init(here.segment, "chaos", LEDGER_LOCKS + LEDGER_SEATS, &found,
                            &here.tranche),
         "tranche");
    must(lwshm_tranche_on_repair(here.segment, &here.tranche, repair, NULL), "repair callback");
    must(lwshm_segment_publish(here.segment), "publish");
    must(lwshm_backend_join(here.segment, &here.me), "join");
}

int main(int argc, char **argv)
{
    const char *text = getenv("KILLS");
    long wanted = text == NULL ? 300 : atol(text);
    if (argc != 3 && argc != 6) {
        fprintf(stderr, "usage: random_program DIRECTORY WORKER [JAVA CLASSPATH LIBRARY]\n");
        return 2;
    }
    here.directory = argv[1];
    worker_program = argv[2];
    if (argc == 6) {
        java = argv[3];
        classpath = argv[4];
        library = argv[5];
    }
    srand((unsigned)os_monotonic_ns());
    create();
    for (int i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        if (i >= C_WORKERS && java == NULL)
            break;
        w->jit = i < C_WORKERS ? NULL : jits[i - C_WORKERS];
        w->seat = i < C_WORKERS ? i : C_WORKERS + (i - C_WORKERS) * JVM_THREADS;
        w->seats = i < C_WORKERS ? 1 : JVM_THREADS;
        start_worker(w);
    }
    bool ok = true;
    while (ok && tally.kills < wanted) {
        ok = watch_for(rand() % 60 * 1000000ll);
        if (ok)
            kill_one();
        if (rand() % 8 == 0)
            stop_one();
        if (tally.kills % 500 == 499)
            lwshm_segment_reap_dead(here.segment);
    }
    /* Nobody is stuck: each gets on after the last kill, too. */
    ok = ok && watch_for(500000000) && stop_all() && check_all();
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].seats != 0)
            kill_and_reap(workers[i].pid);
    chaos_delete();
    return chaos_end("random") || !ok;
}
