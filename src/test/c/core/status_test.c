/*
 * What went wrong, as the caller can read it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/status.h"

#include <errno.h>
#include <pthread.h>

#include "fixture.h"

TEST(nothing_has_failed_at_first)
{
    const struct lwshm_error *error = lwshm_last_error();
    CHECK(error != NULL);
    CHECK_EQ_INT(LWSHM_OK, error->status);
    CHECK_EQ_STR("", error->message);
    CHECK_EQ_UINT(0, error->value_count);
}

TEST(a_failure_has_a_message_and_values_and_replaces_the_one_before)
{
    CHECK_EQ_INT(LWSHM_E_LIMIT, with_values(fail(LWSHM_E_LIMIT, "%d of %s", 3, "four"), 2,
                                            (int64_t)-1, (int64_t)2));
    const struct lwshm_error *error = lwshm_last_error();
    CHECK_EQ_INT(LWSHM_E_LIMIT, error->status);
    CHECK_EQ_INT(0, error->sys_errno);
    CHECK_EQ_STR("3 of four", error->message);
    CHECK_EQ_UINT(2, error->value_count);
    CHECK_EQ_INT(-1, error->values[0]);
    CHECK_EQ_INT(2, error->values[1]);
    CHECK_EQ_INT(LWSHM_E_CLOSED, fail(LWSHM_E_CLOSED, "closed"));
    CHECK_EQ_UINT(0, lwshm_last_error()->value_count);
    CHECK_EQ_STR("closed", lwshm_last_error()->message);
}

TEST(a_failed_system_call_is_named_with_its_errno_and_a_hint)
{
    CHECK_EQ_INT(LWSHM_E_SYSTEM, fail_system(ENOSPC, "shmget of %d", 5));
    CHECK_EQ_INT(LWSHM_E_SYSTEM, with_hint("; raise %s", "it"));
    const struct lwshm_error *error = lwshm_last_error();
    CHECK_EQ_INT(ENOSPC, error->sys_errno);
    char text[128];
    snprintf(text, sizeof text, "shmget of 5: %s (errno %d); raise it", strerror(ENOSPC), ENOSPC);
    CHECK_EQ_STR(text, error->message);
}

TEST(there_is_an_end_to_messages_and_values)
{
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fail(LWSHM_E_INVALID, "%s", text);
    with_hint("%s", text);
    for (int i = 0; i < 20; i++)
        with_values(LWSHM_E_INVALID, 1, (int64_t)i);
    CHECK_EQ_UINT(LWSHM_ERROR_MESSAGE - 1, strlen(lwshm_last_error()->message));
    CHECK_EQ_UINT(LWSHM_ERROR_VALUES, lwshm_last_error()->value_count);
    CHECK_EQ_INT(LWSHM_ERROR_VALUES - 1, lwshm_last_error()->values[LWSHM_ERROR_VALUES - 1]);
}

static void *fail_elsewhere(void *arg)
{
    (void)arg;
    CHECK_EQ_INT(LWSHM_OK, lwshm_last_error()->status);
    fail(LWSHM_E_BUSY, "elsewhere");
    return NULL;
}

TEST(each_thread_has_its_own_failures)
{
    pthread_t thread;
    fail(LWSHM_E_LIMIT, "here");
    CHECK_EQ_INT(0, pthread_create(&thread, NULL, fail_elsewhere, NULL));
    CHECK_EQ_INT(0, pthread_join(thread, NULL));
    CHECK_EQ_STR("here", lwshm_last_error()->message);
}

TEST(a_success_does_not_disturb_the_last_failure)
{
    struct lwshm_segment_options options = small_options();
    struct lwshm_segment_size size;
    fail(LWSHM_E_LIMIT, "before");
    CHECK_OK(lwshm_segment_plan(&options, &size));
    CHECK_EQ_STR("before", lwshm_last_error()->message);
}

#define HAS_A_NAME(status) CHECK_EQ_STR(#status, lwshm_status_name(status))

TEST(every_status_has_a_name_and_nothing_else_has)
{
    HAS_A_NAME(LWSHM_OK);
    HAS_A_NAME(LWSHM_E_INVALID);
    HAS_A_NAME(LWSHM_E_SYSTEM);
    HAS_A_NAME(LWSHM_E_DATA_DIR);
    HAS_A_NAME(LWSHM_E_NOT_FOUND);
    HAS_A_NAME(LWSHM_E_NOT_READY);
    HAS_A_NAME(LWSHM_E_IN_USE);
    HAS_A_NAME(LWSHM_E_FOREIGN);
    HAS_A_NAME(LWSHM_E_CORRUPT);
    HAS_A_NAME(LWSHM_E_ABI_VERSION);
    HAS_A_NAME(LWSHM_E_NAMESPACE);
    HAS_A_NAME(LWSHM_E_SIZE_MISMATCH);
    HAS_A_NAME(LWSHM_E_LIMIT);
    HAS_A_NAME(LWSHM_E_ALREADY_HELD);
    HAS_A_NAME(LWSHM_E_NOT_HELD);
    HAS_A_NAME(LWSHM_E_BUSY);
    HAS_A_NAME(LWSHM_E_CLOSED);
    HAS_A_NAME(LWSHM_E_OWNER_DIED);
    HAS_A_NAME(LWSHM_E_LOCK_ORDER);
    HAS_A_NAME(LWSHM_E_PARAMETERS);
    CHECK_EQ_STR("LWSHM_E_?", lwshm_status_name(LWSHM_E_PARAMETERS - 1));
    CHECK_EQ_STR("LWSHM_E_?", lwshm_status_name(1));
    CHECK_EQ_STR("LWSHM_E_?", lwshm_status_name(INT32_MAX));
    CHECK_EQ_STR("LWSHM_E_?", lwshm_status_name(INT32_MIN));
}
