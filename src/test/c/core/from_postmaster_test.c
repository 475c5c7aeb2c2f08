/*
 * A child from its first breath to its last: it finds its place, hears its postmaster, and ends
 * with it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/handle.h"
#include "fixture.h"
#include "lwshm/process.h"

#define LONG_MS 3600000
#define SHORT_MS 50

/* What all processes of a test see. */
static struct board {
    pid_t postmaster, child;
    uint32_t is_joined, is_reloaded, heard_term, may_end, is_checked;
    uint32_t grace_ms;
    bool ignores_term, leaves_at_once;
    char file[4200];
} * board;

static lwshm_segment *segment; /* the child's */
static lwshm_backend *me;

static void begin(void)
{
    board = shared_zeros(sizeof *board);
    board->grace_ms = LONG_MS;
    snprintf(board->file, sizeof board->file, "%s/parameters", test_dir());
    setenv(LWSHM_BACKEND_PARAMETERS_ENV, board->file, 1);
}

static void raise_flag(uint32_t *flag)
{
    __atomic_add_fetch(flag, 1, __ATOMIC_SEQ_CST);
}

static uint32_t flag(const uint32_t *flag_)
{
    return __atomic_load_n(flag_, __ATOMIC_SEQ_CST);
}

/* ---- the postmaster: assigns the slot, and waits for its end ---- */

static lwshm_segment *make_segment(void)
{
    struct lwshm_segment_options options = small_options();
    options.max_children = 2;
    return create_segment(&options);
}

static void write_parameters(lwshm_segment *own)
{
    struct lwshm_backend_parameters p;
    CHECK_OK(lwshm_child_slot_assign(own, 1, 5, &p));
    p.grace_ms = board->grace_ms;
    snprintf(p.name, sizeof p.name, "worker");
    CHECK_OK(lwshm_backend_parameters_write(board->file, &p));
}

/* ---- the child ---- */

static void on_term(int signal)
{
    (void)signal;
    raise_flag(&board->heard_term);
    _exit(0);
}

static void on_reload(void *argument)
{
    raise_flag(argument);
}

static void be_the_child(void *unused)
{
    (void)unused;
    board->child = getpid();
    signal(SIGTERM, board->ignores_term ? SIG_IGN : on_term);
    CHECK_OK(lwshm_backend_from_postmaster(&segment, &me));
    if (board->leaves_at_once) {
        CHECK_OK(lwshm_backend_leave(me));
        close_segment(segment);
    }
    raise_flag(&board->is_joined);
    for (;;)
        pause();
}

static void be_the_postmaster(void *unused)
{
    (void)unused;
    board->postmaster = getpid();
    lwshm_segment *own = make_segment();
    write_parameters(own);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        be_the_child(NULL);
    for (;;)
        pause();
}

/* The segment of a postmaster that was killed goes when the next one comes, and at the end here. */
static void clean_up(void)
{
    end_segment(make_segment());
}

static bool is_gone(pid_t pid)
{
    uint64_t identity = os_process_identity(pid);
    return identity == 0 || os_process_is_dead(identity);
}

/* ---- its place ---- */

TEST(a_child_takes_the_place_meant_for_it_and_leaves_it)
{
    begin();
    lwshm_segment *own = make_segment();
    write_parameters(own);
    CHECK_OK(lwshm_backend_from_postmaster(&segment, &me));
    CHECK_EQ_UINT(1, backend_info_of(me).slot);
    CHECK_EQ_INT(info_of(own).shmid, info_of(segment).shmid);
    CHECK_EQ_INT(LWSHM_CHILD_ACTIVE, lwshm_child_slot_state(own, 1, 5));
    lwshm_segment *again;
    lwshm_backend *again_me;
    CHECK_FAILS(LWSHM_E_INVALID, lwshm_backend_from_postmaster(&again, &again_me));
    CHECK_OK(lwshm_backend_leave(me));
    CHECK_EQ_INT(LWSHM_CHILD_LEFT, lwshm_child_slot_state(own, 1, 5));
    close_segment(segment);
    end_segment(own);
}

static void nothing_stays_attached(lwshm_segment *own)
{
    CHECK(segment == NULL && me == NULL);
    CHECK_EQ_INT(1, lwshm_segment_processes(own, NULL, 0));
    CHECK_EQ_INT(0, lwshm_backend_list(own, NULL, 0));
}

TEST(who_was_started_by_no_postmaster_hears_so)
{
    begin();
    unsetenv(LWSHM_BACKEND_PARAMETERS_ENV);
    CHECK_FAILS(LWSHM_E_NOT_FOUND, lwshm_backend_from_postmaster(&segment, &me));
    setenv(LWSHM_BACKEND_PARAMETERS_ENV, board->file, 1);
    CHECK_FAILS(LWSHM_E_PARAMETERS, lwshm_backend_from_postmaster(&segment, &me));
}

TEST(a_failure_leaves_nothing_attached_and_may_be_tried_again)
{
    begin();
    lwshm_segment *own = make_segment();
    write_parameters(own);
    CHECK_OK(lwshm_child_slot_release(own, 1));
    CHECK_FAILS(LWSHM_E_PARAMETERS, lwshm_backend_from_postmaster(&segment, &me));
    nothing_stays_attached(own);
    unlink(board->file);
    write_parameters(own);
    CHECK_OK(lwshm_backend_from_postmaster(&segment, &me));
    CHECK_OK(lwshm_backend_leave(me));
    close_segment(segment);
    end_segment(own);
}

static void rewrite(struct lwshm_backend_parameters p)
{
    unlink(board->file);
    CHECK_OK(lwshm_backend_parameters_write(board->file, &p));
}

static void do_nothing(void *unused)
{
    (void)unused;
}

TEST(parameters_of_the_dead_the_far_and_the_past_are_refused)
{
    begin();
    lwshm_segment *own = make_segment();
    struct lwshm_backend_parameters p, changed;
    write_parameters(own);
    CHECK_OK(lwshm_backend_parameters_read(NULL, &p));

    pid_t dead = test_fork(do_nothing, NULL);
    AWAIT(test_has_ended(dead));
    changed = p;
    changed.postmaster = os_process_identity(dead);
    rewrite(changed);
    CHECK_CONTAINS(
        "has ended",
        CHECK_FAILS(LWSHM_E_PARAMETERS, lwshm_backend_from_postmaster(&segment, &me))->message);
    TEST_WAIT(dead);

    changed = p;
    changed.pid_namespace ^= 1;
    rewrite(changed);
    CHECK_FAILS(LWSHM_E_NAMESPACE, lwshm_backend_from_postmaster(&segment, &me));

    changed = p;
    changed.generation++;
    rewrite(changed);
    CHECK_CONTAINS(
        "has made a new one",
        CHECK_FAILS(LWSHM_E_PARAMETERS, lwshm_backend_from_postmaster(&segment, &me))->message);
    nothing_stays_attached(own);
    CHECK_EQ_INT(LWSHM_CHILD_ASSIGNED, lwshm_child_slot_state(own, 1, 5));
    end_segment(own);
}

/* ---- its end ---- */

static void postmaster_dies(void)
{
    pid_t postmaster = test_fork(be_the_postmaster, NULL);
    AWAIT(flag(&board->is_joined) == 1);
    test_kill(postmaster);
}

TEST(a_child_whose_postmaster_is_killed_gets_sigterm)
{
    begin();
    postmaster_dies();
    AWAIT(flag(&board->heard_term) == 1);
    AWAIT(is_gone(board->child));
    clean_up();
}

TEST(a_child_that_ignores_sigterm_is_killed_after_its_grace)
{
    begin();
    board->ignores_term = true;
    board->grace_ms = SHORT_MS;
    postmaster_dies();
    AWAIT(is_gone(board->child));
    clean_up();
}

TEST(a_child_that_has_left_everything_still_ends_with_its_postmaster)
{
    begin();
    board->leaves_at_once = true;
    postmaster_dies();
    AWAIT(flag(&board->heard_term) == 1);
    clean_up();
}

/* ---- SIGHUP ---- */

TEST(a_child_that_wants_no_reload_is_not_ended_by_sighup)
{
    begin();
    signal(SIGHUP, SIG_DFL);
    lwshm_segment *own = make_segment();
    write_parameters(own);
    CHECK_OK(lwshm_backend_from_postmaster(&segment, &me));
    raise(SIGHUP);
    CHECK_OK(lwshm_postmaster_on_reload(on_reload, &board->is_reloaded));
    raise(SIGHUP);
    AWAIT(flag(&board->is_reloaded) == 1);
    kill(getpid(), SIGHUP);
    AWAIT(flag(&board->is_reloaded) == 2);
    CHECK_OK(lwshm_postmaster_on_reload(on_reload, &board->is_checked)); /* another one */
    raise(SIGHUP);
    AWAIT(flag(&board->is_checked) == 1);
    CHECK_EQ_UINT(2, flag(&board->is_reloaded));
    CHECK_OK(lwshm_postmaster_on_reload(NULL, NULL));
    raise(SIGHUP);
    CHECK_OK(lwshm_backend_leave(me));
    close_segment(segment);
    end_segment(own);
}

static void get_sighup(void *unused)
{
    (void)unused;
    raise(SIGHUP);
}

TEST(a_forked_copys_sighup_is_not_its_parents)
{
    begin();
    CHECK_OK(lwshm_postmaster_on_reload(on_reload, &board->is_reloaded));
    TEST_WAIT(test_fork(get_sighup, NULL));
    CHECK_EQ_UINT(0, flag(&board->is_reloaded));
    raise(SIGHUP);
    AWAIT(flag(&board->is_reloaded) == 1);
}

static volatile sig_atomic_t own_handler;

static void on_hup(int signal)
{
    (void)signal;
    own_handler++;
}

TEST(a_program_that_handles_sighup_itself_keeps_it)
{
    begin();
    signal(SIGHUP, on_hup);
    lwshm_segment *own = make_segment();
    write_parameters(own);
    CHECK_OK(lwshm_backend_from_postmaster(&segment, &me));
    raise(SIGHUP);
    CHECK_EQ_INT(1, own_handler);
    CHECK_OK(lwshm_backend_leave(me));
    close_segment(segment);
    end_segment(own);
}
