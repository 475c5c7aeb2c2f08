/*
 * backend_jni.c - org.lwshm.jni.BackendNative onto lwshm/backend.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_BackendNative.h"

#include <stdlib.h>

#include "jni/jni_support.h"
#include "jni/segment_gate.h"
#include "lwshm/backend.h"

#define INFO(name) org_lwshm_jni_BackendNative_INFO_##name

static void put_info(JNIEnv *env, jlongArray array, jsize row,
                     const struct lwshm_backend_info *info)
{
    jlong to[INFO(COUNT)];
    to[INFO(SLOT)] = info->slot;
    to[INFO(GENERATION)] = info->generation;
    to[INFO(PID)] = info->pid;
    to[INFO(HELD_LOCKS)] = info->held_locks;
    to[INFO(WAIT_LOCK)] = (jlong)info->wait_lock;
    to[INFO(WAIT_MODE)] = info->wait_mode;
    to[INFO(WAIT_SINCE)] = info->wait_since;
    to[INFO(SLOT_OFFSET)] = (jlong)info->slot_offset;
    put_longs(env, array, row * INFO(COUNT), INFO(COUNT), to);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_BackendNative_join(JNIEnv *env, jclass class,
                                                             jlong segment, jlongArray handle)
{
    (void)class;
    if (!has_length(env, handle, 1))
        return LWSHM_E_INVALID;
    ENTER(segment);
    lwshm_backend *backend = NULL;
    int status = lwshm_backend_join(gate->segment, &backend);
    if (status >= 0) {
        jlong value = to_handle(backend);
        put_longs(env, handle, 0, 1, &value);
    }
    return status;
}

/* Zeroes the handle in the same native, so that it never outlives what it stands for. */
static jint end(JNIEnv *env, jlongArray handle, int (*how)(lwshm_backend *))
{
    static const jlong none;
    jlong value;
    (*env)->GetLongArrayRegion(env, handle, 0, 1, &value);
    int status = how(from_handle(value));
    if (status >= 0)
        put_longs(env, handle, 0, 1, &none);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_BackendNative_leave(JNIEnv *env, jclass class,
                                                              jlongArray handle)
{
    (void)class;
    if (!has_length(env, handle, 1))
        return LWSHM_E_INVALID;
    return end(env, handle, lwshm_backend_leave);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_BackendNative_abandon(JNIEnv *env, jclass class,
                                                                jlongArray handle)
{
    (void)class;
    if (!has_length(env, handle, 1))
        return LWSHM_E_INVALID;
    return end(env, handle, lwshm_backend_abandon);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_BackendNative_releaseAll(JNIEnv *env, jclass class,
                                                                   jlong backend)
{
    (void)env;
    (void)class;
    return lwshm_backend_release_all(from_handle(backend));
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_BackendNative_heldLocks(JNIEnv *env, jclass class,
                                                                  jlong backend)
{
    (void)env;
    (void)class;
    return lwshm_backend_held_locks(from_handle(backend));
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_BackendNative_info(JNIEnv *env, jclass class,
                                                             jlong backend, jlongArray info)
{
    (void)class;
    if (!has_length(env, info, INFO(COUNT)))
        return LWSHM_E_INVALID;
    struct lwshm_backend_info native;
    int status = lwshm_backend_info(from_handle(backend), &native);
    if (status >= 0)
        put_info(env, info, 0, &native);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_BackendNative_list(JNIEnv *env, jclass class,
                                                             jlong segment, jlongArray infos)
{
    (void)class;
    if (!has_length(env, infos, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    jsize capacity = (*env)->GetArrayLength(env, infos) / INFO(COUNT);
    struct lwshm_backend_info *native = allocate(env, (size_t)capacity, sizeof *native);
    if (native == NULL)
        return LWSHM_E_INVALID;
    int count = lwshm_backend_list(gate->segment, native, (uint32_t)capacity);
    for (jsize i = 0; i < count && i < capacity; i++)
        put_info(env, infos, i, &native[i]);
    free(native);
    return count;
}
