/*
 * Cleaning up after the dead: every kind of dead, by whoever comes upon it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "core/backend_slot.h"
#include "core/lock.h"
#include "core/recover.h"
#include "overtaking.h"

#define X LWSHM_LW_EXCLUSIVE
#define S LWSHM_LW_SHARED

static lwshm_segment *segment;
static lwshm_backend *me;
static uint64_t lock;

static void begin(void)
{
    segment = create_segment(NULL);
    lock = make_tranche(segment, "test", 32).offset;
    me = join(segment);
}

static void end(void)
{
    CHECK_OK(lwshm_backend_leave(me));
    end_segment(segment);
}

static struct lwlock *words(void)
{
    return lwshm_shmem_pointer(segment, lock, sizeof(struct lwlock));
}

static struct lwshm_lwlock_info look(void)
{
    struct lwshm_lwlock_info info;
    CHECK_OK(lwshm_lwlock_info(segment, lock, &info));
    return info;
}

static struct lwshm_tranche_statistics statistics(void)
{
    struct lwshm_tranche_statistics s;
    CHECK_OK(lwshm_tranche_statistics(segment, look().tranche, &s));
    return s;
}

/* I4: nothing of the dead one is left, and nothing keeps anybody out. */
static void check_no_trace_of(uint32_t slot)
{
    const struct backend_slot *s = slot_at(segment, slot);
    CHECK_EQ_INT(BACKEND_FREE, slot_state(s->identity));
    for (uint32_t i = 0; i < segment->max_held_locks; i++)
        CHECK_EQ_UINT(0, s->record[i]);
    CHECK(look().owner != (int32_t)slot);
    CHECK(look().starving != (int32_t)slot);
}

static struct actor *holder_of(enum lwshm_lwlock_mode mode)
{
    struct actor *holder = actor_start();
    CHECK_OK(actor_do(holder, act_acquire, lock, mode));
    return holder;
}

static struct actor *waiter_for(enum lwshm_lwlock_mode mode)
{
    struct actor *waiter = actor_start();
    actor_tell(waiter, act_acquire, lock, mode);
    AWAIT(actor_waits_for(segment, waiter, lock));
    return waiter;
}

/* Puts right what a killed holder left, and releases. */
static void repair(void)
{
    CHECK_EQ_INT(1, lwshm_lwlock_acquire_for_repair(me, lock));
    CHECK_OK(lwshm_lwlock_mark_consistent(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_UINT(0, words()->word);
}

/* The lock is as good as new. */
static void check_lock_works(void)
{
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock, S));
    CHECK_OK(lwshm_lwlock_release(me, lock));
}

/* ---- holders ---- */

static void a_killed_writer_is_recovered_by_who_waits_for(enum lwshm_lwlock_mode wanted)
{
    begin();
    struct actor *holder = holder_of(X), *waiter = waiter_for(wanted);
    test_kill(holder->pid);
    CHECK_EQ_INT(LWSHM_E_OWNER_DIED, actor_result(waiter));
    check_no_trace_of(holder->slot);
    CHECK_EQ_UINT(1, look().is_poisoned);
    repair();
    check_lock_works();
    actor_end(waiter);
    end();
}

TEST(a_killed_writer_is_recovered_by_a_writer_that_waits_for_it)
{
    a_killed_writer_is_recovered_by_who_waits_for(X);
}

TEST(a_killed_writer_is_recovered_by_a_reader_that_waits_for_it)
{
    a_killed_writer_is_recovered_by_who_waits_for(S);
}

TEST(a_killed_reader_is_recovered_by_a_writer_that_waits_for_it_and_nothing_is_poisoned)
{
    begin();
    struct actor *holder = holder_of(S), *waiter = waiter_for(X);
    AWAIT((__atomic_load_n(&words()->word, __ATOMIC_SEQ_CST) & LOCK_DPARK) != 0);
    test_kill(holder->pid);
    CHECK_EQ_INT(LWSHM_OK, actor_result(waiter));
    check_no_trace_of(holder->slot);
    CHECK_EQ_UINT(0, look().is_poisoned);
    CHECK_OK(actor_do(waiter, act_release, lock, 0));
    CHECK_EQ_UINT(0, words()->word);
    check_lock_works();
    actor_end(waiter);
    end();
}

TEST(a_killed_reader_takes_no_live_reader_with_it)
{
    begin();
    struct actor *doomed = holder_of(S);
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    test_kill(doomed->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK_EQ_UINT(1, look().shared);
    struct actor *writer = actor_start();
    CHECK_EQ_INT(0, actor_do(writer, act_try_acquire, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(1, actor_do(writer, act_try_acquire, lock, X));
    actor_end(writer);
    end();
}

TEST(all_that_a_killed_one_held_is_ended_at_once)
{
    begin();
    struct actor *holder = actor_start();
    /* More than there are preferred places for: 16 of them want 8. */
    for (uint32_t i = 0; i < 16; i++)
        CHECK_OK(actor_do(holder, act_acquire, lock + 128 * i, i % 2 == 0 ? X : S));
    test_kill(holder->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    check_no_trace_of(holder->slot);
    for (uint32_t i = 0; i < 16; i++) {
        if (i % 2 == 0)
            CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_try_acquire(me, lock + 128 * i, S));
        else
            CHECK_EQ_INT(1, lwshm_lwlock_try_acquire(me, lock + 128 * i, X));
    }
    CHECK_EQ_UINT(16, statistics().recoveries);
    CHECK_EQ_UINT(8, statistics().poisonings);
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    end();
}

/* ---- waiters ---- */

static void a_killed_waiter_leaves_nothing(enum lwshm_lwlock_mode held,
                                           enum lwshm_lwlock_mode wanted)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, held));
    struct actor *waiter = waiter_for(wanted);
    test_kill(waiter->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    check_no_trace_of(waiter->slot);
    CHECK_EQ_INT(held, lwshm_lwlock_is_held_by(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_UINT(0, words()->word);
    CHECK_EQ_UINT(0, statistics().poisonings);
    check_lock_works();
    end();
}

TEST(a_killed_writer_that_waited_for_a_writer_leaves_nothing)
{
    a_killed_waiter_leaves_nothing(X, X);
}

TEST(a_killed_reader_that_waited_for_a_writer_leaves_nothing)
{
    a_killed_waiter_leaves_nothing(X, S);
}

TEST(a_killed_owner_that_waited_for_readers_to_leave_poisons_nothing)
{
    a_killed_waiter_leaves_nothing(S, X);
}

TEST(a_reader_behind_a_killed_owner_that_waited_for_readers_recovers_it)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    struct actor *owner = waiter_for(X), *reader = waiter_for(S);
    test_kill(owner->pid);
    CHECK_EQ_INT(LWSHM_OK, actor_result(reader));
    CHECK_EQ_UINT(2, look().shared);
    check_no_trace_of(owner->slot);
    actor_end(reader);
    end();
}

static void a_killed_starving_waiter_keeps_nobody_out(enum lwshm_lwlock_mode wanted, bool reaped)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *starving = waiter_for(wanted);
    starve(segment, lock, starving, wanted);
    test_kill(starving->pid);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(0, lwshm_lwlock_try_acquire(me, lock, S)); /* it is still ahead of us */
    if (reaped)
        CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK_OK(lwshm_lwlock_acquire(me, lock, S));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    check_no_trace_of(starving->slot);
    CHECK_EQ_UINT(0, words()->word);
    end();
}

TEST(a_killed_starving_writer_keeps_nobody_out)
{
    a_killed_starving_waiter_keeps_nobody_out(X, false);
}

TEST(a_killed_starving_reader_keeps_nobody_out)
{
    a_killed_starving_waiter_keeps_nobody_out(S, false);
}

TEST(a_killed_starving_waiter_is_reaped)
{
    a_killed_starving_waiter_keeps_nobody_out(X, true);
}

/* As one that was woken, or has just released, and is about to go on. */
static int act_note_n(const struct acting *self, uint64_t what, uint64_t unused)
{
    (void)unused;
    *record_take(self->me, what) = record_key(what) | self->me->generation | RECORD_N;
    return 0;
}

TEST(one_that_was_woken_and_is_killed_before_it_acquires_passes_the_wake_up_on)
{
    begin();
    struct actor *woken = actor_start();
    CHECK_OK(actor_do(woken, act_note_n, lock, 0));
    pid_t writers[] = {sleeper_on(&words()->xfut), sleeper_on(&words()->xfut)};
    pid_t reader = sleeper_on(&words()->sfut), owner = sleeper_on(&words()->dfut);
    test_kill(woken->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    TEST_WAIT(writers[0]);
    TEST_WAIT(writers[1]);
    TEST_WAIT(reader);
    TEST_WAIT(owner);
    check_no_trace_of(woken->slot);
    end();
}

/* ---- between the steps of an acquire ---- */

static int act_own(const struct acting *self, uint64_t what, uint64_t kind)
{
    struct lwlock *l = lwshm_shmem_pointer(self->segment, what, sizeof *l);
    *record_take(self->me, what) = record_key(what) | self->me->generation | kind;
    __atomic_or_fetch(&l->word, self->me->owner, __ATOMIC_SEQ_CST);
    return 0;
}

static void an_owner_dies_with(uint64_t kind, uint32_t poisoned)
{
    begin();
    struct actor *owner = actor_start();
    CHECK_OK(actor_do(owner, act_own, lock, kind));
    test_kill(owner->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK_EQ_UINT(poisoned, look().is_poisoned);
    CHECK_EQ_UINT(poisoned, statistics().poisonings);
    CHECK_EQ_UINT(1, statistics().recoveries);
    check_no_trace_of(owner->slot);
    end();
}

TEST(an_owner_that_died_before_it_was_inside_poisons_nothing)
{
    an_owner_dies_with(RECORD_N, 0);
}

TEST(an_owner_that_died_inside_poisons_the_lock)
{
    an_owner_dies_with(RECORD_XIN, 1);
}

TEST(one_that_died_after_it_had_released_takes_nothing_from_the_next_owner)
{
    begin();
    struct actor *before = actor_start();
    CHECK_OK(actor_do(before, act_own, lock, RECORD_XIN));
    /* Its record still covers a wake-up, but W names the next one already. */
    __atomic_store_n(&words()->word, 0, __ATOMIC_SEQ_CST);
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    test_kill(before->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
    CHECK_EQ_INT(backend_info_of(me).slot, look().owner);
    CHECK_EQ_UINT(0, look().is_poisoned);
    CHECK_EQ_UINT(0, statistics().recoveries);
    CHECK_OK(lwshm_lwlock_release(me, lock));
    end();
}

/* ---- who is dead, and who is not ---- */

TEST(a_zombie_is_dead)
{
    begin();
    struct actor *holder = holder_of(X);
    kill(holder->pid, SIGKILL);
    AWAIT(test_has_ended(holder->pid));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, S));
    CHECK(test_has_ended(holder->pid)); /* nobody has waited for it */
    check_no_trace_of(holder->slot);
    test_wait_any(holder->pid);
    end();
}

static int act_exec(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)self, (void)unused, (void)unused2;
    execl("/bin/sleep", "sleep", "3600", (char *)NULL);
    return -errno;
}

static bool runs(pid_t pid, const char *program)
{
    char path[32], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    bool is_it =
        fgets(name, sizeof name, f) != NULL && strncmp(name, program, strlen(program)) == 0;
    fclose(f);
    return is_it;
}

TEST(one_that_runs_another_program_is_dead_to_who_waits_long_for_it)
{
    begin();
    struct actor *holder = holder_of(X);
    actor_tell(holder, act_exec, 0, 0);
    AWAIT(runs(holder->pid, "sleep"));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, X));
    CHECK(!test_has_ended(holder->pid));
    check_no_trace_of(holder->slot);
    end();
}

TEST(one_that_runs_another_program_is_dead_to_the_reaper)
{
    begin();
    struct actor *holder = holder_of(X);
    actor_tell(holder, act_exec, 0, 0);
    AWAIT(runs(holder->pid, "sleep"));
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    CHECK(!test_has_ended(holder->pid));
    check_no_trace_of(holder->slot);
    CHECK_EQ_INT(1, lwshm_segment_processes(segment, NULL, 0));
    repair();
    end();
}

static int act_fork(const struct acting *self, uint64_t unused, uint64_t unused2)
{
    (void)self, (void)unused, (void)unused2;
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

TEST(a_child_that_lives_on_with_the_mapping_does_not_keep_its_parents_locks)
{
    if (is_emulated())
        SKIP("the emulator keeps a mapping in forked children");
    begin();
    struct actor *holder = holder_of(X);
    pid_t child = CHECK_OK(actor_do(holder, act_fork, 0, 0));
    test_kill(holder->pid);
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, S));
    CHECK_EQ_INT(0, kill(child, 0));
    check_no_trace_of(holder->slot);
    end(); /* the child dies with the test's process group */
}

TEST(a_child_cannot_use_what_its_parent_holds_and_its_end_takes_nothing_from_it)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    pid_t child = fork();
    if (child == 0)
        _exit(lwshm_lwlock_release(me, lock) != LWSHM_E_CLOSED);
    CHECK_EQ_INT(0, test_wait_any(child));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(me, lock));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    end();
}

static void one_that_is_stopped_keeps_its_hold(enum lwshm_lwlock_mode held)
{
    begin();
    struct actor *holder = holder_of(held);
    actor_stop(holder);
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    /* Long enough for the look that is thorough, too. */
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(me, lock, X, 600 * 1000000ll));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_EQ_UINT(0, look().is_poisoned);
    CHECK_EQ_INT(0, kill(holder->pid, SIGCONT));
    CHECK_OK(actor_do(holder, act_release, lock, 0));
    check_lock_works();
    actor_end(holder);
    end();
}

TEST(a_stopped_writer_keeps_its_hold)
{
    one_that_is_stopped_keeps_its_hold(X);
}

TEST(a_stopped_reader_keeps_its_hold)
{
    one_that_is_stopped_keeps_its_hold(S);
}

TEST(a_stopped_waiter_keeps_its_place)
{
    begin();
    CHECK_OK(lwshm_lwlock_acquire(me, lock, X));
    struct actor *waiter = waiter_for(X);
    actor_stop(waiter);
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_OK(lwshm_lwlock_release(me, lock));
    CHECK_EQ_INT(0, kill(waiter->pid, SIGCONT));
    CHECK_EQ_INT(LWSHM_OK, actor_result(waiter));
    actor_end(waiter);
    end();
}

/* Says of slot `slot` that a process with that identity has joined it. */
static void set_identity(uint32_t slot, uint64_t identity)
{
    uint32_t process = slot_process(slot_at(segment, slot)->identity);
    __atomic_store_n(&process_at(segment, process)->identity, identity, __ATOMIC_SEQ_CST);
}

TEST(one_whose_pid_another_process_has_by_now_is_dead)
{
    begin();
    struct actor *holder = holder_of(X);
    test_kill(holder->pid);
    /* As if it had had our pid, and been started a tick earlier than we. */
    set_identity(holder->slot, os_process_self() - (1ull << IDENTITY_PID_BITS));
    CHECK_FAILS(LWSHM_E_OWNER_DIED, lwshm_lwlock_acquire(me, lock, X));
    CHECK_EQ_INT(1, lwshm_backend_list(segment, NULL, 0));
    check_no_trace_of(holder->slot);
    end();
}

TEST(one_with_a_pid_and_start_time_of_a_live_process_is_alive)
{
    begin();
    struct actor *holder = holder_of(X), *other = actor_start();
    set_identity(holder->slot, os_process_identity(other->pid));
    CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(0, lwshm_lwlock_acquire_timed(me, lock, X, 10 * 1000000ll));
    set_identity(holder->slot, os_process_identity(holder->pid));
    actor_end(holder);
    actor_end(other);
    end();
}

TEST(who_joins_takes_the_slots_of_the_dead_if_there_is_no_other)
{
    struct lwshm_segment_options options = small_options();
    options.max_backends = 2;
    segment = create_segment(&options);
    lock = make_tranche(segment, "test", 4).offset;
    struct actor *first = holder_of(S), *second = holder_of(S);
    lwshm_backend *none;
    CHECK_FAILS(LWSHM_E_LIMIT, lwshm_backend_join(segment, &none));
    test_kill(first->pid);
    me = join(segment);
    CHECK_EQ_UINT(first->slot, backend_info_of(me).slot);
    CHECK_EQ_UINT(1, backend_info_of(me).generation);
    CHECK_EQ_UINT(1, look().shared);
    actor_end(second);
    end();
}

/* ---- again, at once, half-way, too late ---- */

TEST(two_that_recover_at_once_do_it_once)
{
    begin();
    struct actor *helpers[] = {actor_start(), actor_start()};
    for (uint64_t round = 1; round <= 100; round++) {
        struct actor *doomed = actor_start();
        uint32_t generation = (uint32_t)slot_generation(slot_at(segment, doomed->slot)->identity);
        for (uint32_t i = 0; i < 3; i++)
            CHECK_OK(actor_do(doomed, act_acquire, lock + 64 * i, i == 0 ? X : S));
        test_kill(doomed->pid);
        actor_tell(helpers[0], act_reap, 0, 0);
        actor_tell(helpers[1], act_reap, 0, 0);
        CHECK_OK(lwshm_segment_reap_dead(segment));
        CHECK_OK(actor_result(helpers[0]));
        CHECK_OK(actor_result(helpers[1]));
        check_no_trace_of(doomed->slot);
        CHECK_EQ_UINT(generation + 1, slot_generation(slot_at(segment, doomed->slot)->identity));
        CHECK_EQ_UINT(3 * round, statistics().recoveries);
        CHECK_EQ_UINT(round, statistics().poisonings);
        repair();
    }
    actor_end(helpers[0]);
    actor_end(helpers[1]);
    end();
}

TEST(a_helper_that_comes_too_late_takes_nothing_from_who_has_the_slot_now)
{
    begin();
    struct actor *doomed = holder_of(X);
    uint64_t was = slot_at(segment, doomed->slot)->identity;
    test_kill(doomed->pid);
    CHECK_EQ_INT(1, lwshm_segment_reap_dead(segment));
    repair();
    lwshm_backend *next = join(segment);
    CHECK_EQ_UINT(doomed->slot, backend_info_of(next).slot);
    CHECK_OK(lwshm_lwlock_acquire(next, lock, X));
    uint64_t word = words()->word;
    /* As one that had begun before and was held up at any of these places. */
    lock_end_record(segment, doomed->slot, slot_generation(was), record_find(next, lock), true);
    uint64_t read_before =
        record_key(lock) | slot_generation(was) << RECORD_GENERATION_SHIFT | RECORD_XIN;
    lock_end_record(segment, doomed->slot, slot_generation(was), &read_before, true);
    CHECK_EQ_UINT(0, read_before);
    recover_slot(segment, doomed->slot, was);
    recover_slot(segment, doomed->slot,
                 slot_identity(BACKEND_DEAD, slot_process(was), slot_generation(was)));
    CHECK_EQ_UINT(word, words()->word);
    CHECK_EQ_INT(X, lwshm_lwlock_is_held_by(next, lock));
    CHECK_OK(lwshm_lwlock_release(next, lock));
    CHECK_OK(lwshm_backend_leave(next));
    end();
}

TEST(reaping_takes_nothing_from_the_living)
{
    begin();
    struct actor *writer = actor_start();
    CHECK_OK(actor_do(writer, act_acquire, lock, X));
    CHECK_OK(actor_do(writer, act_acquire, lock + 64, S));
    CHECK_OK(lwshm_lwlock_acquire(me, lock + 64, S));
    struct actor *waiter = waiter_for(S);
    for (int i = 0; i < 50; i++)
        CHECK_EQ_INT(0, lwshm_segment_reap_dead(segment));
    CHECK_EQ_INT(3, lwshm_backend_list(segment, NULL, 0));
    CHECK_EQ_INT(writer->slot, look().owner);
    CHECK(actor_waits_for(segment, waiter, lock));
    CHECK_OK(actor_do(writer, act_release, lock, 0));
    CHECK_EQ_INT(LWSHM_OK, actor_result(waiter));
    actor_end(waiter);
    actor_end(writer);
    end();
}
