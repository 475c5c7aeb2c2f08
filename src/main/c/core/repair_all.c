/* SPDX-License-Identifier: Apache-2.0 */
#include "core/handle.h"
#include "lwshm/postmaster.h"

static bool is_poisoned(const lwshm_segment *s, uint64_t lock)
{
    return (__atomic_load_n(&lock_at(s, lock)->word, __ATOMIC_ACQUIRE) & LOCK_POISON) != 0;
}

int lwshm_backend_repair_all(lwshm_backend *b)
{
    const lwshm_segment *s = b == NULL ? NULL : b->segment;
    struct lwshm_error first = {.status = LWSHM_OK};
    uint64_t first_lock = 0;
    int repaired = 0, left = 0;
    if (!is_open(s))
        return fail_closed(s);
    for (uint32_t i = 0; i < s->max_lwlocks; i++) {
        uint64_t lock = s->region[LWSHM_REGION_LWLOCKS] + (uint64_t)i * sizeof(struct lwlock);
        if (!is_poisoned(s, lock))
            continue;
        int r = lwshm_lwlock_acquire(b, lock, LWSHM_LW_EXCLUSIVE);
        if (r == LWSHM_E_OWNER_DIED) {
            if (left++ == 0) {
                first = *lwshm_last_error();
                first_lock = lock;
            }
            continue;
        }
        if (r < 0 || (r = lwshm_lwlock_release(b, lock)) < 0)
            return r;
        repaired++;
    }
    if (left == 0)
        return repaired;
    return with_values(fail(LWSHM_E_OWNER_DIED, "%d locks could not be repaired; the first: %s",
                            left, first.message),
                       2, (int64_t)first_lock, (int64_t)left);
}
