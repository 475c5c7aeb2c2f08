/*
 * A process that is killed while it attaches, adopts, or leaves, as the last one or not: after each
 * of its system calls.  The next process finds a directory with one segment, in which only the
 * living are members, and whose data are whole.
 *
 * chaos/membership_program.c kills at each instruction, and in Java, too.  Creating is killed in
 * segment_create_killed_test.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"
#include "member_scenes.h"
#include "raw_directory.h"
#include "tracing.h"

/* After its `calls`th call; false if it has come to its end before. */
static bool kill_after(const struct member_scene *scene, int calls)
{
    if (!member_scene_set(scene))
        FAIL("%s: %s", scene->name, member_wrong.text);
    pid_t pid = tracing_start(member_victim);
    raw_knows(pid);
    bool goes_on = tracing_run_through_calls(pid, calls) >= 0;
    test_kill(pid);
    if (!member_scene_check(calls % NEXT_COUNT))
        FAIL("one that %s, killed after call %d: %s", scene->name, calls, member_wrong.text);
    return goes_on;
}

static void kill_all_along(enum member_setting setting, const char *action)
{
    member_scenes_begin(test_dir());
    for (int i = 0; i < member_scene_count; i++) {
        const struct member_scene *scene = &member_scenes[i];
        int calls = 0;
        if (scene->setting != setting || strcmp(scene->action, action) != 0)
            continue;
        while (kill_after(scene, calls))
            calls++;
        CHECK(calls > 5);
    }
    if (!member_scenes_end())
        FAIL("%s", member_wrong.text);
}

TEST(one_that_attaches_is_killed_after_each_call)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    kill_all_along(SETTING_LIVE, "attach");
}

TEST(one_that_leaves_is_killed_after_each_call)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    kill_all_along(SETTING_LIVE, "close");
}

TEST(the_last_one_that_leaves_is_killed_after_each_call)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    kill_all_along(SETTING_NOTHING, "close");
}

TEST(one_that_adopts_is_killed_after_each_call)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    kill_all_along(SETTING_ORPHAN, "open");
}

TEST(one_that_adopts_what_a_killed_adopter_left_is_killed_after_each_call)
{
    if (is_emulated())
        SKIP("there is no ptrace");
    kill_all_along(SETTING_ADOPTED, "open");
}
