/*
 * Backends whose threads have ended without leaving.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"

static struct lwshm_lwlock_info lock_info(lwshm_segment *segment, uint64_t lock)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    return info;
}

TEST(what_an_abandoned_backend_held_exclusively_is_poisoned_and_the_rest_is_free)
{
    lwshm_segment *segment = create_segment(NULL);
    struct lwshm_tranche tranche = make_tranche(segment, "test", 4);
    uint64_t changed = lwshm_tranche_lock(&tranche, 0), read = lwshm_tranche_lock(&tranche, 1),
             wanted = lwshm_tranche_lock(&tranche, 2);
    lwshm_backend *other = join(segment), *ended = join(segment);
    uint32_t generation = backend_info_of(ended).generation;
    CHECK_OK(lwshm_lwlock_acquire(other, wanted, LWSHM_LW_EXCLUSIVE));
    CHECK_OK(lwshm_lwlock_acquire(ended, changed, LWSHM_LW_EXCLUSIVE));
    CHECK_OK(lwshm_lwlock_acquire(ended, read, LWSHM_LW_SHARED));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_slow(ended, wanted, LWSHM_LW_EXCLUSIVE, 0, LWSHM_LW_STEP));

    CHECK_OK(lwshm_backend_abandon(ended));

    CHECK(lock_info(segment, changed).is_poisoned);
    CHECK_EQ_INT(-1, lock_info(segment, changed).owner);
    CHECK(!lock_info(segment, read).is_poisoned);
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(other, read, LWSHM_LW_EXCLUSIVE));
    CHECK(!lock_info(segment, wanted).is_poisoned);
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(other, changed, LWSHM_LW_SHARED));
    lwshm_backend *next = join(segment);
    CHECK_EQ_UINT(generation + 1, backend_info_of(next).generation);
    CHECK_EQ_UINT(0, backend_info_of(next).held_locks);
    CHECK_OK(lwshm_backend_leave(next));
    CHECK_OK(lwshm_backend_leave(other));
    end_segment(segment); /* nobody counts as joined */
}

TEST(a_backend_is_abandoned_after_its_segment_was_fenced_off)
{
    lwshm_segment *segment = create_segment(NULL);
    lwshm_backend *ended = join(segment);
    CHECK_OK(lwshm_segment_detach(segment, LWSHM_DETACH_FENCE));
    CHECK_OK(lwshm_backend_abandon(ended));
    end_segment(segment);
}
