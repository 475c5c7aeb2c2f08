/*
 * The calls for bindings that run the fast path themselves: here a binding in small, which knows of the segment's words what lwshm_layout_field() tells, and goes to
 * the library for the rest - as the one for Java does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sched.h>
#include <unistd.h>

#include "core/layout.h"
#include "fixture.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

struct binding {
    lwshm_segment *segment;
    lwshm_backend *backend;
    char *base;
    uint64_t slot; /* offset */
    uint64_t owner, bit, generation;
    uint64_t records;
    /* of the layout */
    uint64_t record, word, readers;
    uint64_t n, s, xin, blocks, dpark, flags, woken;
};

static struct binding bind_to(lwshm_segment *segment, uint32_t max_held_locks)
{
    struct binding b = {.segment = segment, .backend = join(segment), .records = max_held_locks};
    struct lwshm_backend_info info = backend_info_of(b.backend);
    b.base = lwshm_shmem_pointer(segment, 0, 1);
    b.slot = info.slot_offset;
    b.owner = (info.slot + 1) | (uint64_t)info.generation
                                    << layout_constant("LOCK_OWNER_GENERATION_SHIFT");
    b.bit = 1ull << info.slot % 64;
    b.generation = (uint64_t)info.generation << layout_constant("RECORD_GENERATION_SHIFT");
    b.record = layout_field("backend_slot.record").offset;
    b.word = layout_field("lwlock.word").offset;
    b.readers = layout_field("lwlock.readers").offset;
    b.n = layout_constant("RECORD_N");
    b.s = layout_constant("RECORD_S");
    b.xin = layout_constant("RECORD_XIN");
    b.blocks = layout_constant("LOCK_OWNER_SLOT_MASK") | layout_constant("LOCK_STARVING_MASK") |
               layout_constant("LOCK_POISON");
    b.dpark = layout_constant("LOCK_DPARK");
    b.woken = layout_constant("LOCK_XWAIT") | layout_constant("LOCK_WAKING");
    b.flags = b.woken | layout_constant("LOCK_SWAIT");
    return b;
}

static uint64_t *record_of(const struct binding *b, uint64_t lock)
{
    return (uint64_t *)(b->base + b->slot + b->record) + lock / 64 % b->records;
}

static uint64_t *word_of(const struct binding *b, uint64_t lock)
{
    return (uint64_t *)(b->base + lock + b->word);
}

static uint64_t record_value(const struct binding *b, uint64_t lock, uint64_t kind)
{
    return lock / 64 << layout_constant("RECORD_LOCK_SHIFT") | b->generation | kind;
}

static bool own(const struct binding *b, uint64_t lock)
{
    uint64_t word = 0;
    while ((word & ~b->flags) == 0)
        if (__atomic_compare_exchange_n(word_of(b, lock), &word, word | b->owner, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

static bool enter_shared(const struct binding *b, uint64_t lock)
{
    uint64_t *readers = (uint64_t *)(b->base + lock + b->readers);
    if ((__atomic_load_n(word_of(b, lock), __ATOMIC_SEQ_CST) & b->blocks) != 0)
        return false;
    if ((__atomic_load_n(readers, __ATOMIC_SEQ_CST) & b->bit) == 0)
        __atomic_or_fetch(readers, b->bit, __ATOMIC_SEQ_CST);
    return (__atomic_load_n(word_of(b, lock), __ATOMIC_SEQ_CST) & b->blocks) == 0;
}

/* The fast path; true if it was enough, and otherwise the record is N. */
static bool begin_acquire(const struct binding *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    const uint64_t *readers = (uint64_t *)(b->base + lock + b->readers);
    CHECK_EQ_UINT(0, *record_of(b, lock));
    if (mode == S) {
        __atomic_store_n(record_of(b, lock), record_value(b, lock, b->s), __ATOMIC_SEQ_CST);
        if (enter_shared(b, lock))
            return true;
        __atomic_store_n(record_of(b, lock), record_value(b, lock, b->n), __ATOMIC_SEQ_CST);
        return false;
    }
    __atomic_store_n(record_of(b, lock), record_value(b, lock, b->n), __ATOMIC_SEQ_CST);
    if (!own(b, lock) || __atomic_load_n(readers, __ATOMIC_SEQ_CST) != 0)
        return false;
    __atomic_store_n(record_of(b, lock), record_value(b, lock, b->xin), __ATOMIC_SEQ_CST);
    return true;
}

static void bound_acquire(const struct binding *b, uint64_t lock, enum lwshm_lwlock_mode mode)
{
    if (!begin_acquire(b, lock, mode))
        CHECK_EQ_INT(1, lwshm_lwlock_acquire_slow(b->backend, lock, mode, LWSHM_FOREVER, 0));
    CHECK_EQ_INT(mode, lwshm_lwlock_is_held_by(b->backend, lock));
}

static void bound_release(const struct binding *b, uint64_t lock)
{
    uint64_t old;
    if ((*record_of(b, lock) & layout_constant("RECORD_KIND_MASK")) == b->xin) {
        old = __atomic_fetch_sub(word_of(b, lock), b->owner, __ATOMIC_SEQ_CST);
        if (old != b->owner && old != (b->woken | b->owner)) {
            CHECK_OK(lwshm_lwlock_release_slow(b->backend, lock, old));
            return;
        }
    } else {
        __atomic_store_n(record_of(b, lock), record_value(b, lock, b->n), __ATOMIC_SEQ_CST);
        old = __atomic_load_n(word_of(b, lock), __ATOMIC_SEQ_CST);
        if ((old & b->dpark) != 0) {
            CHECK_OK(lwshm_lwlock_release_slow(b->backend, lock, old));
            return;
        }
    }
    __atomic_store_n(record_of(b, lock), 0, __ATOMIC_RELEASE);
}

TEST(what_a_binding_takes_by_itself_the_library_knows_and_releases)
{
    lwshm_segment *segment = create_segment(NULL);
    struct binding b = bind_to(segment, 16);
    uint64_t lock = make_tranche(segment, "test", 4).offset;
    static const enum lwshm_lwlock_mode modes[] = {X, S};
    for (int i = 0; i < 2; i++) {
        CHECK(begin_acquire(&b, lock, modes[i]) || modes[i] == X);
        CHECK_EQ_INT(modes[i], lwshm_lwlock_is_held_by(b.backend, lock));
        CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire(b.backend, lock, S));
        CHECK_OK(lwshm_lwlock_release(b.backend, lock));
        CHECK_OK(lwshm_lwlock_acquire(b.backend, lock, modes[i]));
        bound_release(&b, lock);
        CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(b.backend, lock));
    }
    bound_acquire(&b, lock, X); /* readers have been here: the library drains */
    bound_release(&b, lock);
    CHECK_OK(lwshm_backend_leave(b.backend));
    end_segment(segment);
}

TEST(the_slow_call_begins_an_acquire_of_which_there_is_no_record_yet)
{
    static const enum lwshm_lwlock_mode modes[] = {X, S};
    lwshm_segment *segment = create_segment(NULL);
    struct binding b = bind_to(segment, 16);
    uint64_t lock = make_tranche(segment, "test", 4).offset;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(1, lwshm_lwlock_acquire_slow(b.backend, lock, modes[i], LWSHM_FOREVER, 0));
        CHECK_EQ_INT(modes[i], lwshm_lwlock_is_held_by(b.backend, lock));
        bound_release(&b, lock);
    }
    CHECK_OK(lwshm_backend_leave(b.backend));
    end_segment(segment);
}

/* As a thread that threw between the two halves of a release. */
TEST(a_release_that_was_cut_off_is_not_done_twice)
{
    lwshm_segment *segment = create_segment(NULL);
    struct binding b = bind_to(segment, 16);
    uint64_t lock = make_tranche(segment, "test", 4).offset;
    lwshm_backend *next = join(segment);
    for (int kind = 0; kind < 2; kind++) {
        CHECK_OK(lwshm_lwlock_acquire(b.backend, lock, X));
        __atomic_fetch_sub(word_of(&b, lock), b.owner, __ATOMIC_SEQ_CST);
        if (kind == 1)
            *record_of(&b, lock) = record_value(&b, lock, b.n);
        CHECK_OK(lwshm_lwlock_acquire(next, lock, X));
        uint64_t word = *word_of(&b, lock);
        CHECK_EQ_INT(1 - kind, lwshm_backend_release_all(b.backend));
        CHECK_EQ_UINT(word, *word_of(&b, lock));
        CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(next, lock));
        CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(b.backend, lock));
        CHECK_OK(lwshm_lwlock_release(next, lock));
    }
    CHECK_OK(lwshm_backend_leave(next));
    CHECK_OK(lwshm_backend_leave(b.backend));
    end_segment(segment);
}

/* As a thread that threw behind its CAS, and one that threw before the wake-ups that it owed. */
TEST(cancel_ends_what_was_cut_off_and_wakes_the_waiters)
{
    lwshm_segment *segment = create_segment(NULL);
    struct binding b = bind_to(segment, 16);
    uint64_t lock = make_tranche(segment, "test", 4).offset;
    struct lwlock *l = (struct lwlock *)(b.base + lock);
    uint64_t words[] = {b.owner | LOCK_XWAIT, LOCK_XWAIT, LOCK_DPARK};
    uint32_t *futexes[] = {&l->xfut, &l->xfut, &l->dfut};
    for (int i = 0; i < 3; i++) {
        pid_t sleeper = sleeper_on(futexes[i]);
        *record_of(&b, lock) = record_value(&b, lock, b.n);
        *word_of(&b, lock) = words[i];
        CHECK_OK(lwshm_lwlock_cancel(b.backend, lock));
        TEST_WAIT(sleeper);
        CHECK_EQ_UINT(0, *record_of(&b, lock));
        CHECK_EQ_UINT(0, *word_of(&b, lock) & LOCK_OWNER_MASK);
        *word_of(&b, lock) = 0;
    }
    CHECK_OK(lwshm_backend_leave(b.backend));
    end_segment(segment);
}

TEST(a_release_of_exclusive_may_go_on_with_a_record_that_says_no_hold)
{
    lwshm_segment *segment = create_segment(NULL);
    struct binding b = bind_to(segment, 16);
    uint64_t lock = make_tranche(segment, "test", 4).offset;
    CHECK_OK(lwshm_lwlock_acquire(b.backend, lock, X));
    pid_t sleeper = sleeper_on(&((struct lwlock *)(b.base + lock))->xfut);
    __atomic_or_fetch(word_of(&b, lock), LOCK_XWAIT, __ATOMIC_SEQ_CST);
    uint64_t old = __atomic_fetch_sub(word_of(&b, lock), b.owner, __ATOMIC_SEQ_CST);
    *record_of(&b, lock) = record_value(&b, lock, b.n);
    CHECK_OK(lwshm_lwlock_release_slow(b.backend, lock, old));
    TEST_WAIT(sleeper);
    CHECK_EQ_UINT(0, *record_of(&b, lock));
    CHECK_OK(lwshm_backend_leave(b.backend));
    end_segment(segment);
}

TEST(the_slow_calls_refuse_what_does_not_go_with_the_record)
{
    lwshm_segment *segment = create_segment(NULL);
    struct binding b = bind_to(segment, 16);
    uint64_t lock = make_tranche(segment, "test", 4).offset;
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release_slow(b.backend, lock, 0));
    CHECK_OK(lwshm_lwlock_acquire(b.backend, lock, S));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD, lwshm_lwlock_acquire_slow(b.backend, lock, X, 0, 0));
    CHECK_FAILS(LWSHM_E_ALREADY_HELD,
                lwshm_lwlock_acquire_slow(b.backend, lock, S, 0, LWSHM_LW_STEP));
    CHECK_FAILS(LWSHM_E_NOT_HELD, lwshm_lwlock_release_slow(b.backend, lock, 0));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_lwlock_acquire_slow(b.backend, lock + 64, S, 0, 4));
    CHECK_FAILS(LWSHM_E_INVALID,
                lwshm_lwlock_acquire_slow(b.backend, lock + 64, (enum lwshm_lwlock_mode)3, 0, 0));
    CHECK_EQ_INT(S, lwshm_lwlock_is_held_by(b.backend, lock));
    CHECK_EQ_INT(1, lwshm_backend_held_locks(b.backend));
    CHECK_OK(lwshm_backend_leave(b.backend));
    end_segment(segment);
}

TEST(an_acquire_that_was_begun_and_never_came_back_is_ended_by_release_all)
{
    lwshm_segment *segment = create_segment(NULL);
    struct binding b = bind_to(segment, 16);
    uint64_t lock = make_tranche(segment, "test", 4).offset;
    lwshm_backend *other = join(segment);
    CHECK_OK(lwshm_lwlock_acquire(other, lock, X));
    CHECK(!begin_acquire(&b, lock, X)); /* and its thread threw */
    CHECK_EQ_INT(0, lwshm_backend_held_locks(b.backend));
    CHECK_EQ_INT(0, lwshm_backend_release_all(b.backend));
    CHECK_EQ_UINT(0, *record_of(&b, lock));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(other, lock));
    CHECK_OK(lwshm_lwlock_release(other, lock));
    /* As the owner, too, before it drained. */
    CHECK_OK(lwshm_lwlock_acquire(other, lock, S));
    CHECK(!begin_acquire(&b, lock, X));
    CHECK_EQ_INT(0, lwshm_backend_release_all(b.backend));
    CHECK_OK(lwshm_lwlock_release(other, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(other, lock, X));
    CHECK_OK(lwshm_backend_leave(other));
    CHECK_OK(lwshm_backend_leave(b.backend));
    end_segment(segment);
}

/* ---- one process through the binding, the others through the library ---- */

#define PROCESSES 4
#define TURNS 5000

struct arena {
    uint32_t start;
    volatile uint64_t left, right;
    uint64_t writes[PROCESSES];
};
static struct arena *arena;

static void inside(uint32_t number, enum lwshm_lwlock_mode mode)
{
    uint64_t left = arena->left;
    if (left % 16 == 0)
        sched_yield();
    if (arena->right != left)
        FAIL("the pair is torn: %ju and %ju", (uintmax_t)left, (uintmax_t)arena->right);
    if (mode == X) {
        arena->left = left + 1;
        if (left % 16 == 3)
            sched_yield();
        arena->right = left + 1;
        arena->writes[number]++;
    }
}

static void contend(void *arg)
{
    uint32_t number = *(uint32_t *)arg;
    lwshm_segment *segment = attach_segment();
    struct binding b = bind_to(segment, 16);
    struct lwshm_tranche tranche;
    CHECK_OK(lwshm_tranche_find(segment, "test", &tranche));
    meet(&arena->start, PROCESSES);
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        enum lwshm_lwlock_mode mode = (turn + number) % 3 == 0 ? X : S;
        if (number % 2 == 0) {
            bound_acquire(&b, tranche.offset, mode);
            inside(number, mode);
            bound_release(&b, tranche.offset);
        } else {
            CHECK_OK(lwshm_lwlock_acquire(b.backend, tranche.offset, mode));
            inside(number, mode);
            CHECK_OK(lwshm_lwlock_release(b.backend, tranche.offset));
        }
    }
    CHECK_OK(lwshm_backend_leave(b.backend));
    close_segment(segment);
}

TEST(a_binding_and_the_library_drive_the_same_lock_and_lose_no_count)
{
    lwshm_segment *segment = create_segment(NULL);
    pid_t pids[PROCESSES];
    uint64_t writes = 0;
    arena = shared_zeros(sizeof *arena);
    make_tranche(segment, "test", 1);
    for (uint32_t i = 0; i < PROCESSES; i++)
        pids[i] = test_fork(contend, &i);
    for (uint32_t i = 0; i < PROCESSES; i++)
        TEST_WAIT(pids[i]);
    for (uint32_t i = 0; i < PROCESSES; i++)
        writes += arena->writes[i];
    CHECK_EQ_UINT(writes, arena->left);
    CHECK_EQ_UINT(writes, arena->right);
    end_segment(segment);
}
