/*
 * death_program.c - what is death, and what is not.
 *
 * For each case and each mode a holder meets a fate while a writer waits.  If that was its
 * death, the writer must get the lock, and hear of a death inside; if not, nobody may take the
 * lock away from it, however long it takes.
 *
 *     death_program DIRECTORY [CASE]      STOP_SECONDS=60
 *
 * To be run as the first process of a PID namespace, for the sake of PID reuse.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/chaos.h"

#define HOLDER 0
#define WAITER 1
#define BYSTANDER 2 /* the holder's child, or the one that has its pid now */
#define BYSTANDER_LOCK_OF(scene) ((scene) + 1)

static pid_t bystander;

struct fate {
    const char *name;
    bool is_death;
    enum {
        KILLED,
        ZOMBIE,
        REUSED,
        EXEC,
        FORK,
        THREADS,
        STOPPED,
        MAIN_THREAD,
        ODD_NAME,
        MAPS
    } kind;
};

static const struct fate fates[] = {
    {"stopped", false, STOPPED},
    {"its main thread ended, another holds", false, MAIN_THREAD},
    {"has a name like a dead one's", false, ODD_NAME},
    {"maps and unmaps memory all the time", false, MAPS},
    {"killed", true, KILLED},
    {"killed, with many threads", true, THREADS},
    {"killed, not yet reaped", true, ZOMBIE},
    {"killed, its pid used again", true, REUSED},
    {"runs another program", true, EXEC},
    {"killed, its forked child lives", true, FORK},
};
#define FATES (int)(sizeof fates / sizeof *fates)
/* Each case and mode has a scene, and another one for its bystander. */
#define SCENES (4 * FATES)

struct one {
    const struct fate *fate;
    enum lwshm_lwlock_mode mode;
    uint32_t scene;
};

static const char *describe(const struct one *one)
{
    static char text[128];
    snprintf(text, sizeof text, "%s, %s", one->fate->name,
             one->mode == LWSHM_LW_EXCLUSIVE ? "exclusive" : "shared");
    return text;
}

/* ---- the holder ---- */

static void hold(enum lwshm_lwlock_mode mode, int number)
{
    must(lwshm_lwlock_acquire(here.me, here.lock, mode), "the holder's acquire");
    if (mode == LWSHM_LW_EXCLUSIVE)
        here.board->a++;
    here.board->ready[number] = 1;
}

/* Until it may go; then everything must be as before. */
static void let_go(enum lwshm_lwlock_mode mode, int number)
{
    while (here.board->go[number] == 0)
        os_sleep_ns(100000);
    if (mode == LWSHM_LW_EXCLUSIVE)
        here.board->b++;
    if (lwshm_lwlock_is_held_by(here.me, here.lock) != (int)mode ||
        lwshm_lwlock_release(here.me, here.lock) < 0)
        exit(4);
    must(lwshm_backend_leave(here.me), "leave");
    here.board->done[number] = 1;
    exit(0);
}

static void *sleep_long(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void *hold_in_thread(void *argument)
{
    const struct one *one = argument;
    hold(one->mode, HOLDER);
    let_go(one->mode, HOLDER);
    return NULL;
}

static void *map_and_unmap(void *argument)
{
    for (unsigned i = 0;; i++) {
        void *p = mmap(NULL, 4096 * (1 + i % 7), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p != MAP_FAILED)
            munmap(p, 4096 * (1 + i % 7));
    }
    return argument;
}

static void start_threads(void *(*body)(void *), void *argument, int count)
{
    pthread_t thread;
    for (int i = 0; i < count; i++)
        pthread_create(&thread, NULL, body, argument);
}

/* Lives on with the mapping it inherited, whatever becomes of its parent; and holds a lock of
   its own, which is nobody's to recover. */
static void be_forked_child(const struct one *one)
{
    if (lwshm_lwlock_release(here.me, here.lock) != LWSHM_E_CLOSED)
        exit(5); /* the parent's backend is none of its business */
    must(lwshm_segment_attach(here.directory, 0, &here.segment), "the child's attach");
    must(lwshm_backend_join(here.segment, &here.me), "the child's join");
    chaos_scene(BYSTANDER_LOCK_OF(one->scene));
    hold(one->mode, BYSTANDER);
    let_go(one->mode, BYSTANDER);
}

static void be_holder(const void *argument, int number)
{
    struct one one = *(const struct one *)argument;
    switch (one.fate->kind) {
    case MAIN_THREAD:
        start_threads(hold_in_thread, &one, 1);
        await(is_ready, HOLDER);
        syscall(SYS_exit, 0);
        break;
    case THREADS:
        start_threads(sleep_long, NULL, 16);
        break;
    case MAPS:
        start_threads(map_and_unmap, NULL, 2);
        break;
    case ODD_NAME:
        prctl(PR_SET_NAME, "a) Z 1 (b");
        break;
    default:
        break;
    }
    hold(one.mode, number);
    if (one.fate->kind == EXEC) {
        while (here.board->go[number] == 0)
            os_sleep_ns(100000);
        execlp("sleep", "sleep", "1000", (char *)NULL);
        exit(6);
    }
    if (one.fate->kind == FORK && fork() == 0)
        be_forked_child(&one);
    let_go(one.mode, number);
}

/* ---- a pid used again ---- */

/* Since 6.14 every PID namespace has a pid_max of its own; before that, it is everybody's, and
   the last pid can be set instead. */
static void make_pids_scarce(pid_t wanted)
{
    struct utsname name;
    int major = 0, minor = 0;
    char text[16];
    bool has_own_max = uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
                       (major > 6 || (major == 6 && minor >= 14));
    const char *file = has_own_max ? "/proc/sys/kernel/pid_max" : "/proc/sys/kernel/ns_last_pid";
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    int length = snprintf(text, sizeof text, "%d", has_own_max ? 400 : wanted - 1);
    if (fd < 0 || write(fd, text, (size_t)length) != length)
        fprintf(stderr, "chaos: %s: %s; forking on\n", file, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* Somebody else, who also uses the segment. */
static void be_the_next(const void *argument, int number)
{
    const struct one *one = argument;
    chaos_scene(BYSTANDER_LOCK_OF(one->scene));
    hold(one->mode, number);
    let_go(one->mode, number);
}

/* Pids start again at 300, so those below never come a second time. */
static void use_up_first_pids(void)
{
    pid_t pid;
    do {
        pid = fork();
        if (pid == 0)
            _exit(0);
        waitpid(pid, NULL, 0);
    } while (pid < 300);
}

static pid_t fork_until(pid_t wanted, const struct one *one)
{
    int64_t deadline = os_monotonic_ns() + stuck_ns();
    make_pids_scarce(wanted);
    while (os_monotonic_ns() < deadline) {
        pid_t pid = fork();
        if (pid == 0 && getpid() != wanted)
            _exit(0);
        if (pid == 0) {
            chaos_enter();
            be_the_next(one, BYSTANDER);
        }
        if (pid == wanted)
            return pid;
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
    fprintf(stderr, "chaos: pid %d does not come again\n", wanted);
    exit(2);
}

/* ---- one case ---- */

/* A fixed role for bring_in(), but with a patience of its own, as everybody has. */
static pid_t set_up(const struct one *one, pid_t *waiter)
{
    chaos_scene(one->scene);
    pid_t holder = start(be_holder, one, HOLDER);
    if (!await(is_ready, HOLDER)) {
        fprintf(stderr, "chaos: %s: the holder does not hold\n", describe(one));
        exit(2);
    }
    *waiter = bring_in(WANTS_X, WAITER);
    return holder;
}

static bool bystander_is_ready(int number)
{
    (void)number;
    chaos_scene(BYSTANDER_LOCK_OF((uint32_t)number));
    bool ready = is_ready(BYSTANDER);
    chaos_scene((uint32_t)number);
    return ready;
}

static void meet_fate(const struct one *one, pid_t holder, pid_t waiter)
{
    bystander = 0;
    tally.kills += one->fate->kind != EXEC;
    switch (one->fate->kind) {
    case EXEC:
        here.board->go[HOLDER] = 1;
        break;
    case ZOMBIE:
        kill(holder, SIGKILL);
        break;
    case FORK:
        if (!await(bystander_is_ready, (int)one->scene))
            must(LWSHM_E_INVALID, "the forked child gets nowhere");
        kill_and_reap(holder);
        break;
    case REUSED:
        /* Nobody looks while the pid is nobody's. */
        kill(waiter, SIGSTOP);
        kill_and_reap(holder);
        bystander = fork_until(holder, one);
        if (!await(bystander_is_ready, (int)one->scene))
            must(LWSHM_E_INVALID, "the next with that pid gets nowhere");
        kill(waiter, SIGCONT);
        break;
    default:
        kill_and_reap(holder);
    }
}

static bool reap_player(const struct one *one, pid_t pid, int number)
{
    int status;
    if (!await(is_done, number))
        return complain(&tally.stuck, "%s: player %d is stuck", describe(one), number);
    if (pid == 0)
        return true;
    waitpid(pid, &status, 0);
    return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
           complain(&tally.false_recoveries, "%s: player %d lost its hold", describe(one), number);
}

/* The bystander has held its lock all the time, and holds it still. */
static bool check_bystander(const struct one *one)
{
    chaos_scene(BYSTANDER_LOCK_OF(one->scene));
    here.board->go[BYSTANDER] = 1;
    bool ok = reap_player(one, bystander, BYSTANDER) && check_nothing_left(describe(one), 0, true);
    chaos_scene(one->scene);
    return ok;
}

static bool run_death(const struct one *one)
{
    pid_t waiter;
    if (one->fate->kind == REUSED)
        use_up_first_pids();
    pid_t holder = set_up(one, &waiter);
    meet_fate(one, holder, waiter);
    bool ok = reap_player(one, waiter, WAITER) &&
              check_nothing_left(describe(one), one->mode == LWSHM_LW_EXCLUSIVE, true);
    if (one->fate->kind == EXEC && waitpid(holder, NULL, WNOHANG) != 0)
        ok = complain(&tally.false_recoveries, "%s: the other program has ended", describe(one));
    if (one->fate->kind == EXEC || one->fate->kind == ZOMBIE)
        kill_and_reap(holder);
    if (one->fate->kind == FORK || one->fate->kind == REUSED)
        ok = ok && check_bystander(one);
    printf("  %-48s %s\n", describe(one), ok ? "recovered" : "FAILED");
    return ok;
}

/* ---- those that live, all at once ---- */

struct living {
    struct one one;
    pid_t holder, waiter;
};

static bool is_untouched(const struct living *l)
{
    struct lwshm_lwlock_info info;
    chaos_scene(l->one.scene);
    lwshm_lwlock_info(here.segment, here.lock, &info);
    if (here.board->done[WAITER] != 0 || here.board->repairs != 0 || info.is_poisoned != 0 ||
        (l->one.mode == LWSHM_LW_EXCLUSIVE ? info.owner != (int32_t)here.board->slot[HOLDER] - 1 &&
                                                 l->one.fate->kind != MAIN_THREAD
                                           : info.shared != 1))
        return complain(&tally.false_recoveries, "%s: taken for dead", describe(&l->one));
    return true;
}

static bool end_living(struct living *l)
{
    chaos_scene(l->one.scene);
    if (l->one.fate->kind == STOPPED)
        kill(l->holder, SIGCONT);
    here.board->go[HOLDER] = 1;
    bool ok = reap_player(&l->one, l->holder, HOLDER) && reap_player(&l->one, l->waiter, WAITER) &&
              check_nothing_left(describe(&l->one), 0, true);
    printf("  %-48s %s\n", describe(&l->one), ok ? "left alone" : "FAILED");
    return ok;
}

static bool fits(const struct fate *fate, const char *filter)
{
    return filter == NULL || strstr(fate->name, filter) != NULL;
}

static struct one one_of(int fate, int mode)
{
    return (struct one){.fate = &fates[fate],
                        .mode = mode == 0 ? LWSHM_LW_EXCLUSIVE : LWSHM_LW_SHARED,
                        .scene = (uint32_t)(4 * fate + 2 * mode)};
}

int main(int argc, char **argv)
{
    struct living living[2 * FATES];
    int count = 0;
    const char *filter = argc > 2 ? argv[2] : NULL;
    const char *seconds = getenv("STOP_SECONDS");
    bool ok = true;
    if (argc < 2) {
        fprintf(stderr, "usage: death_program DIRECTORY [CASE]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    chaos_create(argv[1], SCENES);
    for (int i = 0; i < 2 * FATES; i++) {
        if (fates[i / 2].is_death || !fits(&fates[i / 2], filter))
            continue;
        struct living *l = &living[count++];
        l->one = one_of(i / 2, i % 2);
        l->holder = set_up(&l->one, &l->waiter);
        if (l->one.fate->kind == STOPPED)
            kill(l->holder, SIGSTOP);
    }
    int64_t until = os_monotonic_ns() + (seconds == NULL ? 60 : atoll(seconds)) * 1000000000;
    for (int i = 0; ok && i < 2 * FATES; i++) {
        struct one one = one_of(i / 2, i % 2);
        if (fates[i / 2].is_death && fits(&fates[i / 2], filter))
            ok = run_death(&one);
    }
    while (ok && count > 0 && os_monotonic_ns() < until) {
        must(lwshm_segment_reap_dead(here.segment), "reap");
        for (int i = 0; i < count; i++)
            ok = ok && is_untouched(&living[i]);
        os_sleep_ns(20000000);
    }
    for (int i = 0; i < count; i++)
        ok = ok && end_living(&living[i]);
    /* Whoever is left dies with us. */
    chaos_delete();
    return chaos_end("death") || !ok;
}
