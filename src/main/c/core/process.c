/* SPDX-License-Identifier: Apache-2.0 */
#include "lwshm/process.h"

#include <errno.h>
#include <inttypes.h>

#include "core/segment.h"
#include "core/status.h"
#include "os/file_lock.h"
#include "os/pidfd.h"
#include "os/process.h"
#include "os/signals.h"

uint64_t lwshm_process_self(void)
{
    return os_process_self();
}

uint64_t lwshm_process_identity(int32_t pid)
{
    return os_process_identity(pid);
}

int lwshm_process_is_dead(uint64_t process)
{
    return os_process_is_dead(process);
}

static int check_somebody(uint64_t process)
{
    return lwshm_process_pid(process) != 0
               ? LWSHM_OK
               : fail(LWSHM_E_INVALID, "%" PRIu64 " is nobody's identity; pass a process's",
                      process);
}

static int fail_pidfd(int err, uint64_t process, const char *what)
{
    fail_system(err, "process %d cannot be %s", lwshm_process_pid(process), what);
    switch (err) {
    case ENOSYS:
        return with_hint("; it takes Linux 5.3 or later");
    case ENOENT:
        return with_hint("; /proc must show it (mount /proc, hidepid=0)");
    case EMFILE:
    case ENFILE:
        return with_hint("; close some files, or raise the limit on them (ulimit -n)");
    default:
        return LWSHM_E_SYSTEM;
    }
}

int lwshm_process_await_end(uint64_t process, int64_t timeout_ms)
{
    int r = check_somebody(process);
    if (r < 0)
        return r;
    r = os_process_await_end(process, timeout_ms);
    return r < 0 ? fail_pidfd(-r, process, "watched: pidfd") : r;
}

int lwshm_process_signal(uint64_t process, int signal)
{
    int r = check_somebody(process);
    if (r < 0)
        return r;
    r = os_process_signal(process, signal);
    if (r == -ESRCH)
        return with_values(
            fail(LWSHM_E_NOT_FOUND, "process %d has ended", lwshm_process_pid(process)), 1,
            (int64_t)lwshm_process_pid(process));
    if (r == -EINVAL)
        return fail(LWSHM_E_INVALID, "%d is no signal; choose one of 1 to 64, or 0 to send none",
                    signal);
    return r < 0 ? fail_pidfd(-r, process, "signalled: pidfd") : LWSHM_OK;
}

int lwshm_process_place(struct lwshm_process_place *place)
{
    if (place == NULL)
        return fail(LWSHM_E_INVALID, "place must not be NULL");
    int r = segment_check_proc();
    if (r < 0)
        return r;
    place->pid_namespace = os_process_namespaces();
    place->ipc_namespace = os_namespace("ipc");
    os_boot_id(place->boot_id);
    return LWSHM_OK;
}

int lwshm_process_heed(int signal)
{
    int r = os_signal_heed(signal);
    return r < 0 ? fail(LWSHM_E_INVALID, "signal %d is none that can be ignored or heard", signal)
                 : LWSHM_OK;
}

int lwshm_file_lock(const char *path)
{
    if (path == NULL)
        return fail(LWSHM_E_INVALID, "the path of a file to lock is NULL");
    int r = os_file_lock(path);
    switch (-r) {
    case EWOULDBLOCK:
        return fail(LWSHM_E_IN_USE, "another process has the lock on \"%s\"", path);
    case ENOENT:
    case ENOTDIR:
        return fail(LWSHM_E_NOT_FOUND, "there is no file \"%s\" to lock; make it first", path);
    case EINVAL:
    case ELOOP:
        return fail(LWSHM_E_INVALID,
                    "\"%s\" is no regular file, and neither links nor others are locked; remove it",
                    path);
    default:
        return r < 0 ? fail_system(-r, "file \"%s\" cannot be locked", path) : r;
    }
}

int lwshm_file_lock_is_at(int lock, const char *path)
{
    if (path == NULL)
        return fail(LWSHM_E_INVALID, "the path of a lock's file is NULL");
    int r = os_file_lock_is_at(lock, path);
    return r < 0 ? fail_system(-r, "whether lock %d is on \"%s\" cannot be told", lock, path) : r;
}

int lwshm_file_unlock(int lock)
{
    int r = os_file_unlock(lock);
    return r < 0 ? fail_system(-r, "lock %d cannot be given back", lock) : LWSHM_OK;
}
