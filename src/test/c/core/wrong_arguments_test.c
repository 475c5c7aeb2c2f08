/*
 * Offsets and numbers that name nothing: every public function refuses them, whether or not the
 * backend holds something, and touches nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/layout.h"
#include "fixture.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED
#define INVALID(call) CHECK_FAILS(LWSHM_E_INVALID, call)

static lwshm_segment *segment;
static lwshm_backend *me;
static struct lwshm_tranche tranche;
static uint64_t lock;

static void begin(void)
{
    segment = create_segment(NULL);
    tranche = make_tranche(segment, "test", 32);
    lock = lwshm_tranche_lock(&tranche, 1);
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

/* Calls `check` with everything that is no lock. */
static void for_each_wrong_offset(void (*check)(uint64_t offset))
{
    const struct segment_header *header = lwshm_shmem_pointer(segment, 0, sizeof *header);
    uint64_t locks = header->region[LWSHM_REGION_LWLOCKS];
    const uint64_t fixed[] = {0,
                              1,
                              64,
                              lock + 1,
                              lock - 1,
                              lock + 8,
                              lock + 63,
                              locks - 64,
                              locks + header->max_lwlocks * 64ull,
                              header->total_size,
                              header->total_size - 64,
                              header->total_size + lock,
                              UINT64_MAX,
                              UINT64_MAX - 63,
                              UINT64_MAX - 127,
                              (uint64_t)INT64_MIN,
                              INT64_MAX,
                              INT64_MAX - 63,
                              0 - lock,
                              ~lock};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        check(fixed[i]);
    for (int region = 0; region < LWSHM_REGION_COUNT; region++)
        if (region != LWSHM_REGION_LWLOCKS)
            check(header->region[region]);
    for (int bit = 0; bit < 64; bit++) /* the right one, and one bit wrong or added */
        if (bit < 6 || 1ull << bit >= header->max_lwlocks * 64ull) {
            check(lock ^ 1ull << bit);
            check(lock + (1ull << bit));
        }
}

/* ---- locks ---- */

static void refuse_lock(uint64_t offset)
{
    struct lwshm_lwlock_info info;
    for (int mode = X; mode <= S; mode++) {
        enum lwshm_lwlock_mode m = (enum lwshm_lwlock_mode)mode;
        INVALID(lwshm_lwlock_acquire(me, offset, m));
        INVALID(lwshm_lwlock_try_acquire(me, offset, m));
        INVALID(lwshm_lwlock_acquire_timed(me, offset, m, 0));
        INVALID(lwshm_lwlock_acquire_timed(me, offset, m, LWSHM_FOREVER));
        INVALID(lwshm_lwlock_acquire_slow(me, offset, m, 0, 0));
        INVALID(lwshm_lwlock_acquire_slow(me, offset, m, LWSHM_FOREVER, LWSHM_LW_STEP));
        INVALID(lwshm_lwlock_acquire_slow(me, offset, m, 0, LWSHM_LW_REPAIR));
    }
    INVALID(lwshm_lwlock_acquire_for_repair(me, offset));
    INVALID(lwshm_lwlock_mark_consistent(me, offset));
    INVALID(lwshm_lwlock_acquire_or_wait(me, offset));
    INVALID(lwshm_lwlock_await_release(me, offset, LWSHM_FOREVER, 0));
    INVALID(lwshm_lwlock_await_release(me, offset, 0, LWSHM_LW_STEP));
    INVALID(lwshm_lwlock_cancel(me, offset));
    INVALID(lwshm_lwlock_release(me, offset));
    INVALID(lwshm_lwlock_release_slow(me, offset, 0));
    INVALID(lwshm_lwlock_release_slow(me, offset, UINT64_MAX));
    INVALID(lwshm_lwlock_is_held_by(me, offset));
    INVALID(lwshm_lwlock_info(segment, offset, &info));
}

TEST(what_is_no_lock_is_refused_by_a_backend_that_holds_nothing)
{
    begin();
    for_each_wrong_offset(refuse_lock);
    CHECK_EQ_INT(0, lwshm_backend_held_locks(me));
    end();
}

TEST(what_is_no_lock_is_refused_by_a_backend_that_holds_the_right_one)
{
    begin();
    for (int mode = X; mode <= S; mode++) {
        CHECK_OK(lwshm_lwlock_acquire(me, lock, (enum lwshm_lwlock_mode)mode));
        for_each_wrong_offset(refuse_lock);
        CHECK_EQ_INT(mode, lwshm_lwlock_is_held_by(me, lock));
        CHECK_EQ_INT(1, lwshm_backend_held_locks(me));
        CHECK_OK(lwshm_lwlock_release(me, lock));
    }
    end();
}

TEST(what_is_no_lock_is_refused_by_a_backend_that_holds_all_it_may)
{
    begin();
    for (uint32_t i = 0; i < small_options().max_held_locks; i++)
        CHECK_OK(lwshm_lwlock_acquire(me, lwshm_tranche_lock(&tranche, 2 * i % 32 + i / 16), S));
    for_each_wrong_offset(refuse_lock);
    CHECK_EQ_INT(16, lwshm_backend_release_all(me));
    end();
}

static void refuse_without_backend(uint64_t offset)
{
    lwshm_backend *right = me;
    struct lwshm_lwlock_info info;
    me = NULL;
    for (int i = 0; i < 2; i++) {
        uint64_t it = i == 0 ? offset : lock;
        INVALID(lwshm_lwlock_acquire(me, it, X));
        INVALID(lwshm_lwlock_acquire(me, it, S));
        INVALID(lwshm_lwlock_try_acquire(me, it, S));
        INVALID(lwshm_lwlock_acquire_timed(me, it, X, 0));
        INVALID(lwshm_lwlock_acquire_slow(me, it, X, 0, 0));
        INVALID(lwshm_lwlock_acquire_for_repair(me, it));
        INVALID(lwshm_lwlock_mark_consistent(me, it));
        INVALID(lwshm_lwlock_acquire_or_wait(me, it));
        INVALID(lwshm_lwlock_await_release(me, it, 0, 0));
        INVALID(lwshm_lwlock_cancel(me, it));
        INVALID(lwshm_lwlock_release(me, it));
        INVALID(lwshm_lwlock_release_slow(me, it, 0));
        INVALID(lwshm_lwlock_is_held_by(me, it));
        INVALID(lwshm_lwlock_info(NULL, it, &info));
    }
    me = right;
}

TEST(no_backend_and_no_segment_are_refused_with_every_offset)
{
    begin();
    for_each_wrong_offset(refuse_without_backend);
    INVALID(lwshm_backend_release_all(NULL));
    INVALID(lwshm_backend_held_locks(NULL));
    INVALID(lwshm_backend_leave(NULL));
    INVALID(lwshm_segment_check_lock_order(NULL, 1));
    end();
}

TEST(a_mode_or_a_flag_that_is_none_is_refused)
{
    static const int modes[] = {0, 3, -1, INT32_MAX};
    begin();
    for (int i = 0; i < 4; i++) {
        enum lwshm_lwlock_mode mode = (enum lwshm_lwlock_mode)modes[i];
        INVALID(lwshm_lwlock_acquire(me, lock, mode));
        INVALID(lwshm_lwlock_try_acquire(me, lock, mode));
        INVALID(lwshm_lwlock_acquire_timed(me, lock, mode, 0));
        INVALID(lwshm_lwlock_acquire_slow(me, lock, mode, 0, LWSHM_LW_STEP));
    }
    INVALID(lwshm_lwlock_acquire_slow(me, lock, X, 0, 4));
    INVALID(lwshm_lwlock_acquire_slow(me, lock, X, 0, ~0u));
    INVALID(
        lwshm_lwlock_acquire_slow(me, lock, S, 0, LWSHM_LW_REPAIR)); /* it would wait for ever */
    INVALID(lwshm_lwlock_await_release(me, lock, 0, LWSHM_LW_REPAIR));
    INVALID(lwshm_lwlock_await_release(me, lock, 0, 4));
    CHECK_EQ_INT(0, lwshm_lwlock_is_held_by(me, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X)); /* no record is left */
    end();
}

/* ---- semaphores ---- */

static void refuse_semaphore(uint64_t offset)
{
    for (int kind = LWSHM_SEMAPHORE_PLAIN; kind <= LWSHM_SEMAPHORE_OWNED; kind++) {
        struct lwshm_semaphore s = {.offset = offset, .kind = (uint32_t)kind};
        INVALID(lwshm_semaphore_acquire(me, &s, 1));
        INVALID(lwshm_semaphore_acquire_timed(me, &s, 1, 0));
        INVALID(lwshm_semaphore_acquire_timed(me, &s, 1, LWSHM_FOREVER));
        INVALID(lwshm_semaphore_release(me, &s, 1));
        INVALID(lwshm_semaphore_available(segment, &s));
        INVALID(lwshm_semaphore_held_by(me, &s));
        INVALID(lwshm_semaphore_available(NULL, &s));
        INVALID(lwshm_semaphore_held_by(NULL, &s));
        INVALID(lwshm_semaphore_acquire(NULL, &s, 1));
        INVALID(lwshm_semaphore_release(NULL, &s, 1));
    }
}

TEST(what_is_no_semaphore_is_refused)
{
    struct lwshm_semaphore s;
    struct lwshm_area area;
    bool found;
    begin();
    CHECK_OK(lwshm_shmem_alloc(segment, 256, &area));
    CHECK_OK(lwshm_semaphore_init(segment, "right", 1, LWSHM_SEMAPHORE_OWNED, &found, &s));
    for_each_wrong_offset(refuse_semaphore);
    refuse_semaphore(lock);
    refuse_semaphore(area.offset);
    for (int bit = 0; bit < 64; bit++)
        refuse_semaphore(s.offset ^ 1ull << bit);
    end();
}

/* The bytes of a real one, copied to the end of the segment: its holders would lie beyond that. */
TEST(a_copied_semaphore_whose_holders_reach_past_the_segment_is_refused)
{
    struct lwshm_semaphore s, fake;
    bool found;
    begin();
    uint64_t size = info_of(segment).size;
    CHECK_OK(lwshm_semaphore_init(segment, "right", 1, LWSHM_SEMAPHORE_OWNED, &found, &s));
    uint64_t bytes = lwshm_semaphore_size(LWSHM_SEMAPHORE_OWNED, small_options().max_backends);
    const void *right = lwshm_shmem_pointer(segment, s.offset, bytes);
    for (uint64_t left = 64; left < bytes; left += 64) {
        fake = (struct lwshm_semaphore){.offset = size - left, .kind = LWSHM_SEMAPHORE_OWNED};
        memcpy(lwshm_shmem_pointer(segment, fake.offset, left), right, left);
        refuse_semaphore(fake.offset);
    }
    end();
}

/* All of it fits, but the lock that it names is none: never touched. */
TEST(a_semaphore_that_a_user_has_forged_leads_to_no_other_memory)
{
    struct lwshm_semaphore s;
    bool found;
    begin();
    CHECK_OK(lwshm_semaphore_init(segment, "right", 1, LWSHM_SEMAPHORE_OWNED, &found, &s));
    uint64_t *words = lwshm_shmem_pointer(segment, s.offset, 64);
    uint64_t its_lock = 0;
    for (int i = 0; i < 8; i++) /* which of its words names the lock */
        if (words[i] != 0 && words[i] % 64 == 0 && words[i] >= tranche.offset &&
            words[i] < s.offset)
            words += i, its_lock = *words, i = 8;
    CHECK(its_lock != 0);
    static const uint64_t forged[] = {0, 1, 64, UINT64_MAX, UINT64_MAX - 63, 1ull << 44};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        *words = forged[i];
        INVALID(lwshm_semaphore_acquire(me, &s, 1));
        INVALID(lwshm_semaphore_acquire_timed(me, &s, 1, 0));
        INVALID(lwshm_semaphore_release(me, &s, 1));
    }
    *words = its_lock;
    CHECK_OK(lwshm_semaphore_acquire(me, &s, 1));
    CHECK_OK(lwshm_semaphore_release(me, &s, 1));
    end();
}

/* ---- areas ---- */

TEST(what_does_not_lie_in_the_segment_has_no_address)
{
    begin();
    uint64_t size = info_of(segment).size;
    const struct {
        uint64_t offset, size;
    } wrong[] = {{size, 1},
                 {size + 1, 0},
                 {0, size + 1},
                 {size - 1, 2},
                 {UINT64_MAX, 1},
                 {UINT64_MAX, 0},
                 {1, UINT64_MAX},
                 {64, UINT64_MAX},
                 {UINT64_MAX - 63, 64},
                 {size, UINT64_MAX},
                 {1ull << 63, 1},
                 {lock + (1ull << 44), 64},
                 {lock + (1ull << 38), 64}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(lwshm_shmem_pointer(segment, wrong[i].offset, wrong[i].size) == NULL);
    CHECK(lwshm_shmem_pointer(NULL, 0, 1) == NULL);
    char *bytes = lwshm_shmem_pointer(segment, 0, size);
    CHECK(bytes != NULL);
    CHECK(lwshm_shmem_pointer(segment, size - 1, 1) == bytes + size - 1);
    CHECK(lwshm_shmem_pointer(segment, size, 0) == bytes + size);
    end();
}

/* ---- tranches ---- */

static int repair(lwshm_backend *backend, uint64_t which, void *argument)
{
    (void)backend, (void)which, (void)argument;
    return 0;
}

TEST(a_tranche_that_is_none_is_refused)
{
    static const uint32_t wrong[] = {1, 2, 7, 8, 9, 1u << 16, INT32_MAX, 1u << 31, UINT32_MAX};
    struct lwshm_tranche_statistics statistics;
    begin();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct lwshm_tranche other = tranche;
        other.id = wrong[i];
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_get(segment, wrong[i], &other));
        other.id = wrong[i];
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_statistics(segment, wrong[i], &statistics));
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_set_spins(segment, wrong[i], 0));
        CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_tranche_on_repair(segment, &other, repair, NULL));
        CHECK_EQ_UINT(0, lwshm_tranche_lock(&tranche, 32 + wrong[i] % 1000));
    }
    INVALID(lwshm_tranche_get(NULL, 0, &tranche));
    INVALID(lwshm_tranche_statistics(NULL, 0, &statistics));
    INVALID(lwshm_tranche_set_spins(NULL, 0, 0));
    INVALID(lwshm_tranche_on_repair(NULL, &tranche, repair, NULL));
    end();
}
