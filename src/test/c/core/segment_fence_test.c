/*
 * The way out of a process: its backends are fenced off while its other threads hold
 * locks, wait for them, or are just about to do either.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <sys/shm.h>
#include <unistd.h>

#include "fixture.h"
#include "os/futex.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static lwshm_segment *ours, *others; /* two attachments: the one to fence, and one that stays */
static uint64_t lock, second;

static void begin(void)
{
    others = create_segment(NULL);
    struct lwshm_tranche tranche = make_tranche(others, "test", 32);
    lock = lwshm_tranche_lock(&tranche, 0);
    second = lwshm_tranche_lock(&tranche, 16); /* wants the same record as `lock` */
    ours = attach_segment();
}

static void end(void)
{
    close_segment(ours);
    end_segment(others);
}

TEST(what_fenced_backends_held_is_free_for_others_and_their_slots_too)
{
    begin();
    lwshm_backend *a = join(ours), *b = join(ours), *rival = join(others);
    CHECK_OK(lwshm_lwlock_acquire(a, lock, X));
    CHECK_OK(lwshm_lwlock_acquire(a, second, S));
    CHECK_OK(lwshm_lwlock_acquire(b, second, S));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(rival, lock, S));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(rival, second, X));
    CHECK_OK(lwshm_segment_detach(ours, LWSHM_DETACH_FENCE));
    /* Who was fenced off inside may have left half a change behind. */
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_try_acquire(rival, lock, S));
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(rival, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(rival, second, X));
    CHECK_EQ_INT(1, lwshm_backend_list(others, NULL, 0));
    CHECK_EQ_INT(1, lwshm_segment_processes(others, NULL, 0));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_release(a, lock));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_acquire(b, lock, S));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_is_held_by(b, second));
    CHECK_OK(lwshm_backend_leave(a)); /* frees the handle */
    CHECK_OK(lwshm_backend_leave(b));
    CHECK_OK(lwshm_backend_leave(rival));
    end();
}

TEST(a_fence_without_backends_is_a_plain_detach)
{
    struct shmid_ds ds;
    begin();
    CHECK_OK(lwshm_segment_detach(ours, LWSHM_DETACH_FENCE));
    CHECK_OK(lwshm_segment_detach(ours, LWSHM_DETACH_FENCE));
    CHECK_EQ_INT(0, shmctl(info_of(others).shmid, IPC_STAT, &ds));
    CHECK_EQ_UINT(1, ds.shm_nattch);
    end();
}

TEST(a_pointer_into_a_fenced_segment_reads_zeros)
{
    begin();
    lwshm_backend *backend = join(ours);
    const volatile uint64_t *magic = lwshm_shmem_pointer(ours, 0, 8);
    CHECK_EQ_UINT(layout_constant("SEGMENT_MAGIC"), *magic);
    CHECK_OK(lwshm_segment_detach(ours, LWSHM_DETACH_FENCE));
    CHECK_EQ_UINT(0, *magic);
    CHECK_OK(lwshm_backend_leave(backend));
    end();
}

TEST(a_fenced_segment_can_be_attached_again)
{
    begin();
    lwshm_backend *backend = join(ours), *again;
    CHECK_OK(lwshm_segment_detach(ours, LWSHM_DETACH_FENCE));
    lwshm_segment *next = attach_segment();
    again = join(next);
    CHECK_OK(lwshm_lwlock_acquire(again, lock, X));
    CHECK_OK(lwshm_backend_leave(again));
    close_segment(next);
    CHECK_OK(lwshm_backend_leave(backend));
    end();
}

struct waiter {
    enum lwshm_lwlock_mode mode;
    int result;
    pthread_t thread;
    lwshm_backend *backend;
};

static void *wait_for_the_lock(void *arg)
{
    struct waiter *w = arg;
    w->result = lwshm_lwlock_acquire(w->backend, lock, w->mode);
    return NULL;
}

static void a_waiter_hears_that_it_is_closed(enum lwshm_lwlock_mode held,
                                             enum lwshm_lwlock_mode wanted)
{
    begin();
    struct waiter w = {.mode = wanted, .backend = join(ours)};
    lwshm_backend *holder = join(others);
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, held));
    CHECK_EQ_INT(0, pthread_create(&w.thread, NULL, wait_for_the_lock, &w));
    AWAIT(somebody_waits(others, lock, wanted));
    CHECK_OK(lwshm_segment_detach(ours, LWSHM_DETACH_FENCE));
    CHECK_EQ_INT(0, pthread_join(w.thread, NULL));
    CHECK_EQ_INT(LWSHM_E_CLOSED, w.result);
    CHECK_EQ_INT(1, lwshm_backend_list(others, NULL, 0));
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(holder, lock, X)); /* nobody left a trace */
    CHECK_OK(lwshm_backend_leave(holder));
    CHECK_OK(lwshm_backend_leave(w.backend));
    end();
}

TEST(a_fenced_writer_that_waits_for_a_writer_hears_that_it_is_closed)
{
    a_waiter_hears_that_it_is_closed(X, X);
}

TEST(a_fenced_reader_that_waits_for_a_writer_hears_that_it_is_closed)
{
    a_waiter_hears_that_it_is_closed(X, S);
}

TEST(a_fenced_writer_that_waits_for_a_reader_hears_that_it_is_closed)
{
    a_waiter_hears_that_it_is_closed(S, X);
}

/* ---- threads that never stop taking and releasing ---- */

static bool stop;

static void *take_and_release(void *arg)
{
    struct waiter *w = arg;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        w->result = lwshm_lwlock_acquire(w->backend, lock, w->mode);
        if (w->result == LWSHM_E_CLOSED)
            break;
        if (w->result < 0)
            FAIL("%s", lwshm_last_error()->message);
        w->result = lwshm_lwlock_release(w->backend, lock);
        if (w->result == LWSHM_E_CLOSED)
            break;
    }
    return NULL;
}

TEST(threads_in_the_midst_of_locking_are_fenced_off_and_others_go_on)
{
    for (int round = 0; round < 300; round++) {
        begin();
        struct waiter w[3] = {{.mode = X}, {.mode = S}, {.mode = X}};
        lwshm_backend *rival = join(others);
        for (int i = 0; i < 3; i++) {
            w[i].backend = join(ours);
            CHECK_EQ_INT(0, pthread_create(&w[i].thread, NULL, take_and_release, &w[i]));
        }
        for (int i = 0; i < 20; i++) {
            CHECK_OK(lwshm_lwlock_acquire(rival, lock, X));
            CHECK_OK(lwshm_lwlock_release(rival, lock));
        }
        CHECK_OK(lwshm_segment_detach(ours, LWSHM_DETACH_FENCE));
        CHECK_OK(lwshm_lwlock_acquire_for_repair(rival, lock)); /* poisoned, as the case may be */
        for (int i = 0; i < 3; i++) {
            CHECK_EQ_INT(0, pthread_join(w[i].thread, NULL));
            CHECK_EQ_INT(LWSHM_E_CLOSED, w[i].result);
        }
        CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(rival, lock));
        CHECK_OK(lwshm_backend_leave(rival));
        for (int i = 0; i < 3; i++)
            CHECK_OK(lwshm_backend_leave(w[i].backend));
        end();
    }
}

TEST(a_removed_segment_is_fenced_off_all_the_same)
{
    begin();
    lwshm_backend *backend = join(ours);
    CHECK_OK(lwshm_lwlock_acquire(backend, lock, X));
    CHECK_EQ_INT(0, shmctl(info_of(ours).shmid, IPC_RMID, NULL));
    CHECK_OK(lwshm_segment_detach(ours, LWSHM_DETACH_FENCE));
    CHECK_EQ_INT(0, lwshm_backend_list(others, NULL, 0));
    CHECK_OK(lwshm_backend_leave(backend));
    end();
}

static void *try_all_the_time(void *arg)
{
    struct waiter *w = arg;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        w->result = lwshm_lwlock_try_acquire(w->backend, second, X);
        if (w->result < 0)
            break;
        CHECK_OK(lwshm_lwlock_release(w->backend, second));
    }
    return NULL;
}

TEST(a_detach_that_is_refused_disturbs_nobody)
{
    begin();
    struct waiter w = {.mode = X, .backend = join(ours)}, t = {.backend = join(ours)};
    lwshm_backend *holder = join(others);
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_EQ_INT(0, pthread_create(&w.thread, NULL, wait_for_the_lock, &w));
    CHECK_EQ_INT(0, pthread_create(&t.thread, NULL, try_all_the_time, &t));
    AWAIT(somebody_waits(others, lock, X));
    uint32_t *xfut = field_at(lwshm_shmem_pointer(others, lock, 64), "lwlock.xfut");
    for (int i = 0; i < 10000; i++) {
        if (i % 4 == 0)
            os_futex_wake(xfut, 1); /* it looks around, */
        CHECK_FAILS(LWSHM_E_BUSY, lwshm_segment_detach(ours, LWSHM_DETACH_UNMAP)); /* now */
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_EQ_INT(0, pthread_join(w.thread, NULL));
    CHECK_EQ_INT(0, pthread_join(t.thread, NULL));
    CHECK_EQ_INT(LWSHM_OK, w.result);
    CHECK_OK(t.result);
    CHECK_OK(lwshm_backend_leave(w.backend));
    CHECK_OK(lwshm_backend_leave(t.backend));
    CHECK_OK(lwshm_backend_leave(holder));
    end();
}

TEST(when_acquires_are_refused_sleepers_give_up_and_holders_still_release)
{
    begin();
    struct waiter w[2] = {{.mode = X, .backend = join(ours)}, {.mode = S, .backend = join(ours)}};
    lwshm_backend *inside = join(ours), *holder = join(others);
    CHECK_OK(lwshm_lwlock_acquire(holder, lock, X));
    CHECK_OK(lwshm_lwlock_acquire(inside, second, X));
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(0, pthread_create(&w[i].thread, NULL, wait_for_the_lock, &w[i]));
        AWAIT(somebody_waits(others, lock, w[i].mode));
    }
    CHECK_OK(lwshm_segment_refuse_acquires(ours));
    for (int i = 0; i < 2; i++) { /* while the lock is held */
        CHECK_EQ_INT(0, pthread_join(w[i].thread, NULL));
        CHECK_EQ_INT(LWSHM_E_CLOSED, w[i].result);
    }
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_acquire(w[0].backend, second, S));
    CHECK_FAILS(LWSHM_E_CLOSED, lwshm_lwlock_try_acquire(w[0].backend, second, S));
    CHECK_OK(lwshm_lwlock_release(inside, second));
    CHECK_OK(lwshm_segment_detach(ours, LWSHM_DETACH_FENCE));
    CHECK_OK(lwshm_lwlock_release(holder, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(holder, lock, X));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(holder, second, X)); /* not poisoned, either */
    CHECK_OK(lwshm_backend_leave(inside));
    CHECK_OK(lwshm_backend_leave(w[0].backend));
    CHECK_OK(lwshm_backend_leave(w[1].backend));
    CHECK_OK(lwshm_backend_leave(holder));
    end();
}
