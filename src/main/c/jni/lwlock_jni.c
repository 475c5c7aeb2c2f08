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

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_acquireStep(JNIEnv *env, jclass class,
                                                                   jlong backend, jlong lock,
                                                                   jint mode, jlong step_ns)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_acquire_step(from_handle(backend), (uint64_t)lock,
                                     (enum lwshm_lwlock_mode)mode, step_ns);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_acquireForRepairStep(
    JNIEnv *env, jclass class, jlong backend, jlong lock, jlong step_ns)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_acquire_for_repair_step(from_handle(backend), (uint64_t)lock, step_ns);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_waitForVarStep(JNIEnv *env, jclass class,
                                                                      jlong backend, jlong lock,
                                                                      jlong old, jlong step_ns,
                                                                      jlongArray value)
{
    (void)class;
    if (!has_length(env, value, 1))
        return LWSHM_E_INVALID;
    uint64_t native = 0;
    int status = lwshm_lwlock_wait_for_var_step(from_handle(backend), (uint64_t)lock, (uint64_t)old,
                                                step_ns, &native);
    jlong to = (jlong)native;
    put_longs(env, value, 0, 1, &to);
    return status;
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

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_updateVar(JNIEnv *env, jclass class,
                                                                 jlong backend, jlong lock,
                                                                 jlong value)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_update_var(from_handle(backend), (uint64_t)lock, (uint64_t)value);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_releaseClearVar(JNIEnv *env, jclass class,
                                                                       jlong backend, jlong lock,
                                                                       jlong value)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_release_clear_var(from_handle(backend), (uint64_t)lock, (uint64_t)value);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_disown(JNIEnv *env, jclass class,
                                                              jlong backend, jlong lock)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_disown(from_handle(backend), (uint64_t)lock);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_releaseDisowned(JNIEnv *env, jclass class,
                                                                       jlong backend, jlong lock)
{
    (void)env;
    (void)class;
    return lwshm_lwlock_release_disowned(from_handle(backend), (uint64_t)lock);
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
    to[INFO(STARVER)] = native.starver;
    to[INFO(IS_POISONED)] = native.is_poisoned;
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

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LWLockNative_checkLockOrder(JNIEnv *env, jclass class,
                                                                      jlong segment, jint on)
{
    (void)env;
    (void)class;
    return lwshm_segment_check_lock_order(from_handle(segment), on);
}
