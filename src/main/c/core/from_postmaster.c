/*
 * from_postmaster.c - a child finds its place, and ends with its postmaster.
 *
 * What the threads here need is theirs, and not the segment's: a child that has left everything
 * still ends with its postmaster.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <pthread.h>

#include "core/handle.h"
#include "lwshm/postmaster.h"
#include "lwshm/process.h"
#include "os/clock.h"
#include "os/signals.h"

#define WATCHER_STACK ((size_t)256 * 1024)
#define LOOK_AGAIN_NS 1000000000

/* ---- the watch ---- */

static struct {
    uint64_t postmaster; /* identity */
    uint32_t grace_ms;
} watched;

static void watch(void *unused)
{
    (void)unused;
    /* Without pidfds the kernel's own signal comes first (PR_SET_PDEATHSIG, which the postmaster
       sets); this is for a child that does not end of it. */
    if (lwshm_process_await_end(watched.postmaster, -1) < 0)
        while (!os_process_is_dead(watched.postmaster))
            os_sleep_ns(LOOK_AGAIN_NS);
    os_signal_self(SIGTERM);
    os_sleep_ns(watched.grace_ms * (int64_t)1000000);
    os_signal_self(SIGKILL);
}

static int start_watch(const struct lwshm_backend_parameters *p)
{
    watched.postmaster = p->postmaster;
    watched.grace_ms = p->grace_ms;
    int r = os_thread_start(watch, NULL, WATCHER_STACK);
    return r < 0 ? fail_system(-r, "no thread can be started to watch the postmaster") : LWSHM_OK;
}

/* ---- finding the place ---- */

static int check_postmaster(const struct lwshm_backend_parameters *p)
{
    uint64_t here = os_process_namespaces();
    if (p->pid_namespace != here)
        return with_values(fail(LWSHM_E_NAMESPACE,
                                "the postmaster is in PID namespace %" PRIu64
                                ", time namespace %" PRIu64 ", and this process in %" PRIu64
                                " and %" PRIu64
                                ", so it could not watch the postmaster; start it in the same ones",
                                p->pid_namespace & 0xffffffff, p->pid_namespace >> 32,
                                here & 0xffffffff, here >> 32),
                           2, (int64_t)here, (int64_t)p->pid_namespace);
    if (os_process_is_dead(p->postmaster))
        return fail(LWSHM_E_PARAMETERS,
                    "the postmaster, process %d, has ended; start another, which starts its "
                    "children itself",
                    os_identity_pid(p->postmaster));
    return LWSHM_OK;
}

static int take_place(lwshm_segment **segment, lwshm_backend **backend)
{
    struct lwshm_backend_parameters p;
    int r = lwshm_backend_parameters_read(NULL, &p);
    if (r < 0 || (r = check_postmaster(&p)) < 0 ||
        (r = lwshm_segment_attach(p.data_dir, p.mode, segment)) < 0)
        return r;
    os_signal_ignore_if_default(SIGHUP);
    if ((r = lwshm_backend_join_slot(*segment, &p, backend)) < 0)
        goto close;
    if ((r = start_watch(&p)) == LWSHM_OK)
        return LWSHM_OK;
    lwshm_backend_leave(*backend);
close:
    lwshm_segment_close(*segment);
    *segment = NULL;
    *backend = NULL;
    return r;
}

int lwshm_backend_from_postmaster(lwshm_segment **segment, lwshm_backend **backend)
{
    static bool taken;
    if (__atomic_exchange_n(&taken, true, __ATOMIC_SEQ_CST))
        return fail(LWSHM_E_INVALID, "this process has taken its place from the postmaster before, "
                                     "which it does once; use the segment and the backend of then");
    int r = take_place(segment, backend);
    if (r < 0)
        __atomic_store_n(&taken, false, __ATOMIC_SEQ_CST);
    return r;
}

/* ---- SIGHUP ---- */

static struct {
    pthread_mutex_t mutex;
    bool is_started;
    int fd;
    lwshm_reload *reload;
    void *argument;
} reloading = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void reload_again_and_again(void *unused)
{
    (void)unused;
    while (os_signal_await(reloading.fd) >= 0) {
        pthread_mutex_lock(&reloading.mutex);
        lwshm_reload *reload = reloading.reload;
        void *argument = reloading.argument;
        pthread_mutex_unlock(&reloading.mutex);
        if (reload != NULL)
            reload(argument);
    }
}

/* With the mutex. */
static int start_reloading(void)
{
    if (reloading.is_started)
        return 0;
    int r = os_signal_catch(SIGHUP);
    if (r < 0)
        return r;
    reloading.fd = r;
    if ((r = os_thread_start(reload_again_and_again, NULL, 0)) < 0)
        return r;
    reloading.is_started = true;
    return 0;
}

int lwshm_postmaster_on_reload(lwshm_reload *reload, void *argument)
{
    pthread_mutex_lock(&reloading.mutex);
    int r = reload == NULL ? 0 : start_reloading();
    if (r == 0) {
        reloading.reload = reload;
        reloading.argument = argument;
    }
    pthread_mutex_unlock(&reloading.mutex);
    return r < 0 ? fail_system(-r, "SIGHUP cannot be waited for") : LWSHM_OK;
}
