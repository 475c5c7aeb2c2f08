/*
 * segment_jni.c - org.lwshm.jni.SegmentNative onto lwshm/segment.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_SegmentNative.h"

#include <stdlib.h>
#include <string.h>

#include "jni/jni_support.h"
#include "jni/segment_gate.h"
#include "lwshm/segment.h"

#define OPTION(name) org_lwshm_jni_SegmentNative_OPTION_##name
#define MAX(name) org_lwshm_jni_SegmentNative_MAX_##name
#define INFO(name) org_lwshm_jni_SegmentNative_INFO_##name
#define OPENED(name) org_lwshm_jni_SegmentNative_OPENED_##name
#define REPLACED_BYTES org_lwshm_jni_SegmentNative_REPLACED_BYTES

_Static_assert(MAX(PROCESSES) == LWSHM_MAX_PROCESSES, "limits");
_Static_assert(MAX(BACKENDS) == LWSHM_MAX_BACKENDS, "limits");
_Static_assert(MAX(TRANCHES) == LWSHM_MAX_TRANCHES, "limits");
_Static_assert(MAX(LWLOCKS) == LWSHM_MAX_LWLOCKS, "limits");
_Static_assert(MAX(STRUCTS) == LWSHM_MAX_STRUCTS, "limits");
_Static_assert(org_lwshm_jni_SegmentNative_REGION_COUNT == LWSHM_REGION_COUNT, "regions");
_Static_assert(OPENED(ATTACHED) == LWSHM_OPENED_ATTACHED, "opened");
_Static_assert(OPENED(CREATED) == LWSHM_OPENED_CREATED, "opened");
_Static_assert(OPENED(ADOPTED) == LWSHM_OPENED_ADOPTED, "opened");
_Static_assert(org_lwshm_jni_SegmentNative_DETACH_UNMAP == LWSHM_DETACH_UNMAP, "how");
_Static_assert(org_lwshm_jni_SegmentNative_DETACH_KEEP_ADDRESS == LWSHM_DETACH_KEEP_ADDRESS, "how");
_Static_assert(org_lwshm_jni_SegmentNative_DETACH_FENCE == LWSHM_DETACH_FENCE, "how");

/* A number that does not fit its option becomes the greatest one, which is out of
   the option's range too and is refused with a message that names it. */
static uint32_t narrow(jlong value)
{
    return value < 0 || value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static bool to_options(JNIEnv *env, jlongArray array, struct lwshm_segment_options *options)
{
    jlong from[OPTION(COUNT)];
    if (!has_length(env, array, OPTION(COUNT)))
        return false;
    (*env)->GetLongArrayRegion(env, array, 0, OPTION(COUNT), from);
    lwshm_segment_options_init(options);
    options->area_bytes = (uint64_t)from[OPTION(AREA_BYTES)];
    options->max_processes = narrow(from[OPTION(MAX_PROCESSES)]);
    options->max_backends = narrow(from[OPTION(MAX_BACKENDS)]);
    options->max_held_locks = narrow(from[OPTION(MAX_HELD_LOCKS)]);
    options->max_tranches = narrow(from[OPTION(MAX_TRANCHES)]);
    options->max_lwlocks = narrow(from[OPTION(MAX_LWLOCKS)]);
    options->max_structs = narrow(from[OPTION(MAX_STRUCTS)]);
    options->mode = narrow(from[OPTION(MODE)]);
    options->max_children = narrow(from[OPTION(MAX_CHILDREN)]);
    options->after = narrow(from[OPTION(AFTER)]);
    options->alone = narrow(from[OPTION(ALONE)]);
    options->patience_ms = narrow(from[OPTION(PATIENCE_MS)]);
    options->huge_pages = narrow(from[OPTION(HUGE_PAGES)]);
    return true;
}

/* The end of every native that makes a handle, which the gate becomes. */
static jint put_handle(JNIEnv *env, jlongArray handle, int status, struct segment_gate *gate)
{
    if (status < 0) {
        free(gate);
    } else {
        jlong value = to_handle(gate);
        put_longs(env, handle, 0, 1, &value);
    }
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_plan(JNIEnv *env, jclass class,
                                                             jlongArray options, jlongArray size)
{
    (void)class;
    struct lwshm_segment_options native;
    if (!has_length(env, size, org_lwshm_jni_SegmentNative_SIZE_COUNT) ||
        !to_options(env, options, &native))
        return LWSHM_E_INVALID;

    struct lwshm_segment_size plan;
    int status = lwshm_segment_plan(&native, &plan);
    if (status < 0)
        return status;
    jlong to[org_lwshm_jni_SegmentNative_SIZE_COUNT];
    for (int i = 0; i < LWSHM_REGION_COUNT; i++) {
        to[org_lwshm_jni_SegmentNative_SIZE_OFFSETS + i] = (jlong)plan.offset[i];
        to[org_lwshm_jni_SegmentNative_SIZE_SIZES + i] = (jlong)plan.size[i];
    }
    to[org_lwshm_jni_SegmentNative_SIZE_TOTAL] = (jlong)plan.total;
    put_longs(env, size, 0, org_lwshm_jni_SegmentNative_SIZE_COUNT, to);
    return status;
}

/* The options with the strings that belong to them, which free_strings() frees. */
static bool to_whole_options(JNIEnv *env, jbyteArray data_dir, jlongArray options,
                             jbyteArray description, struct lwshm_segment_options *native)
{
    if (!to_options(env, options, native))
        return false;
    native->data_dir = to_c_string(env, data_dir);
    if (native->data_dir == NULL && data_dir != NULL)
        return false;
    native->description = to_c_string(env, description);
    if (native->description != NULL || description == NULL)
        return true;
    free((char *)native->data_dir);
    return false;
}

static void free_strings(struct lwshm_segment_options *native)
{
    free((char *)native->data_dir);
    free((char *)native->description);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_create(JNIEnv *env, jclass class,
                                                               jbyteArray data_dir,
                                                               jlongArray options,
                                                               jbyteArray description,
                                                               jlongArray handle)
{
    (void)class;
    struct lwshm_segment_options native;
    if (!has_length(env, handle, 1) ||
        !to_whole_options(env, data_dir, options, description, &native))
        return LWSHM_E_INVALID;
    struct segment_gate *gate = gate_new(env);
    int status = gate == NULL ? LWSHM_E_INVALID : lwshm_segment_create(&native, &gate->segment);
    free_strings(&native);
    return put_handle(env, handle, status, gate);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_open(JNIEnv *env, jclass class,
                                                             jbyteArray data_dir,
                                                             jlongArray options,
                                                             jbyteArray description,
                                                             jlongArray handle, jbyteArray replaced)
{
    (void)class;
    struct lwshm_segment_options native;
    char why[REPLACED_BYTES];
    if (!has_length(env, handle, 1) || !has_length(env, replaced, REPLACED_BYTES) ||
        !to_whole_options(env, data_dir, options, description, &native))
        return LWSHM_E_INVALID;
    struct segment_gate *gate = gate_new(env);
    int status = gate == NULL ? LWSHM_E_INVALID
                              : lwshm_segment_open(&native, &gate->segment, why, sizeof why);
    free_strings(&native);
    if (status >= 0)
        put_bytes(env, replaced, 0, strlen(why) + 1, why);
    return put_handle(env, handle, status, gate);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_publish(JNIEnv *env, jclass class,
                                                                jlong segment)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_segment_publish(gate->segment);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_attach(JNIEnv *env, jclass class,
                                                               jbyteArray data_dir, jint mode,
                                                               jlongArray handle)
{
    (void)class;
    if (!has_length(env, handle, 1) || !has_length(env, data_dir, 0))
        return LWSHM_E_INVALID;
    char *path = to_c_string(env, data_dir);
    if (path == NULL)
        return LWSHM_E_INVALID;
    struct segment_gate *gate = gate_new(env);
    int status =
        gate == NULL ? LWSHM_E_INVALID : lwshm_segment_attach(path, (uint32_t)mode, &gate->segment);
    free(path);
    return put_handle(env, handle, status, gate);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_attachId(JNIEnv *env, jclass class,
                                                                 jint shmid, jint mode,
                                                                 jlongArray handle)
{
    (void)class;
    if (!has_length(env, handle, 1))
        return LWSHM_E_INVALID;
    struct segment_gate *gate = gate_new(env);
    int status = gate == NULL ? LWSHM_E_INVALID
                              : lwshm_segment_attach_id(shmid, (uint32_t)mode, &gate->segment);
    return put_handle(env, handle, status, gate);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_info(JNIEnv *env, jclass class,
                                                             jlong segment, jlongArray info)
{
    (void)class;
    if (!has_length(env, info, INFO(COUNT)))
        return LWSHM_E_INVALID;
    ENTER(segment);
    struct lwshm_segment_info native;
    int status = lwshm_segment_info(gate->segment, &native);
    if (status < 0)
        return status;
    jlong to[INFO(COUNT)];
    to[INFO(BASE)] = (jlong)native.base;
    to[INFO(SIZE)] = (jlong)native.size;
    to[INFO(CREATED_AT)] = native.created_at;
    to[INFO(GENERATION)] = native.generation;
    to[INFO(SHMID)] = native.shmid;
    to[INFO(KEY)] = native.key;
    to[INFO(CREATOR_PID)] = native.creator_pid;
    to[INFO(IS_CREATOR)] = native.is_creator;
    to[INFO(IS_ADOPTER)] = native.is_adopter;
    to[INFO(IS_REMOVED)] = native.is_removed;
    to[INFO(IS_READY)] = native.is_ready;
    to[INFO(HUGE_PAGES)] = native.huge_pages;
    to[INFO(PROCESS)] = native.process;
    put_longs(env, info, 0, INFO(COUNT), to);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_processes(JNIEnv *env, jclass class,
                                                                  jlong segment, jintArray pids)
{
    (void)class;
    if (!has_length(env, pids, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    jsize capacity = (*env)->GetArrayLength(env, pids);
    int32_t *native = allocate(env, (size_t)capacity, sizeof *native);
    if (native == NULL)
        return LWSHM_E_INVALID;
    int count = lwshm_segment_processes(gate->segment, native, (uint32_t)capacity);
    if (count > 0)
        (*env)->SetIntArrayRegion(env, pids, 0, count < capacity ? count : capacity,
                                  (const jint *)native);
    free(native);
    return count;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_reapDead(JNIEnv *env, jclass class,
                                                                 jlong segment)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_segment_reap_dead(gate->segment);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_refuseAcquires(JNIEnv *env, jclass class,
                                                                       jlong segment)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_segment_refuse_acquires(gate->segment);
}
