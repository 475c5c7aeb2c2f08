/*
 * The library twice in one process, as two plug-ins may bring it: linked into this program, and
 * loaded as liblwshm.so.  Each copy is a member of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "allocating.h"

#define X LWSHM_LW_EXCLUSIVE
#define AREAS 20000
#define AREA 64
#define MS INT64_C(1000000)

/* The functions of one copy. */
struct copy {
    __typeof__(lwshm_segment_attach) *attach;
    __typeof__(lwshm_segment_close) *close;
    __typeof__(lwshm_segment_reap_dead) *reap_dead;
    __typeof__(lwshm_shmem_alloc) *alloc;
    __typeof__(lwshm_backend_join) *join;
    __typeof__(lwshm_backend_leave) *leave;
    __typeof__(lwshm_lwlock_acquire) *acquire;
    __typeof__(lwshm_lwlock_acquire_timed) *acquire_timed;
    __typeof__(lwshm_lwlock_release) *release;
};

static const struct copy linked = {
    lwshm_segment_attach, lwshm_segment_close,        lwshm_segment_reap_dead,
    lwshm_shmem_alloc,    lwshm_backend_join,         lwshm_backend_leave,
    lwshm_lwlock_acquire, lwshm_lwlock_acquire_timed, lwshm_lwlock_release};

/* target/native/VARIANT/test/core/PROGRAM, and target/native/plain/liblwshm.so */
static void *load_library(void)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    CHECK(length > 0);
    path[length] = '\0';
    for (int up = 0; up < 4; up++)
        *strrchr(path, '/') = '\0';
    strncat(path, "/plain/liblwshm.so", sizeof path - strlen(path) - 1);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void *symbol(void *library, const char *name)
{
    void *address = dlsym(library, name);
    if (address == NULL)
        FAIL("%s", dlerror());
    return address;
}

/* False if there is none for this processor. */
static bool load(struct copy *copy)
{
    void *library = load_library();
    if (library == NULL)
        return false;
    *copy = (struct copy){.attach = symbol(library, "lwshm_segment_attach"),
                          .close = symbol(library, "lwshm_segment_close"),
                          .reap_dead = symbol(library, "lwshm_segment_reap_dead"),
                          .alloc = symbol(library, "lwshm_shmem_alloc"),
                          .join = symbol(library, "lwshm_backend_join"),
                          .leave = symbol(library, "lwshm_backend_leave"),
                          .acquire = symbol(library, "lwshm_lwlock_acquire"),
                          .acquire_timed = symbol(library, "lwshm_lwlock_acquire_timed"),
                          .release = symbol(library, "lwshm_lwlock_release")};
    CHECK(copy->attach != linked.attach);
    return true;
}

/* ---- allocating ---- */

struct allocator {
    const struct copy *copy;
    lwshm_segment *segment;
    uint64_t offsets[AREAS];
};

static void *allocate(void *arg)
{
    struct allocator *a = arg;
    struct lwshm_area area;
    for (int i = 0; i < AREAS; i++) {
        CHECK_EQ_INT(LWSHM_OK, a->copy->alloc(a->segment, AREA, &area));
        a->offsets[i] = area.offset;
    }
    return NULL;
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void check_that_all_differ(const struct allocator allocators[2])
{
    static uint64_t all[2 * AREAS];
    memcpy(all, allocators[0].offsets, sizeof allocators[0].offsets);
    memcpy(all + AREAS, allocators[1].offsets, sizeof allocators[1].offsets);
    qsort(all, 2 * AREAS, sizeof *all, by_offset);
    for (int i = 1; i < 2 * AREAS; i++)
        CHECK(all[i] - all[i - 1] >= AREA);
}

TEST(a_copy_that_allocates_waits_for_the_other)
{
    struct copy loaded;
    if (!load(&loaded))
        SKIP("there is no liblwshm.so for this processor");
    lwshm_segment *segment = create_segment(NULL), *second;
    CHECK_EQ_INT(LWSHM_OK, loaded.attach(test_dir(), 0, &second));
    check_that_allocator_excludes(segment, loaded.alloc, second);
    CHECK_EQ_INT(LWSHM_OK, loaded.close(second));
    end_segment(segment);
}

TEST(two_copies_that_allocate_at_once_hand_out_each_area_once)
{
    static struct allocator allocators[2];
    struct copy loaded;
    if (!load(&loaded))
        SKIP("there is no liblwshm.so for this processor");
    struct lwshm_segment_options options = small_options();
    options.area_bytes = 2 * AREAS * AREA;
    lwshm_segment *segment = create_segment(&options);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        allocators[i].copy = i == 0 ? &linked : &loaded;
        CHECK_OK(allocators[i].copy->attach(test_dir(), 0, &allocators[i].segment));
        CHECK_EQ_INT(0, pthread_create(&threads[i], NULL, allocate, &allocators[i]));
    }
    for (int i = 0; i < 2; i++)
        CHECK_EQ_INT(0, pthread_join(threads[i], NULL));
    check_that_all_differ(allocators);
    for (int i = 0; i < 2; i++)
        CHECK_OK(allocators[i].copy->close(allocators[i].segment));
    end_segment(segment);
}

/* ---- who is dead ---- */

struct stage {
    uint64_t lock; /* the first copy's; the second one's comes next */
    uint32_t step;
};

static void say(struct stage *stage)
{
    __atomic_add_fetch(&stage->step, 1, __ATOMIC_SEQ_CST);
}

static uint32_t step_of(const struct stage *stage)
{
    return __atomic_load_n(&stage->step, __ATOMIC_SEQ_CST);
}

/* Holds a lock by each copy; then the first copy leaves in order. */
static void hold_by_two_copies(void *arg)
{
    struct stage *stage = arg;
    struct copy loaded;
    lwshm_segment *first, *second;
    lwshm_backend *mine, *other;
    CHECK(load(&loaded));
    CHECK_OK(linked.attach(test_dir(), 0, &first));
    CHECK_EQ_INT(LWSHM_OK, loaded.attach(test_dir(), 0, &second));
    CHECK_OK(linked.join(first, &mine));
    CHECK_EQ_INT(LWSHM_OK, loaded.join(second, &other));
    CHECK_OK(linked.acquire(mine, stage->lock, X));
    CHECK_EQ_INT(LWSHM_OK, loaded.acquire(other, stage->lock + 64, X));
    /* Each looks at the other while it waits. */
    CHECK_EQ_INT(0, linked.acquire_timed(mine, stage->lock + 64, X, 50 * MS));
    CHECK_EQ_INT(0, loaded.acquire_timed(other, stage->lock, X, 50 * MS));
    CHECK_EQ_INT(0, linked.reap_dead(first));
    CHECK_EQ_INT(0, loaded.reap_dead(second));
    say(stage);
    AWAIT(step_of(stage) == 2);
    CHECK_OK(linked.release(mine, stage->lock));
    CHECK_OK(linked.leave(mine));
    CHECK_OK(linked.close(first));
    say(stage);
    for (;;)
        pause();
}

TEST(a_copy_that_leaves_is_not_the_death_of_the_other_and_both_die_with_the_process)
{
    struct copy loaded;
    if (!load(&loaded))
        SKIP("there is no liblwshm.so for this processor");
    lwshm_segment *segment = create_segment(NULL);
    lwshm_backend *me = join(segment);
    struct stage *stage = shared_zeros(sizeof *stage);
    stage->lock = make_tranche(segment, "test", 2).offset;
    pid_t holder = test_fork(hold_by_two_copies, stage);
    AWAIT(step_of(stage) == 1);
    CHECK_EQ_INT(3, lwshm_segment_processes(segment, NULL, 0));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    say(stage);
    AWAIT(step_of(stage) == 3);
    CHECK_EQ_INT(2, lwshm_segment_processes(segment, NULL, 0));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, stage->lock, X));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(me, stage->lock + 64, X, 50 * MS));
    test_kill(holder);
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, stage->lock + 64, X));
    CHECK_OK(lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    CHECK_OK(lwshm_lwlock_release(me, stage->lock));
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}
