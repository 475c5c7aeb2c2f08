/*
 * The slots of a postmaster's children: whom they are meant for, and the dead-man switch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <unistd.h>

#include "actor.h"
#include "core/handle.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

#define CHILDREN 3
#define LAUNCH 7

static lwshm_segment *segment;
static uint64_t lock;
static struct lwshm_backend_parameters *parameters; /* shared with the actors */

static void begin(void)
{
    struct lwshm_segment_options options = small_options();
    options.max_children = CHILDREN;
    segment = create_segment(&options);
    lock = make_tranche(segment, "test", 32).offset;
    parameters = shared_zeros(sizeof *parameters);
}

static void end(void)
{
    end_segment(segment);
}

static int state(uint32_t slot)
{
    return CHECK_OK(lwshm_child_slot_state(segment, slot, LAUNCH));
}

static void assign(uint32_t slot)
{
    CHECK_OK(lwshm_child_slot_assign(segment, slot, LAUNCH, parameters));
}

/* ---- a child in a process of its own ---- */

static lwshm_backend *child; /* the actor's second backend, in the slot meant for it */

static int act_join_slot(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)unused, (void)unused2;
    return lwshm_backend_join_slot(self->segment, parameters, &child);
}

static int act_leave(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)self, (void)unused, (void)unused2;
    return lwshm_backend_leave(child);
}

static int act_abandon(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)self, (void)unused, (void)unused2;
    return lwshm_backend_abandon(child);
}

static int act_lock(const struct acting *self, uint64_t what, uint64_t mode)
{
    (void)self;
    return lwshm_lwlock_acquire(child, what, (enum lwshm_lwlock_mode)mode);
}

static int act_fence(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)unused, (void)unused2;
    return lwshm_segment_detach(self->segment, LWSHM_DETACH_FENCE);
}

static int act_exit(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)self, (void)unused, (void)unused2;
    exit(0);
}

static struct actor *child_in(uint32_t slot)
{
    struct actor *actor = actor_start();
    assign(slot);
    CHECK_EQ_INT(LWSHM_CHILD_ASSIGNED, state(slot));
    CHECK_OK(actor_do(actor, act_join_slot, 0, 0));
    CHECK_EQ_INT(LWSHM_CHILD_ACTIVE, state(slot));
    return actor;
}

static bool is_free(uint32_t slot)
{
    struct lwshm_backend_info infos[64];
    int count = CHECK_OK(lwshm_backend_list(segment, infos, 64));
    for (int i = 0; i < count; i++)
        if (infos[i].slot == slot)
            return false;
    return true;
}

static bool is_poisoned(void)
{
    uint64_t found[4];
    int count = CHECK_OK(lwshm_segment_poisoned(segment, found, 4));
    CHECK(count == 0 || (count == 1 && found[0] == lock));
    return count == 1;
}

/* ---- whose the slots are ---- */

TEST(ordinary_joins_never_take_a_childs_slot)
{
    begin();
    lwshm_backend *all[16], *none;
    for (uint32_t i = 0; i < 16 - CHILDREN; i++) {
        all[i] = join(segment);
        CHECK(backend_info_of(all[i]).slot >= CHILDREN);
    }
    CHECK_CONTAINS("3 more are for the postmaster's children",
                   CHECK_FAILS(LWSHM_E_LIMIT, lwshm_backend_join(segment, &none))->message);
    assign(0);
    lwshm_backend *mine;
    CHECK_OK(lwshm_backend_join_slot(segment, parameters, &mine));
    CHECK_EQ_UINT(0, backend_info_of(mine).slot);
    CHECK_OK(lwshm_backend_leave(mine));
    for (uint32_t i = 0; i < 16 - CHILDREN; i++)
        CHECK_OK(lwshm_backend_leave(all[i]));
    end();
}

TEST(too_many_children_are_refused_with_the_number_allowed)
{
    struct lwshm_segment_size size;
    struct lwshm_segment_options options = small_options();
    options.max_children = 15;
    CHECK_OK(lwshm_segment_plan(&options, &size));
    options.max_children = 16;
    CHECK_CONTAINS("max_children is 16; it takes 0 to 15",
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_plan(&options, &size))->message);
}

TEST(assigning_fills_in_what_the_segment_knows)
{
    begin();
    memset(parameters, 0xff, sizeof *parameters);
    assign(2);
    struct lwshm_segment_info info = info_of(segment);
    CHECK_EQ_UINT(os_process_self(), parameters->postmaster);
    CHECK_EQ_UINT(os_process_namespaces(), parameters->pid_namespace);
    CHECK_EQ_UINT(info.size, parameters->segment_size);
    CHECK_EQ_INT(info.shmid, parameters->shmid);
    CHECK_EQ_UINT(info.generation, parameters->generation);
    CHECK_EQ_UINT(0600, parameters->mode);
    CHECK_EQ_UINT(2, parameters->slot);
    CHECK_EQ_UINT(LAUNCH, parameters->launch);
    CHECK_EQ_UINT((char *)slot_at(segment, 2) - segment->base, parameters->slot_offset);
    CHECK_EQ_INT('/', parameters->data_dir[0]);
    CHECK_EQ_UINT(0, parameters->number);
    CHECK_EQ_UINT(0, parameters->grace_ms);
    CHECK_EQ_STR("", parameters->name);
    end();
}

TEST(what_cannot_be_assigned_is_refused)
{
    begin();
    CHECK_CONTAINS(
        "slot 3 is none of the segment's 3",
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_slot_assign(segment, CHILDREN, LAUNCH, parameters))
            ->message);
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_slot_state(segment, CHILDREN, LAUNCH));
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_slot_release(segment, UINT32_MAX));
    CHECK_CONTAINS(
        "launch is 0",
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_slot_assign(segment, 0, 0, parameters))->message);
    struct actor *living = child_in(0);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d is joined", living->pid);
    CHECK_CONTAINS(
        pid, CHECK_FAILS(LWSHM_E_BUSY, lwshm_child_slot_assign(segment, 0, LAUNCH + 1, parameters))
                 ->message);
    CHECK_EQ_INT(LWSHM_CHILD_ACTIVE, state(0));
    CHECK_OK(actor_do(living, act_leave, 0, 0));
    actor_end(living);
    end();
}

TEST(a_private_segment_has_no_children_that_could_find_it)
{
    struct lwshm_segment_options options = small_options();
    struct lwshm_backend_parameters p;
    options.data_dir = NULL;
    options.max_children = 1;
    segment = create_segment(&options);
    CHECK_CONTAINS(
        "the segment is private",
        CHECK_FAILS(LWSHM_E_INVALID, lwshm_child_slot_assign(segment, 0, 1, &p))->message);
    end();
}

/* ---- who joins them ---- */

static const char *refused(const struct lwshm_backend_parameters *p)
{
    lwshm_backend *backend = NULL;
    const struct lwshm_error *error =
        CHECK_FAILS(LWSHM_E_PARAMETERS, lwshm_backend_join_slot(segment, p, &backend));
    CHECK(backend == NULL);
    return error->message;
}

TEST(parameters_of_another_segment_slot_or_launch_are_refused)
{
    begin();
    assign(1);
    struct lwshm_backend_parameters p = *parameters;
    p.shmid++;
    CHECK_CONTAINS("the postmaster has made a new one", refused(&p));
    p = *parameters;
    p.generation++;
    CHECK_CONTAINS("of generation 2", refused(&p));
    p = *parameters;
    p.segment_size += 4096;
    CHECK_CONTAINS("the parameters are for segment", refused(&p));
    p = *parameters;
    p.slot_offset += 64;
    CHECK_CONTAINS("is at offset", refused(&p));
    p = *parameters;
    p.slot = 2;
    CHECK_CONTAINS("is at offset", refused(&p));
    p.slot = UINT32_MAX;
    CHECK_CONTAINS("name slot 4294967295", refused(&p));
    p = *parameters;
    p.launch = 0;
    CHECK_CONTAINS("launch 0", refused(&p));
    p.launch = LAUNCH + 1;
    CHECK_CONTAINS("is meant for another child by now, launch 7", refused(&p));
    CHECK_EQ_INT(LWSHM_CHILD_ASSIGNED, state(1)); /* and it is still for who is meant */
    CHECK_OK(lwshm_child_slot_release(segment, 1));
    CHECK_EQ_INT(LWSHM_CHILD_NONE, state(1));
    CHECK_CONTAINS("is meant for no child by now", refused(parameters));
    end();
}

TEST(a_slot_is_joined_once)
{
    begin();
    struct actor *first = child_in(0);
    char process[64];
    snprintf(process, sizeof process, "slot 0 is joined already, by process %d", first->pid);
    CHECK_CONTAINS(process, refused(parameters));
    CHECK_OK(actor_do(first, act_leave, 0, 0));
    CHECK_CONTAINS("slot 0 was left by this child", refused(parameters));
    actor_end(first);
    end();
}

TEST(a_child_that_cannot_have_its_slot_may_try_again)
{
    begin();
    struct actor *before = child_in(0);
    struct lwshm_backend_parameters p = *parameters;
    p.launch = LAUNCH + 1;
    /* As if the postmaster had taken the one before for dead. */
    slot_at(segment, 0)->child = (uint64_t)p.launch << 32 | LWSHM_CHILD_ASSIGNED;
    CHECK_CONTAINS("is joined there and has not ended", refused(&p));
    CHECK_EQ_INT(LWSHM_CHILD_ASSIGNED, lwshm_child_slot_state(segment, 0, p.launch));
    test_kill(before->pid);
    lwshm_backend *mine;
    CHECK_OK(lwshm_backend_join_slot(segment, &p, &mine));
    CHECK_OK(lwshm_backend_leave(mine));
    CHECK_EQ_INT(LWSHM_CHILD_LEFT, lwshm_child_slot_state(segment, 0, p.launch));
    end();
}

/* ---- the dead-man switch ---- */

TEST(who_leaves_in_order_says_so)
{
    begin();
    struct actor *actor = child_in(1);
    CHECK_OK(actor_do(actor, act_lock, lock, S)); /* which leaving releases */
    CHECK_OK(actor_do(actor, act_leave, 0, 0));
    CHECK_EQ_INT(LWSHM_CHILD_LEFT, state(1));
    CHECK(is_free(1));
    CHECK(!is_poisoned());
    actor_end(actor);
    end();
}

TEST(who_is_killed_stays_active_when_others_have_cleaned_up_after_him)
{
    begin();
    struct actor *actor = child_in(1);
    CHECK_OK(actor_do(actor, act_lock, lock, X));
    test_kill(actor->pid);
    CHECK(CHECK_OK(lwshm_segment_reap_dead(segment)) >= 1);
    CHECK(is_free(1));
    CHECK(is_poisoned());
    CHECK_EQ_INT(LWSHM_CHILD_ACTIVE, state(1));
    assign(1);
    CHECK_EQ_INT(LWSHM_CHILD_ASSIGNED, state(1));
    end();
}

TEST(assigning_a_slot_cleans_up_after_the_dead_one_in_it)
{
    begin();
    struct actor *actor = child_in(1);
    CHECK_OK(actor_do(actor, act_lock, lock, X));
    test_kill(actor->pid);
    CHECK(!is_poisoned());
    assign(1);
    CHECK(is_free(1));
    CHECK(is_poisoned());
    end();
}

TEST(who_exits_without_leaving_stays_active)
{
    begin();
    struct actor *actor = child_in(0);
    actor_tell(actor, act_exit, 0, 0);
    CHECK_EQ_INT(0, test_wait_any(actor->pid));
    CHECK_EQ_INT(LWSHM_CHILD_ACTIVE, state(0));
    end();
}

TEST(who_is_fenced_off_inside_nothing_has_left)
{
    begin();
    struct actor *actor = child_in(0);
    CHECK_OK(actor_do(actor, act_lock, lock, S));
    CHECK_OK(actor_do(actor, act_fence, 0, 0));
    CHECK_EQ_INT(LWSHM_CHILD_LEFT, state(0));
    CHECK(is_free(0));
    CHECK(!is_poisoned());
    test_kill(actor->pid);
    end();
}

TEST(who_is_fenced_off_inside_a_lock_stays_active_and_it_is_poisoned)
{
    begin();
    struct actor *actor = child_in(0);
    CHECK_OK(actor_do(actor, act_lock, lock, X));
    CHECK_OK(actor_do(actor, act_fence, 0, 0));
    CHECK_EQ_INT(LWSHM_CHILD_ACTIVE, state(0));
    CHECK(is_free(0));
    CHECK(is_poisoned());
    test_kill(actor->pid);
    end();
}

TEST(who_is_abandoned_has_left_unless_inside_a_lock)
{
    begin();
    struct actor *actor = child_in(0);
    CHECK_OK(actor_do(actor, act_abandon, 0, 0));
    CHECK_EQ_INT(LWSHM_CHILD_LEFT, state(0));
    assign(0);
    CHECK_OK(actor_do(actor, act_join_slot, 0, 0));
    CHECK_OK(actor_do(actor, act_lock, lock, X));
    CHECK_OK(actor_do(actor, act_abandon, 0, 0));
    CHECK_EQ_INT(LWSHM_CHILD_ACTIVE, state(0));
    CHECK(is_poisoned());
    actor_end(actor);
    end();
}

TEST(a_child_that_leaves_inside_a_lock_has_not_left_in_order)
{
    begin();
    struct actor *actor = child_in(0);
    CHECK_OK(actor_do(actor, act_lock, lock, X));
    CHECK_EQ_INT(1, actor_do(actor, act_leave, 0, 0));
    CHECK(is_poisoned());
    CHECK(is_free(0));
    CHECK_EQ_INT(LWSHM_CHILD_ACTIVE, state(0));
    actor_end(actor);
    end();
}

TEST(ordinary_backends_do_not_touch_the_switch)
{
    begin();
    assign(0);
    struct actor *actor = actor_start();
    actor_end(actor);
    actor = actor_start();
    test_kill(actor->pid);
    CHECK_OK(lwshm_segment_reap_dead(segment));
    for (uint32_t i = 1; i < 16; i++)
        CHECK_EQ_UINT(0, slot_at(segment, i)->child);
    CHECK_EQ_INT(LWSHM_CHILD_ASSIGNED, state(0));
    end();
}

/* ---- garbage ---- */

TEST(a_child_word_that_makes_no_sense_is_one_of_a_crash)
{
    begin();
    const uint64_t garbage[] = {
        1,
        2,
        3,
        0xffffffffull,
        UINT64_MAX,
        1ull << 32,
        7ull << 32,
        7ull << 32 | 7,
        8ull << 32 | 3,
        7ull << 32 | 1ull << 31 | 3,
    };
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        slot_at(segment, 0)->child = garbage[i];
        if (state(0) != LWSHM_CHILD_ACTIVE)
            FAIL("0x%jx reads as %d", (uintmax_t)garbage[i], state(0));
        assign(0);
        CHECK_EQ_INT(LWSHM_CHILD_ASSIGNED, state(0));
        slot_at(segment, 0)->child = garbage[i];
        CHECK_OK(lwshm_child_slot_release(segment, 0));
        CHECK_EQ_INT(LWSHM_CHILD_NONE, state(0));
    }
    end();
}

TEST(a_slot_that_nobody_can_be_in_is_told_from_one_that_is_taken)
{
    begin();
    const uint64_t garbage[] = {~0ull, BACKEND_JOINED | 0xffff00, BACKEND_JOINED | 1 << 8};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        slot_at(segment, 0)->identity = garbage[i];
        CHECK_CONTAINS(
            "slot 0 is 0x",
            CHECK_FAILS(LWSHM_E_CORRUPT, lwshm_child_slot_assign(segment, 0, LAUNCH, parameters))
                ->message);
    }
    slot_at(segment, 0)->identity = 0;
    CHECK_OK(lwshm_child_slot_assign(segment, 0, LAUNCH, parameters));
    end();
}

/* The bytes between the header and the areas. */
static void fill(unsigned seed)
{
    for (uint64_t i = segment->region[LWSHM_REGION_PROCESSES]; i < segment->size; i++) {
        seed = seed * 1103515245 + 12345;
        segment->base[i] = (char)(seed >> 16);
    }
}

TEST(garbage_in_the_segment_does_not_crash_the_postmaster)
{
    begin();
    uint64_t found[4];
    struct lwshm_backend_parameters p;
    char *before = malloc(segment->size);
    memcpy(before, segment->base, segment->size);
    for (unsigned seed = 0; seed < 300; seed++) {
        memset(segment->base + sizeof(struct segment_header), seed == 0 ? 0xff : 0,
               segment->size - sizeof(struct segment_header));
        if (seed != 0)
            fill(seed);
        for (uint32_t i = 0; i < CHILDREN; i++) {
            CHECK(lwshm_child_slot_state(segment, i, LAUNCH) >= 0);
            int r = lwshm_child_slot_assign(segment, i, LAUNCH, &p);
            CHECK(r == LWSHM_OK || r == LWSHM_E_BUSY || r == LWSHM_E_CORRUPT);
            CHECK_OK(lwshm_child_slot_release(segment, i));
        }
        int count = CHECK_OK(lwshm_segment_poisoned(segment, found, 4));
        CHECK(count <= 64);
        for (int i = 0; i < count && i < 4; i++)
            CHECK(is_lock(segment, found[i]));
        CHECK_OK(lwshm_segment_reap_dead(segment));
        CHECK_OK(lwshm_postmaster_set_stop_mode(segment, LWSHM_STOP_FAST));
        CHECK_EQ_INT(LWSHM_STOP_FAST, lwshm_postmaster_stop_mode(segment));
    }
    memcpy(segment->base, before, segment->size);
    free(before);
    end();
}

/* ---- what else stands in the segment ---- */

TEST(the_postmasters_wish_is_heard_by_attachers)
{
    begin();
    lwshm_segment *other = attach_segment();
    CHECK_EQ_INT(LWSHM_STOP_NONE, lwshm_postmaster_stop_mode(other));
    CHECK_OK(lwshm_postmaster_set_stop_mode(segment, LWSHM_STOP_SMART));
    CHECK_EQ_INT(LWSHM_STOP_SMART, lwshm_postmaster_stop_mode(other));
    CHECK_CONTAINS("stop mode is 4",
                   CHECK_FAILS(LWSHM_E_INVALID,
                               lwshm_postmaster_set_stop_mode(segment, (enum lwshm_stop_mode)4))
                       ->message);
    header_of(segment)->stop_mode = 77;
    CHECK_EQ_INT(LWSHM_STOP_NONE, lwshm_postmaster_stop_mode(other));
    close_segment(other);
    end();
}

TEST(a_new_generation_comes_after_the_one_that_is_asked_for)
{
    struct lwshm_segment_options options = small_options();
    options.after = 41;
    segment = create_segment(&options);
    CHECK_EQ_UINT(42, info_of(segment).generation);
    end();
    options.after = 0;
    segment = create_segment(&options);
    CHECK_EQ_UINT(1, info_of(segment).generation);
    end();
    options.after = UINT32_MAX;
    CHECK_CONTAINS("after is 4294967295",
                   CHECK_FAILS(LWSHM_E_INVALID, lwshm_segment_create(&options, &segment))->message);
}

/* ---- repairing all ---- */

static int repaired;

static int repair(lwshm_backend *backend, uint64_t which, void *argument)
{
    (void)argument;
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(backend, which));
    repaired++;
    return 0;
}

TEST(all_poisoned_locks_are_repaired_and_the_first_that_cannot_be_is_named)
{
    begin();
    struct lwshm_tranche other = make_tranche(segment, "other", 4), mine;
    CHECK_OK(lwshm_tranche_find(segment, "test", &mine));
    struct actor *actor = child_in(0);
    CHECK_OK(actor_do(actor, act_lock, lwshm_tranche_lock(&mine, 3), X));
    CHECK_OK(actor_do(actor, act_lock, lwshm_tranche_lock(&mine, 4), X));
    CHECK_OK(actor_do(actor, act_lock, lwshm_tranche_lock(&other, 2), X));
    test_kill(actor->pid);
    CHECK_OK(lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(3, lwshm_segment_poisoned(segment, NULL, 0));
    lwshm_backend *me = join(segment);
    CHECK_OK(lwshm_tranche_on_repair(segment, &other, repair, NULL));
    const struct lwshm_error *error = CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_backend_repair_all(me));
    CHECK_EQ_UINT(2, error->value_count);
    CHECK_EQ_INT(lwshm_tranche_lock(&mine, 3), error->values[0]);
    CHECK_EQ_INT(2, error->values[1]);
    CHECK_EQ_INT(1, repaired); /* those that come after it, too */
    CHECK_OK(lwshm_tranche_on_repair(segment, &mine, repair, NULL));
    CHECK_EQ_INT(2, lwshm_backend_repair_all(me));
    CHECK_EQ_INT(3, repaired);
    CHECK_EQ_INT(0, lwshm_segment_poisoned(segment, NULL, 0));
    CHECK_EQ_INT(0, lwshm_backend_repair_all(me));
    CHECK_EQ_INT(0, lwshm_backend_held_locks(me));
    CHECK_OK(lwshm_backend_leave(me));
    end();
}
