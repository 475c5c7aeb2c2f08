/*
 * lwlock_jni.c - org.lwshm.jni.LWLockNative onto lwshm/lwlock.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_LWLockNative.h"

#include "jni/jni_support.h"
#include "jni/segment_gate.h"
#include "lwshm/lwlock.h"

#define INFO(name) org_lwshm_jni_LWLockNative_INFO_##name

_Static_assert(org_lwshm_jni_LWLockNative_EXCLUSIVE == LWSHM_LW_EXCLUSIVE, "mode");
_Static_assert(org_lwshm_jni_LWLockNative_SHARED == LWSHM_LW_SHARED, "mode");
_Static_assert(org_lwshm_jni_LWLockNative_FOREVER == LWSHM_FOREVER, "time-out");
_Static_assert(org_lwshm_jni_LWLockNative_STEP == LWSHM_LW_STEP, "flag");
_Static_assert(org_lwshm_jni_LWLockNative_REPAIR == LWSHM_LW_REPAIR, "flag");

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_acquireSlow(JNIEnv *env, jclass class,
                                                                   jlong backend, jlong lock,
                                                                   jint mode, jlong timeout_ns,
                                                                   jint flags)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_acquire_slow(from_handle(backend), (uint64_t)lock,
                                     (enum lwshm_lwlock_mode)mode, timeout_ns, (unsigned)flags);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_awaitRelease(JNIEnv *env, jclass class,
                                                                    jlong backend, jlong lock,
                                                                    jlong timeout_ns, jint flags)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_await_release(from_handle(backend), (uint64_t)lock, timeout_ns,
                                      (unsigned)flags);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_releaseSlow(JNIEnv *env, jclass class,
                                                                   jlong backend, jlong lock,
                                                                   jlong word)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_release_slow(from_handle(backend), (uint64_t)lock, (uint64_t)word);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_cancel(JNIEnv *env, jclass class,
                                                              jlong backend, jlong lock)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_cancel(from_handle(backend), (uint64_t)lock);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_markConsistent(JNIEnv *env, jclass class,
                                                                      jlong backend, jlong lock)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_mark_consistent(from_handle(backend), (uint64_t)lock);
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
    ENTER(segment);
    struct lwshm_lwlock_info native;
    int status = lwshm_lwlock_info(gate->segment, (uint64_t)lock, &native);
    if (status < 0)
        return status;
    jlong to[INFO(COUNT)];
    to[INFO(OWNER)] = native.owner;
    to[INFO(SHARED)] = native.shared;
    to[INFO(HAS_WAITERS)] = native.has_waiters;
    to[INFO(TRANCHE)] = native.tranche;
    to[INFO(STARVING)] = native.starving;
    to[INFO(IS_POISONED)] = native.is_poisoned;
    put_longs(env, info, 0, INFO(COUNT), to);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_checkLockOrder(JNIEnv *env, jclass class,
                                                                      jlong segment, jint on)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_segment_check_lock_order(gate->segment, on);
}
