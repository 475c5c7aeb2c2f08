/* SPDX-License-Identifier: Apache-2.0 */
#include "core/process_entry.h"

#include <errno.h>
#include <string.h>

#include "core/death.h"
#include "core/recover.h"
#include "os/clock.h"

#define RETRY_NS 1000000

static uint64_t identity_at(const lwshm_segment *s, uint32_t i)
{
    return __atomic_load_n(&process_at(s, i)->identity, __ATOMIC_ACQUIRE);
}

/* ---- entering ---- */

/* Describes this process in its entry, which is its own by the byte's lock or by claim(). */
static void describe(struct process_entry *entry)
{
    entry->attached_at = os_realtime_us();
    __atomic_store_n(&entry->process, os_process_self(), __ATOMIC_RELAXED);
    __atomic_store_n(&entry->namespaces, os_process_namespaces(), __ATOMIC_RELAXED);
}

/* Takes entry `i` if its byte can be locked: 1, 0, or a status. */
static int take(lwshm_segment *s, const struct directory_lock *lock, uint32_t i)
{
    int r = os_members_hold_again(&s->members, member_byte(i), true, &s->hold);
    if (r == -EAGAIN)
        return 0;
    if (r == 0 && (r = members_note(lock->fd, i)) < 0)
        os_members_release(s->hold);
    if (r < 0) {
        s->hold = NULL;
        fail(LWSHM_E_DATA_DIR, "file \"%s/%s\" cannot be locked and written: %s", lock->path,
             OS_MEMBERS_FILE, strerror(-r));
        return with_file_hint(-r);
    }
    struct process_entry *entry = process_at(s, i);
    uint64_t dead = identity_at(s, i);
    s->process = i;
    if (dead != 0)
        recover_process(s, i, dead);
    describe(entry);
    s->identity = (uint64_t)os_identity_pid(os_process_self()) | ++entry->occupancies
                                                                     << IDENTITY_PID_BITS;
    /* release: whoever reads the identity sees what describes it */
    __atomic_store_n(&entry->identity, s->identity, __ATOMIC_RELEASE);
    return 1;
}

/* The byte of entry `i` is locked.  True if that lock ends soon: a process is recovering, entering or
   leaving the entry, or the entry's process has been killed. */
static bool is_locked_briefly(lwshm_segment *s, const struct directory_lock *lock, uint32_t i)
{
    return os_members_is_locked(lock->fd, member_byte(i), false) == 0 || death_is_near(s, i);
}

/* Takes some entry: 1, 0 if there is none, or a status.  *busy: one will be free soon. */
static int take_any(lwshm_segment *s, const struct directory_lock *lock, bool *busy)
{
    *busy = false;
    for (uint32_t i = 0; i < s->max_processes; i++) {
        if (os_members_is_locked(lock->fd, member_byte(i), true) == 1) {
            *busy = *busy || is_locked_briefly(s, lock, i);
            continue;
        }
        int r = take(s, lock, i);
        if (r != 0)
            return r;
        *busy = true;
    }
    return 0;
}

static int claim_any(lwshm_segment *s)
{
    s->identity = os_process_self();
    for (uint32_t i = 0; i < s->max_processes; i++) {
        struct process_entry *entry = process_at(s, i);
        uint64_t nobody = 0;
        /* acq_rel: pairs with the CAS to 0 of whoever had it before */
        if (identity_at(s, i) == 0 &&
            __atomic_compare_exchange_n(&entry->identity, &nobody, s->identity, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            describe(entry);
            s->process = i;
            return 1;
        }
    }
    return 0;
}

int process_enter(lwshm_segment *s, const struct directory_lock *lock)
{
    int64_t deadline = os_monotonic_ns() + LWSHM_PATIENCE_MS * 1000000ll;
    bool busy;
    int r;
    if (lock == NULL) {
        if ((r = claim_any(s)) == 0) {
            recover_all(s);
            r = claim_any(s);
        }
    } else {
        while ((r = take_any(s, lock, &busy)) == 0 && busy && os_monotonic_ns() < deadline)
            os_sleep_ns(RETRY_NS);
    }
    if (r != 0)
        return r < 0 ? r : LWSHM_OK;
    return with_values(fail(LWSHM_E_LIMIT,
                            "all %u process entries of the segment are taken by live processes; "
                            "create it with a larger max_processes",
                            s->max_processes),
                       2, (int64_t)1, (int64_t)0);
}

void process_sign_off(lwshm_segment *s)
{
    uint64_t me = s->identity;
    /* release: what we did before is seen by who enters next */
    __atomic_compare_exchange_n(&process_at(s, s->process)->identity, &me, 0, false,
                                __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

int process_sign_on_again(lwshm_segment *s)
{
    uint64_t none = 0;
    if (__atomic_compare_exchange_n(&process_at(s, s->process)->identity, &none, s->identity, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return LWSHM_OK;
    return process_enter(s, NULL); /* another process took the entry of a private segment */
}

void process_let_go(lwshm_segment *s)
{
    os_members_release(s->hold);
    s->hold = NULL;
}

void process_leave(lwshm_segment *s)
{
    /* The identity first: one that is found without the lock is a dead process's. */
    process_sign_off(s);
    process_let_go(s);
}

/* ---- the public calls ---- */

int lwshm_segment_reap_dead(lwshm_segment *s)
{
    if (!is_open(s))
        return fail_closed(s);
    return (int)recover_all(s);
}

int lwshm_segment_processes(const lwshm_segment *s, int32_t *pids, uint32_t capacity)
{
    uint32_t count = 0;
    if (!is_open(s))
        return fail_closed(s);
    for (uint32_t i = 0; i < s->max_processes; i++) {
        uint64_t identity = identity_at(s, i);
        if (identity == 0)
            continue;
        if (count < capacity)
            pids[count] = os_identity_pid(identity);
        count++;
    }
    return (int)count;
}
