/*
 * counter.c - README's example in C: attaches to the segment that Counter.java made,
 * and counts on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <lwshm/lwshm.h>
#include <stdio.h>

// tag::readme
int main(int argc, char **argv)
{
    lwshm_segment *segment;
    lwshm_backend *me;
    struct lwshm_area area;
    struct lwshm_tranche tranche;

    if (lwshm_segment_attach(argc > 1 ? argv[1] : ".", 0, &segment) < 0 ||
        lwshm_shmem_index_find(segment, "counter", &area) < 0 ||
        lwshm_tranche_find(segment, "counter", &tranche) < 0 ||
        lwshm_backend_join(segment, &me) < 0) {
        fprintf(stderr, "counter: %s\n", lwshm_last_error()->message);
        return 1;
    }
    int64_t *counter = lwshm_shmem_pointer(segment, area.offset, area.size);
    uint64_t lock = lwshm_tranche_lock(&tranche, 0);

    lwshm_lwlock_acquire(me, lock, LWSHM_LW_EXCLUSIVE);
    printf("C counts to %" PRId64 ".\n", ++*counter);
    lwshm_lwlock_release(me, lock);

    lwshm_backend_leave(me);
    lwshm_segment_close(segment);
    return 0;
}
// end::readme
