/*
 * error_jni.c - org.lwshm.jni.ErrorNative onto lwshm/status.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_ErrorNative.h"

#include <string.h>

#include "jni/jni_support.h"
#include "lwshm/status.h"

#define ERROR(name) org_lwshm_jni_ErrorNative_ERROR_##name

_Static_assert(ERROR(COUNT) == ERROR(VALUES) + LWSHM_ERROR_VALUES, "values");
_Static_assert(org_lwshm_jni_ErrorNative_MESSAGE_BYTES == LWSHM_ERROR_MESSAGE, "message");

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ErrorNative_lastError(JNIEnv *env, jclass class,
                                                                jlongArray error,
                                                                jbyteArray message)
{
    (void)class;
    if (!has_length(env, error, ERROR(COUNT)) ||
        !has_length(env, message, org_lwshm_jni_ErrorNative_MESSAGE_BYTES))
        return LWSHM_E_INVALID;
    const struct lwshm_error *native = lwshm_last_error();
    jlong to[ERROR(COUNT)] = {0};
    to[ERROR(STATUS)] = native->status;
    to[ERROR(ERRNO)] = native->sys_errno;
    to[ERROR(VALUE_COUNT)] = native->value_count;
    for (uint32_t i = 0; i < native->value_count; i++)
        to[ERROR(VALUES) + i] = native->values[i];
    put_longs(env, error, 0, ERROR(COUNT), to);
    size_t length = strnlen(native->message, sizeof native->message);
    put_bytes(env, message, 0, length, native->message);
    return (jint)length;
}
