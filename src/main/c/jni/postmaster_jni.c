/*
 * postmaster_jni.c - org.lwshm.jni.PostmasterNative onto lwshm/postmaster.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_PostmasterNative.h"

#include <stdlib.h>

#include "jni/jni_support.h"
#include "jni/segment_gate.h"
#include "lwshm/postmaster.h"

#define PARAMETER(name) org_lwshm_jni_PostmasterNative_PARAMETER_##name

_Static_assert(org_lwshm_jni_PostmasterNative_CHILD_ASSIGNED == LWSHM_CHILD_ASSIGNED, "state");
_Static_assert(org_lwshm_jni_PostmasterNative_CHILD_ACTIVE == LWSHM_CHILD_ACTIVE, "state");
_Static_assert(org_lwshm_jni_PostmasterNative_CHILD_LEFT == LWSHM_CHILD_LEFT, "state");
_Static_assert(org_lwshm_jni_PostmasterNative_CHILD_NAME_MAX == LWSHM_CHILD_NAME_MAX, "name");
_Static_assert(org_lwshm_jni_PostmasterNative_DATA_DIR_MAX == LWSHM_DATA_DIR_MAX, "path");

static void put_parameters(JNIEnv *env, jlongArray array, const struct lwshm_backend_parameters *p)
{
    jlong to[PARAMETER(COUNT)];
    to[PARAMETER(POSTMASTER)] = (jlong)p->postmaster;
    to[PARAMETER(PID_NAMESPACE)] = (jlong)p->pid_namespace;
    to[PARAMETER(SEGMENT_SIZE)] = (jlong)p->segment_size;
    to[PARAMETER(SLOT_OFFSET)] = (jlong)p->slot_offset;
    to[PARAMETER(SHMID)] = p->shmid;
    to[PARAMETER(GENERATION)] = p->generation;
    to[PARAMETER(MODE)] = p->mode;
    to[PARAMETER(SLOT)] = p->slot;
    to[PARAMETER(LAUNCH)] = p->launch;
    to[PARAMETER(NUMBER)] = p->number;
    to[PARAMETER(GRACE_MS)] = p->grace_ms;
    put_longs(env, array, 0, PARAMETER(COUNT), to);
}

static void get_parameters(JNIEnv *env, jlongArray array, struct lwshm_backend_parameters *p)
{
    jlong from[PARAMETER(COUNT)];
    (*env)->GetLongArrayRegion(env, array, 0, PARAMETER(COUNT), from);
    *p = (struct lwshm_backend_parameters){
        .postmaster = (uint64_t)from[PARAMETER(POSTMASTER)],
        .pid_namespace = (uint64_t)from[PARAMETER(PID_NAMESPACE)],
        .segment_size = (uint64_t)from[PARAMETER(SEGMENT_SIZE)],
        .slot_offset = (uint64_t)from[PARAMETER(SLOT_OFFSET)],
        .shmid = (int32_t)from[PARAMETER(SHMID)],
        .generation = (uint32_t)from[PARAMETER(GENERATION)],
        .mode = (uint32_t)from[PARAMETER(MODE)],
        .slot = (uint32_t)from[PARAMETER(SLOT)],
        .launch = (uint32_t)from[PARAMETER(LAUNCH)],
        .number = (uint32_t)from[PARAMETER(NUMBER)],
        .grace_ms = (uint32_t)from[PARAMETER(GRACE_MS)],
    };
}

/* What does not fit fills all of `to`, so that there is no NUL, and is refused for that. */
static void get_string(JNIEnv *env, jbyteArray string, char *to, jsize room)
{
    jsize length = (*env)->GetArrayLength(env, string);
    (*env)->GetByteArrayRegion(env, string, 0, length < room ? length : room, (jbyte *)to);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_writeParameters(
    JNIEnv *env, jclass class, jbyteArray path, jlongArray parameters, jbyteArray name,
    jbyteArray data_dir)
{
    (void)class;
    if (!has_length(env, path, 1) || !has_length(env, parameters, PARAMETER(COUNT)) ||
        !has_length(env, name, 0) || !has_length(env, data_dir, 0))
        return LWSHM_E_INVALID;
    char *file = to_c_string(env, path);
    if (file == NULL)
        return LWSHM_E_INVALID;
    struct lwshm_backend_parameters native;
    get_parameters(env, parameters, &native);
    get_string(env, name, native.name, sizeof native.name);
    get_string(env, data_dir, native.data_dir, sizeof native.data_dir);
    int status = lwshm_backend_parameters_write(file, &native);
    free(file);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_readParameters(JNIEnv *env, jclass class,
                                                                          jbyteArray path,
                                                                          jlongArray parameters,
                                                                          jbyteArray name,
                                                                          jbyteArray data_dir)
{
    (void)class;
    struct lwshm_backend_parameters native;
    if (!has_length(env, parameters, PARAMETER(COUNT)) ||
        !has_length(env, name, sizeof native.name) ||
        !has_length(env, data_dir, sizeof native.data_dir))
        return LWSHM_E_INVALID;
    char *file = to_c_string(env, path);
    if (file == NULL && path != NULL)
        return LWSHM_E_INVALID;
    int status = lwshm_backend_parameters_read(file, &native);
    free(file);
    if (status >= 0) {
        put_parameters(env, parameters, &native);
        put_bytes(env, name, 0, sizeof native.name, native.name);
        put_bytes(env, data_dir, 0, sizeof native.data_dir, native.data_dir);
    }
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_joinSlot(JNIEnv *env, jclass class,
                                                                    jlong segment,
                                                                    jlongArray parameters,
                                                                    jlongArray handle)
{
    (void)class;
    if (!has_length(env, parameters, PARAMETER(COUNT)) || !has_length(env, handle, 1))
        return LWSHM_E_INVALID;
    ENTER(segment);
    struct lwshm_backend_parameters native;
    lwshm_backend *backend = NULL;
    get_parameters(env, parameters, &native);
    int status = lwshm_backend_join_slot(gate->segment, &native, &backend);
    if (status >= 0) {
        jlong value = to_handle(backend);
        put_longs(env, handle, 0, 1, &value);
    }
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_stopMode(JNIEnv *env, jclass class,
                                                                    jlong segment)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_postmaster_stop_mode(gate->segment);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_setStopMode(JNIEnv *env, jclass class,
                                                                       jlong segment, jint mode)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_postmaster_set_stop_mode(gate->segment, (enum lwshm_stop_mode)mode);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_assignChild(JNIEnv *env, jclass class,
                                                                       jlong segment, jint slot,
                                                                       jint launch,
                                                                       jlongArray parameters)
{
    (void)class;
    if (!has_length(env, parameters, PARAMETER(COUNT)))
        return LWSHM_E_INVALID;
    ENTER(segment);
    struct lwshm_backend_parameters native;
    int status = lwshm_child_slot_assign(gate->segment, (uint32_t)slot, (uint32_t)launch, &native);
    if (status >= 0)
        put_parameters(env, parameters, &native);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_childState(JNIEnv *env, jclass class,
                                                                      jlong segment, jint slot,
                                                                      jint launch)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_child_slot_state(gate->segment, (uint32_t)slot, (uint32_t)launch);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_releaseChild(JNIEnv *env, jclass class,
                                                                        jlong segment, jint slot)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_child_slot_release(gate->segment, (uint32_t)slot);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_check(JNIEnv *env, jclass class,
                                                                 jlong segment)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_segment_check(gate->segment);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_PostmasterNative_poisoned(JNIEnv *env, jclass class,
                                                                    jlong segment, jlongArray locks)
{
    (void)class;
    if (!has_length(env, locks, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    jsize capacity = (*env)->GetArrayLength(env, locks);
    uint64_t *native = allocate(env, (size_t)capacity, sizeof *native);
    if (native == NULL)
        return LWSHM_E_INVALID;
    int count = lwshm_segment_poisoned(gate->segment, native, (uint32_t)capacity);
    if (count > 0)
        put_longs(env, locks, 0, count < capacity ? count : capacity, (const jlong *)native);
    free(native);
    return count;
}
