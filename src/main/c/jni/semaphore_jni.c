/*
 * semaphore_jni.c - org.lwshm.jni.SemaphoreNative onto lwshm/semaphore.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_SemaphoreNative.h"

#include <stdlib.h>

#include "jni/jni_support.h"
#include "jni/segment_gate.h"
#include "lwshm/semaphore.h"

#define SEMAPHORE(name) org_lwshm_jni_SemaphoreNative_SEMAPHORE_##name

_Static_assert(org_lwshm_jni_SemaphoreNative_PLAIN == LWSHM_SEMAPHORE_PLAIN, "kind");
_Static_assert(org_lwshm_jni_SemaphoreNative_OWNED == LWSHM_SEMAPHORE_OWNED, "kind");

/* The functions that use a semaphore go by its offset; what kind it is stands there. */
static struct lwshm_semaphore at_offset(jlong offset)
{
    return (struct lwshm_semaphore){.offset = (uint64_t)offset};
}

static jint put_semaphore(JNIEnv *env, jlongArray array, int status,
                          const struct lwshm_semaphore *semaphore, bool found)
{
    if (status >= 0) {
        jlong to[SEMAPHORE(COUNT)];
        to[SEMAPHORE(OFFSET)] = (jlong)semaphore->offset;
        to[SEMAPHORE(KIND)] = semaphore->kind;
        to[SEMAPHORE(FOUND)] = found;
        put_longs(env, array, 0, SEMAPHORE(COUNT), to);
    }
    return status;
}

JNIEXPORT jlong JNICALL Java_org_lwshm_jni_SemaphoreNative_size(JNIEnv *env, jclass class,
                                                                jint kind, jint max_backends)
{
    (void)env;
    (void)class;
    return (jlong)lwshm_semaphore_size((enum lwshm_semaphore_kind)kind, (uint32_t)max_backends);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SemaphoreNative_init(JNIEnv *env, jclass class,
                                                               jlong segment, jbyteArray name,
                                                               jint permits, jint kind,
                                                               jlongArray semaphore)
{
    (void)class;
    if (!has_length(env, semaphore, SEMAPHORE(COUNT)) || !has_length(env, name, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    char *string = to_c_string(env, name);
    if (string == NULL)
        return LWSHM_E_INVALID;
    struct lwshm_semaphore native;
    bool found = false;
    int status = lwshm_semaphore_init(gate->segment, string, permits,
                                      (enum lwshm_semaphore_kind)kind, &found, &native);
    free(string);
    return put_semaphore(env, semaphore, status, &native, found);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SemaphoreNative_find(JNIEnv *env, jclass class,
                                                               jlong segment, jbyteArray name,
                                                               jlongArray semaphore)
{
    (void)class;
    if (!has_length(env, semaphore, SEMAPHORE(COUNT)) || !has_length(env, name, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    char *string = to_c_string(env, name);
    if (string == NULL)
        return LWSHM_E_INVALID;
    struct lwshm_semaphore native;
    int status = lwshm_semaphore_find(gate->segment, string, &native);
    free(string);
    return put_semaphore(env, semaphore, status, &native, true);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SemaphoreNative_acquire(JNIEnv *env, jclass class,
                                                                  jlong backend, jlong offset,
                                                                  jint permits)
{
    (void)env;
    (void)class;
    struct lwshm_semaphore semaphore = at_offset(offset);
    return lwshm_semaphore_acquire(from_handle(backend), &semaphore, permits);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SemaphoreNative_acquireTimed(JNIEnv *env, jclass class,
                                                                       jlong backend, jlong offset,
                                                                       jint permits,
                                                                       jlong timeout_ns)
{
    (void)env;
    (void)class;
    struct lwshm_semaphore semaphore = at_offset(offset);
    return lwshm_semaphore_acquire_timed(from_handle(backend), &semaphore, permits, timeout_ns);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SemaphoreNative_release(JNIEnv *env, jclass class,
                                                                  jlong backend, jlong offset,
                                                                  jint permits)
{
    (void)env;
    (void)class;
    struct lwshm_semaphore semaphore = at_offset(offset);
    return lwshm_semaphore_release(from_handle(backend), &semaphore, permits);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SemaphoreNative_available(JNIEnv *env, jclass class,
                                                                    jlong segment, jlong offset)
{
    (void)env;
    (void)class;
    ENTER(segment);
    struct lwshm_semaphore semaphore = at_offset(offset);
    return lwshm_semaphore_available(gate->segment, &semaphore);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SemaphoreNative_heldBy(JNIEnv *env, jclass class,
                                                                 jlong backend, jlong offset)
{
    (void)env;
    (void)class;
    struct lwshm_semaphore semaphore = at_offset(offset);
    return lwshm_semaphore_held_by(from_handle(backend), &semaphore);
}
