/*
 * lwlock_jni.c - org.lwshm.jni.LWLockNative onto lwshm/lwlock.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_LWLockNative.h"

#include "jni/jni_support.h"
#include "lwshm/lwlock.h"

#define INFO(name) org_lwshm_jni_LWLockNative_INFO_##name

_Static_assert(org_lwshm_jni_LWLockNative_EXCLUSIVE == LWSHM_LW_EXCLUSIVE, "mode");
_Static_assert(org_lwshm_jni_LWLockNative_SHARED == LWSHM_LW_SHARED, "mode");

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_acquire(JNIEnv *env, jclass class,
                                                               jlong backend, jlong lock, jint mode)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_acquire(from_handle(backend), (uint64_t)lock, (enum lwshm_lwlock_mode)mode);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_tryAcquire(JNIEnv *env, jclass class,
                                                                  jlong backend, jlong lock,
                                                                  jint mode)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_try_acquire(from_handle(backend), (uint64_t)lock,
                                    (enum lwshm_lwlock_mode)mode);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_release(JNIEnv *env, jclass class,
                                                               jlong backend, jlong lock)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_release(from_handle(backend), (uint64_t)lock);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_isHeldBy(JNIEnv *env, jclass class,
                                                                jlong backend, jlong lock)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_is_held_by(from_handle(backend), (uint64_t)lock);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_info(JNIEnv *env, jclass class,
                                                            jlong segment, jlong lock,
                                                            jlongArray info)
{
    (void)class;
    if (!has_length(env, info, INFO(COUNT)))
        return LWSHM_E_INVALID;
    struct lwshm_lwlock_info native;
    int status = lwshm_lwlock_info(from_handle(segment), (uint64_t)lock, &native);
    if (status < 0)
        return status;
    jlong to[INFO(COUNT)];
    to[INFO(OWNER)] = native.owner;
    to[INFO(SHARED)] = native.shared;
    to[INFO(HAS_WAITERS)] = native.has_waiters;
    to[INFO(TRANCHE)] = native.tranche;
    put_longs(env, info, 0, INFO(COUNT), to);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_acquireContended(JNIEnv *env, jclass class,
                                                                        jlong backend, jlong lock,
                                                                        jint mode)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_acquire_contended(from_handle(backend), (uint64_t)lock,
                                          (enum lwshm_lwlock_mode)mode);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_releaseContended(JNIEnv *env, jclass class,
                                                                        jlong backend, jlong lock,
                                                                        jlong word)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_release_contended(from_handle(backend), (uint64_t)lock, (uint64_t)word);
}
