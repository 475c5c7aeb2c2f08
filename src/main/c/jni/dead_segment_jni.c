/*
 * dead_segment_jni.c - org.lwshm.jni.DeadSegmentNative onto lwshm/dead_segment.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_DeadSegmentNative.h"

#include <stdlib.h>

#include "jni/jni_support.h"
#include "lwshm/dead_segment.h"

#define ROW(name) org_lwshm_jni_DeadSegmentNative_ROW_##name

static void put_row(JNIEnv *env, jlongArray array, jsize row, const struct lwshm_dead_segment *dead)
{
    jlong to[ROW(COUNT)];
    to[ROW(SHMID)] = dead->shmid;
    to[ROW(KEY)] = dead->key;
    to[ROW(CREATOR_PID)] = dead->creator_pid;
    to[ROW(GENERATION)] = dead->generation;
    to[ROW(SIZE)] = (jlong)dead->size;
    to[ROW(CREATED_AT)] = dead->created_at;
    to[ROW(DATA_DIR_INO)] = (jlong)dead->data_dir_ino;
    put_longs(env, array, row * ROW(COUNT), ROW(COUNT), to);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_DeadSegmentNative_list(JNIEnv *env, jclass class,
                                                                 jlongArray rows)
{
    (void)class;
    if (!has_length(env, rows, 0))
        return LWSHM_E_INVALID;
    jsize capacity = (*env)->GetArrayLength(env, rows) / ROW(COUNT);
    struct lwshm_dead_segment *native = allocate(env, (size_t)capacity, sizeof *native);
    if (native == NULL)
        return LWSHM_E_INVALID;
    int count = lwshm_dead_segment_list(native, (uint32_t)capacity);
    for (jsize i = 0; i < capacity && i < count; i++)
        put_row(env, rows, i, &native[i]);
    free(native);
    return count;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_DeadSegmentNative_remove(JNIEnv *env, jclass class,
                                                                   jint shmid)
{
    (void)env;
    (void)class;
    return lwshm_dead_segment_remove(shmid);
}
