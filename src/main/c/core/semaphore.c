/*
 * semaphore.c - counting semaphores.
 *
 * state, one word: bits 0..30 the permits that are there, bit 63 WAIT: somebody may be parked.
 * Who parks reads `futex`, then looks at the state, then sets WAIT; who adds permits takes WAIT
 * off, raises `futex` and wakes all.
 *
 * An owned semaphore also says for each backend slot how many permits it has, and of which
 * generation that backend was.  These numbers and the state change together, under the
 * semaphore's lock, holder first: a backend killed inside poisons the lock, and the next one
 * counts the permits anew from what the holders say.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lwshm/semaphore.h"

#include <errno.h>

#include "core/backend_slot.h"
#include "core/lock.h"
#include "core/lwlock_slow.h"
#include "core/lwlock_wait.h"
#include "core/recover.h"
#include "core/shmem.h"
#include "os/clock.h"
#include "os/futex.h"

#define SEMAPHORE_MAGIC 0x4d45534d4853574cull /* "LWSHMSEM" */
#define STATE_WAIT (1ull << 63)
/* Between two looks at holders that find those, too, that live on without the segment (an exec).
   They cost more, so all waiters of a semaphore share them. */
#define THOROUGH_LOOK_NS 250000000
/* What a time-out has in addition for the semaphore's own lock.  Its holders do a few steps, and
   that one of them is at it, or died at it, must not look as if there were no permits. */
#define LOCK_GRACE_NS 20000000

struct semaphore {
    uint64_t magic;
    uint64_t state;
    uint32_t futex;
    uint32_t kind;
    uint64_t total;         /* owned: permits there and held, together */
    uint64_t lock;          /* owned: offset of its lock */
    uint32_t holders_count; /* owned: of holders[] */
    uint32_t reserved;
    int64_t looked_at; /* owned: os_monotonic_ns() of the last thorough look */
    uint64_t reserved2;
    uint64_t holders[]; /* owned: by slot, generation << 32 | permits */
};
static_assert(sizeof(struct semaphore) == CACHE_LINE, "head of a semaphore");

static int32_t permits_of(uint64_t state)
{
    return (int32_t)(state & 0x7fffffff);
}

/* ---- making and finding ---- */

uint64_t lwshm_semaphore_size(enum lwshm_semaphore_kind kind, uint32_t max_backends)
{
    return sizeof(struct semaphore) + (kind == LWSHM_SEMAPHORE_OWNED ? 8ull * max_backends : 0);
}

static void init(void *area, const void *argument)
{
    *(struct semaphore *)area = *(const struct semaphore *)argument;
}

/* Is there a semaphore in that area, and does all of it fit? */
static int check_area(const lwshm_segment *s, const char *name, const struct lwshm_area *area,
                      struct lwshm_semaphore *semaphore)
{
    const struct semaphore *sem = at(s, area->offset);
    if (area->size < sizeof *sem || sem->magic != SEMAPHORE_MAGIC ||
        (sem->kind != LWSHM_SEMAPHORE_PLAIN && sem->kind != LWSHM_SEMAPHORE_OWNED) ||
        area->size != lwshm_semaphore_size(sem->kind, s->max_backends) ||
        (sem->kind == LWSHM_SEMAPHORE_OWNED && !is_lock(s, sem->lock)))
        return fail(LWSHM_E_NOT_FOUND, "struct \"%s\" is no semaphore", name);
    *semaphore = (struct lwshm_semaphore){.offset = area->offset, .kind = sem->kind};
    return LWSHM_OK;
}

int lwshm_semaphore_init(lwshm_segment *s, const char *name, int32_t permits,
                         enum lwshm_semaphore_kind kind, bool *found,
                         struct lwshm_semaphore *semaphore)
{
    struct lwshm_tranche tranche = {.offset = 0};
    struct lwshm_area area;
    int r = check_name("semaphore", name, LWSHM_STRUCT_NAME_MAX);
    if (r < 0)
        return r;
    if (!is_open(s))
        return fail_closed(s);
    if (permits < 0)
        return fail(LWSHM_E_INVALID,
                    "semaphore \"%s\" with %d permits was asked for; it takes 0 or "
                    "more",
                    name, permits);
    if (kind != LWSHM_SEMAPHORE_PLAIN && kind != LWSHM_SEMAPHORE_OWNED)
        return fail(LWSHM_E_INVALID,
                    "semaphore \"%s\" of kind %d was asked for; it takes "
                    "LWSHM_SEMAPHORE_PLAIN or LWSHM_SEMAPHORE_OWNED",
                    name, kind);
    if (kind == LWSHM_SEMAPHORE_OWNED && (r = lwshm_tranche_init(s, name, 1, found, &tranche)) < 0)
        return r;
    struct semaphore fresh = {
        .magic = SEMAPHORE_MAGIC,
        .state = (uint64_t)permits,
        .kind = kind,
        .total = (uint64_t)permits,
        .lock = tranche.offset,
        .holders_count = kind == LWSHM_SEMAPHORE_OWNED ? s->max_backends : 0,
    };
    r = shmem_init_struct(s, name, lwshm_semaphore_size(kind, s->max_backends), init, &fresh, found,
                          &area);
    return r < 0 ? r : check_area(s, name, &area, semaphore);
}

int lwshm_semaphore_find(const lwshm_segment *s, const char *name,
                         struct lwshm_semaphore *semaphore)
{
    struct lwshm_area area;
    int r = lwshm_shmem_index_find(s, name, &area);
    return r < 0 ? r : check_area(s, name, &area, semaphore);
}

/* ---- the owned kind ---- */

static uint64_t *holder_of(const lwshm_backend *b, struct semaphore *sem)
{
    return &sem->holders[b->number];
}

static int32_t held_by(const lwshm_backend *b, struct semaphore *sem)
{
    uint64_t holder = load(holder_of(b, sem));
    return holder >> 32 == b->generation >> RECORD_GENERATION_SHIFT ? permits_of(holder) : 0;
}

static void set_held_by(const lwshm_backend *b, struct semaphore *sem, int32_t permits)
{
    uint64_t generation = b->generation >> RECORD_GENERATION_SHIFT;
    __atomic_store_n(holder_of(b, sem), permits == 0 ? 0 : generation << 32 | (uint32_t)permits,
                     __ATOMIC_SEQ_CST);
}

static void wake_waiters(struct semaphore *sem)
{
    __atomic_add_fetch(&sem->futex, 1, __ATOMIC_SEQ_CST);
    os_futex_wake(&sem->futex, OS_FUTEX_WAKE_ALL);
}

/* Under the lock: what is there, from what is held; if that is more, waiters hear of it. */
static void set_permits(struct semaphore *sem, int32_t permits)
{
    uint64_t state = load(&sem->state), next;
    do
        next = permits > permits_of(state) ? (uint64_t)permits
                                           : (state & STATE_WAIT) | (uint64_t)permits;
    while (!__atomic_compare_exchange_n(&sem->state, &state, next, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST));
    if (((state & ~next) & STATE_WAIT) != 0)
        wake_waiters(sem);
}

/* Under the lock: takes back what backends have that left or died, and counts anew.  `looks`: sees
   whether those that are joined are alive.  A caller that only tries looks now and then, too. */
static void recount(lwshm_segment *s, struct semaphore *sem, bool looks)
{
    int64_t there = (int64_t)sem->total, now = os_monotonic_ns();
    bool thorough = now - sem->looked_at >= THOROUGH_LOOK_NS;
    if (thorough)
        sem->looked_at = now;
    for (uint32_t i = 0; i < s->max_backends; i++) {
        uint64_t holder = load(&sem->holders[i]);
        if (holder == 0)
            continue;
        if (looks || thorough)
            recover_if_dead(s, i, thorough);
        uint64_t identity = load(&slot_at(s, i)->identity);
        if (slot_state(identity) == BACKEND_JOINED && slot_generation(identity) == holder >> 32)
            there -= permits_of(holder);
        else
            __atomic_store_n(&sem->holders[i], 0, __ATOMIC_SEQ_CST);
    }
    set_permits(sem, there < 0 ? 0 : (int32_t)there);
}

/* LWSHM_OK, LWLOCK_TIMED_OUT, or an error. */
static int lock_semaphore(lwshm_backend *b, struct semaphore *sem, int64_t deadline_ns)
{
    if (deadline_ns == LWLOCK_AT_ONCE)
        deadline_ns = os_monotonic_ns();
    if (deadline_ns != 0)
        deadline_ns = deadline_ns > INT64_MAX - LOCK_GRACE_NS ? 0 : deadline_ns + LOCK_GRACE_NS;
    int r = lwlock_acquire_until(b, sem->lock, LWSHM_LW_EXCLUSIVE, deadline_ns, LWSHM_LW_REPAIR);
    if (r != LWSHM_OK || !lwlock_is_poisoned(b, sem->lock))
        return r;
    recount(b->segment, sem, false);
    return lwshm_lwlock_mark_consistent(b, sem->lock);
}

/* ---- taking ---- */

static bool take(struct semaphore *sem, int32_t permits)
{
    uint64_t state = load(&sem->state);
    while (permits_of(state) >= permits)
        if (__atomic_compare_exchange_n(&sem->state, &state, state - (uint64_t)permits, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

/* 1, 0, or an error. */
static int take_owned(lwshm_backend *b, struct semaphore *sem, int32_t permits, bool looks,
                      int64_t deadline_ns)
{
    int r = lock_semaphore(b, sem, deadline_ns);
    if (r != LWSHM_OK)
        return r < 0 ? r : 0;
    if (permits_of(load(&sem->state)) < permits)
        recount(b->segment, sem, looks);
    bool enough = permits_of(load(&sem->state)) >= permits;
    if (enough) {
        set_held_by(b, sem, held_by(b, sem) + permits);
        take(sem, permits);
    }
    r = lwshm_lwlock_release(b, sem->lock);
    return r < 0 ? r : enough;
}

/* Sleeps unless enough permits are there, or come while it looks. */
static void park(lwshm_backend *b, const struct lwshm_semaphore *semaphore, struct semaphore *sem,
                 int32_t permits, int64_t since_ns, int64_t sleep_ns)
{
    uint32_t events = __atomic_load_n(&sem->futex, __ATOMIC_SEQ_CST);
    uint64_t state = load(&sem->state);
    while (permits_of(state) < permits)
        if (__atomic_compare_exchange_n(&sem->state, &state, state | STATE_WAIT, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            /* Each time: a wait for its own lock may have been here meanwhile. */
            __atomic_store_n(&b->slot->wait_mode, 0, __ATOMIC_RELAXED);
            __atomic_store_n(&b->slot->wait_since, since_ns, __ATOMIC_RELAXED);
            __atomic_store_n(&b->slot->wait_lock, semaphore->offset, __ATOMIC_RELEASE);
            os_futex_wait(&sem->futex, events, sleep_ns);
            return;
        }
}

/* The semaphore at that offset, NULL if there is none. */
static struct semaphore *semaphore_at(const lwshm_segment *s, uint64_t offset)
{
    struct semaphore *sem =
        offset % CACHE_LINE != 0 ? NULL : lwshm_shmem_pointer(s, offset, sizeof *sem);
    if (sem == NULL || sem->magic != SEMAPHORE_MAGIC ||
        (sem->kind != LWSHM_SEMAPHORE_PLAIN && sem->kind != LWSHM_SEMAPHORE_OWNED) ||
        lwshm_shmem_pointer(s, offset, lwshm_semaphore_size(sem->kind, s->max_backends)) == NULL) {
        fail(LWSHM_E_INVALID,
             "offset %llu is no semaphore of this segment; take it from lwshm_semaphore_init() or "
             "lwshm_semaphore_find()",
             (unsigned long long)offset);
        return NULL;
    }
    return sem;
}

static int check(const lwshm_backend *b, const struct lwshm_semaphore *semaphore, int32_t permits,
                 struct semaphore **sem)
{
    if (b == NULL || !is_open(b->segment))
        return fail_closed(b == NULL ? NULL : b->segment);
    if ((*sem = semaphore_at(b->segment, semaphore->offset)) == NULL)
        return LWSHM_E_INVALID;
    if (permits < 1)
        return fail(LWSHM_E_INVALID, "%d permits were asked for; it takes 1 or more", permits);
    return LWSHM_OK;
}

static bool is_over(int64_t deadline_ns, int64_t now)
{
    return deadline_ns != 0 && now >= deadline_ns;
}

/* deadline_ns 0: none.  1, 0 when the time has run out, or an error. */
static int acquire(lwshm_backend *b, const struct lwshm_semaphore *semaphore, int32_t permits,
                   int64_t deadline_ns)
{
    struct semaphore *sem = NULL;
    struct patience patience = {.interval_ns = 0};
    bool looks = false;
    int r = check(b, semaphore, permits, &sem);
    if (r < 0)
        return r;
    int64_t since = os_monotonic_ns(), now = since;
    for (;; now = os_monotonic_ns(), looks = patience_ends(&patience, now)) {
        r = sem->kind == LWSHM_SEMAPHORE_OWNED ? take_owned(b, sem, permits, looks, deadline_ns)
                                               : take(sem, permits);
        if (r != 0 || is_over(deadline_ns, now))
            break;
        if (__atomic_load_n(&b->segment->ending, __ATOMIC_ACQUIRE)) {
            r = fail_closed(b->segment);
            break;
        }
        if (!patience_has_begun(&patience))
            patience_begin(&patience, now);
        park(b, semaphore, sem, permits, since, patience_sleep(&patience, now, deadline_ns));
    }
    __atomic_store_n(&b->slot->wait_lock, 0, __ATOMIC_RELEASE);
    return r;
}

int lwshm_semaphore_acquire(lwshm_backend *b, const struct lwshm_semaphore *semaphore,
                            int32_t permits)
{
    int r = acquire(b, semaphore, permits, 0);
    return r < 0 ? r : LWSHM_OK;
}

int lwshm_semaphore_acquire_timed(lwshm_backend *b, const struct lwshm_semaphore *semaphore,
                                  int32_t permits, int64_t timeout_ns)
{
    return acquire(b, semaphore, permits, lwlock_deadline_in(timeout_ns));
}

/* ---- giving back ---- */

/* Adds permits and wakes whoever waits for some; false if there would be too many. */
static bool give(struct semaphore *sem, int32_t permits)
{
    uint64_t state = load(&sem->state);
    do
        if (permits_of(state) > LWSHM_SEMAPHORE_PERMITS_MAX - permits)
            return false;
    while (!__atomic_compare_exchange_n(&sem->state, &state,
                                        (state & ~STATE_WAIT) + (uint64_t)permits, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    if ((state & STATE_WAIT) != 0)
        wake_waiters(sem);
    return true;
}

static int give_owned(lwshm_backend *b, struct semaphore *sem, int32_t permits)
{
    int r = lock_semaphore(b, sem, 0);
    if (r < 0)
        return r;
    int32_t held = held_by(b, sem);
    if (held >= permits) {
        set_held_by(b, sem, held - permits);
        give(sem, permits);
    }
    r = lwshm_lwlock_release(b, sem->lock);
    if (r < 0 || held >= permits)
        return r;
    return with_values(fail(LWSHM_E_NOT_HELD,
                            "backend %u has %d permits of the semaphore and cannot give back %d",
                            b->number, held, permits),
                       2, (int64_t)permits, (int64_t)held);
}

int lwshm_semaphore_release(lwshm_backend *b, const struct lwshm_semaphore *semaphore,
                            int32_t permits)
{
    struct semaphore *sem;
    int r = check(b, semaphore, permits, &sem);
    if (r < 0)
        return r;
    if (sem->kind == LWSHM_SEMAPHORE_OWNED)
        return give_owned(b, sem, permits);
    if (give(sem, permits))
        return LWSHM_OK;
    return with_values(fail(LWSHM_E_LIMIT,
                            "%d permits more would make more than %d; release what was acquired",
                            permits, LWSHM_SEMAPHORE_PERMITS_MAX),
                       2, (int64_t)permits,
                       (int64_t)(LWSHM_SEMAPHORE_PERMITS_MAX - permits_of(load(&sem->state))));
}

int lwshm_semaphore_available(const lwshm_segment *s, const struct lwshm_semaphore *semaphore)
{
    if (!is_open(s))
        return fail_closed(s);
    const struct semaphore *sem = semaphore_at(s, semaphore->offset);
    return sem == NULL ? LWSHM_E_INVALID : permits_of(load(&sem->state));
}

int lwshm_semaphore_held_by(const lwshm_backend *b, const struct lwshm_semaphore *semaphore)
{
    struct semaphore *sem = NULL;
    int r = check(b, semaphore, 1, &sem);
    if (r < 0)
        return r;
    return sem->kind == LWSHM_SEMAPHORE_OWNED ? held_by(b, sem) : 0;
}
