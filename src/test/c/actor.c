/*
 * actor.c - see actor.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "actor.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static void act_as_told(void *arg)
{
    struct actor *self = arg;
    struct acting acting = {.segment = attach_segment()};
    acting.me = join(acting.segment);
    self->slot = backend_info_of(acting.me).slot;
    for (uint32_t turn = 0;; turn++) {
        __atomic_store_n(&self->done, turn, __ATOMIC_RELEASE);
        while (__atomic_load_n(&self->told, __ATOMIC_ACQUIRE) == turn)
            testing_nap();
        if (self->call == NULL)
            break;
        self->result = self->call(&acting, self->what, self->argument);
    }
    CHECK_OK(lwshm_backend_release_all(acting.me));
    CHECK_EQ_INT(0, lwshm_backend_leave(acting.me));
    close_segment(acting.segment);
}

struct actor *actor_start(void)
{
    struct actor *actor = shared_zeros(sizeof *actor);
    actor->done = UINT32_MAX;
    actor->pid = test_fork(act_as_told, actor);
    AWAIT(actor_is_done(actor));
    return actor;
}

void actor_tell(struct actor *actor, act *call, uint64_t what, uint64_t argument)
{
    actor->call = call;
    actor->what = what;
    actor->argument = argument;
    __atomic_add_fetch(&actor->told, 1, __ATOMIC_RELEASE);
}

bool actor_is_done(const struct actor *actor)
{
    return __atomic_load_n(&actor->done, __ATOMIC_ACQUIRE) == actor->told;
}

int actor_result(struct actor *actor)
{
    AWAIT(actor_is_done(actor));
    return actor->result;
}

int actor_do(struct actor *actor, act *call, uint64_t what, uint64_t argument)
{
    actor_tell(actor, call, what, argument);
    return actor_result(actor);
}

void actor_end(struct actor *actor)
{
    actor_tell(actor, NULL, 0, 0);
    TEST_WAIT(actor->pid);
}

void actor_stop(struct actor *actor)
{
    siginfo_t info = {0};
    if (kill(actor->pid, SIGSTOP) < 0 || waitid(P_PID, (id_t)actor->pid, &info, WSTOPPED) < 0)
        FAIL("cannot stop process %d", (int)actor->pid);
}

bool actor_waits_for(const lwshm_segment *segment, const struct actor *actor, uint64_t what)
{
    struct lwshm_backend_info infos[64];
    int count = CHECK_OK(lwshm_backend_list(segment, infos, 64));
    for (int i = 0; i < count && i < 64; i++)
        if (infos[i].slot == actor->slot)
            return infos[i].wait_lock == what;
    return false;
}

/* ---- calls ---- */

int act_acquire(const struct acting *self, uint64_t lock, uint64_t mode)
{
    return lwshm_lwlock_acquire(self->me, lock, (enum lwshm_lwlock_mode)mode);
}

int act_try_acquire(const struct acting *self, uint64_t lock, uint64_t mode)
{
    return lwshm_lwlock_try_acquire(self->me, lock, (enum lwshm_lwlock_mode)mode);
}

int act_acquire_for_repair(const struct acting *self, uint64_t lock, uint64_t unused)
{
    (void)unused;
    return lwshm_lwlock_acquire_for_repair(self->me, lock);
}

int act_mark_consistent(const struct acting *self, uint64_t lock, uint64_t unused)
{
    (void)unused;
    return lwshm_lwlock_mark_consistent(self->me, lock);
}

int act_release(const struct acting *self, uint64_t lock, uint64_t unused)
{
    (void)unused;
    return lwshm_lwlock_release(self->me, lock);
}

int act_acquire_or_wait(const struct acting *self, uint64_t lock, uint64_t unused)
{
    (void)unused;
    return lwshm_lwlock_acquire_or_wait(self->me, lock);
}

int act_reap(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)unused;
    (void)unused2;
    return lwshm_segment_reap_dead(self->segment);
}
