/*
 * process_jni.c - org.lwshm.jni.ProcessNative onto lwshm/process.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_ProcessNative.h"

#include <stdlib.h>

#include "jni/jni_support.h"
#include "lwshm/process.h"

#define PLACE(name) org_lwshm_jni_ProcessNative_PLACE_##name

JNIEXPORT jlong JNICALL Java_org_lwshm_jni_ProcessNative_self(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    return (jlong)lwshm_process_self();
}

JNIEXPORT jlong JNICALL Java_org_lwshm_jni_ProcessNative_identity(JNIEnv *env, jclass class,
                                                                  jint pid)
{
    (void)env;
    (void)class;
    return (jlong)lwshm_process_identity(pid);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ProcessNative_isDead(JNIEnv *env, jclass class,
                                                               jlong process)
{
    (void)env;
    (void)class;
    return lwshm_process_is_dead((uint64_t)process);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ProcessNative_awaitEnd(JNIEnv *env, jclass class,
                                                                 jlong process, jlong timeout_ms)
{
    (void)env;
    (void)class;
    return lwshm_process_await_end((uint64_t)process, timeout_ms);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ProcessNative_signal(JNIEnv *env, jclass class,
                                                               jlong process, jint signal)
{
    (void)env;
    (void)class;
    return lwshm_process_signal((uint64_t)process, signal);
}

static jlong big_endian(const uint8_t bytes[8])
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return (jlong)value;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ProcessNative_place(JNIEnv *env, jclass class,
                                                              jlongArray place)
{
    (void)class;
    if (!has_length(env, place, PLACE(COUNT)))
        return LWSHM_E_INVALID;
    struct lwshm_process_place native;
    int status = lwshm_process_place(&native);
    if (status >= 0) {
        jlong to[PLACE(COUNT)];
        to[PLACE(PID_NAMESPACE)] = (jlong)native.pid_namespace;
        to[PLACE(IPC_NAMESPACE)] = (jlong)native.ipc_namespace;
        to[PLACE(BOOT_ID_HIGH)] = big_endian(native.boot_id);
        to[PLACE(BOOT_ID_LOW)] = big_endian(native.boot_id + 8);
        put_longs(env, place, 0, PLACE(COUNT), to);
    }
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ProcessNative_heed(JNIEnv *env, jclass class, jint signal)
{
    (void)env;
    (void)class;
    return lwshm_process_heed(signal);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ProcessNative_lockFile(JNIEnv *env, jclass class,
                                                                 jbyteArray path)
{
    (void)class;
    if (!has_length(env, path, 0))
        return LWSHM_E_INVALID;
    char *string = to_c_string(env, path);
    if (string == NULL)
        return LWSHM_E_INVALID;
    int status = lwshm_file_lock(string);
    free(string);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ProcessNative_isLockAt(JNIEnv *env, jclass class,
                                                                 jint lock, jbyteArray path)
{
    (void)class;
    if (!has_length(env, path, 0))
        return LWSHM_E_INVALID;
    char *string = to_c_string(env, path);
    if (string == NULL)
        return LWSHM_E_INVALID;
    int status = lwshm_file_lock_is_at(lock, string);
    free(string);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ProcessNative_unlockFile(JNIEnv *env, jclass class,
                                                                   jint lock)
{
    (void)env;
    (void)class;
    return lwshm_file_unlock(lock);
}
