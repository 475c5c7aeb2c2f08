/*
 * shmem_jni.c - org.lwshm.jni.ShmemNative onto lwshm/shmem.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_ShmemNative.h"

#include <stdlib.h>
#include <string.h>

#include "jni/jni_support.h"
#include "jni/segment_gate.h"
#include "lwshm/shmem.h"

#define AREA(name) org_lwshm_jni_ShmemNative_AREA_##name
#define ROW(name) org_lwshm_jni_ShmemNative_ROW_##name

_Static_assert(org_lwshm_jni_ShmemNative_STRUCT_NAME_MAX == LWSHM_STRUCT_NAME_MAX, "name");
_Static_assert(sizeof((struct lwshm_allocation *)0)->name == ROW(NAME_BYTES), "name");

static jint put_area(JNIEnv *env, jlongArray array, int status, const struct lwshm_area *area,
                     bool found)
{
    if (status >= 0) {
        jlong to[AREA(COUNT)];
        to[AREA(OFFSET)] = (jlong)area->offset;
        to[AREA(SIZE)] = (jlong)area->size;
        to[AREA(FOUND)] = found;
        put_longs(env, array, 0, AREA(COUNT), to);
    }
    return status;
}

JNIEXPORT jlong JNICALL Java_org_lwshm_jni_ShmemNative_allocatedSize(JNIEnv *env, jclass class,
                                                                     jlong size)
{
    (void)env;
    (void)class;
    return (jlong)lwshm_shmem_allocated_size((uint64_t)size);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ShmemNative_initStruct(JNIEnv *env, jclass class,
                                                                 jlong segment, jbyteArray name,
                                                                 jlong size, jlongArray area)
{
    (void)class;
    if (!has_length(env, area, AREA(COUNT)) || !has_length(env, name, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    char *string = to_c_string(env, name);
    if (string == NULL)
        return LWSHM_E_INVALID;
    struct lwshm_area native;
    bool found = false;
    int status = lwshm_shmem_init_struct(gate->segment, string, (uint64_t)size, &found, &native);
    free(string);
    return put_area(env, area, status, &native, found);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ShmemNative_indexFind(JNIEnv *env, jclass class,
                                                                jlong segment, jbyteArray name,
                                                                jlongArray area)
{
    (void)class;
    if (!has_length(env, area, AREA(COUNT)) || !has_length(env, name, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    char *string = to_c_string(env, name);
    if (string == NULL)
        return LWSHM_E_INVALID;
    struct lwshm_area native;
    int status = lwshm_shmem_index_find(gate->segment, string, &native);
    free(string);
    return put_area(env, area, status, &native, true);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ShmemNative_alloc(JNIEnv *env, jclass class,
                                                            jlong segment, jlong size,
                                                            jlongArray area)
{
    (void)class;
    if (!has_length(env, area, AREA(COUNT)))
        return LWSHM_E_INVALID;
    ENTER(segment);
    struct lwshm_area native;
    int status = lwshm_shmem_alloc(gate->segment, (uint64_t)size, &native);
    return put_area(env, area, status, &native, false);
}

JNIEXPORT jobject JNICALL Java_org_lwshm_jni_ShmemNative_byteBuffer(JNIEnv *env, jclass class,
                                                                    jlong segment, jlong offset,
                                                                    jlong length)
{
    (void)class;
    ENTER_OR_RETURN(NULL, segment);
    void *address = lwshm_shmem_pointer(gate->segment, (uint64_t)offset, (uint64_t)length);
    return address == NULL ? NULL : (*env)->NewDirectByteBuffer(env, address, length);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ShmemNative_allocations(JNIEnv *env, jclass class,
                                                                  jlong segment, jlongArray rows,
                                                                  jbyteArray names)
{
    (void)class;
    if (!has_length(env, rows, 0) || !has_length(env, names, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    jsize capacity = (*env)->GetArrayLength(env, rows) / ROW(COUNT);
    jsize name_capacity = (*env)->GetArrayLength(env, names) / ROW(NAME_BYTES);
    if (capacity > name_capacity)
        capacity = name_capacity;
    struct lwshm_allocation *native = allocate(env, (size_t)capacity, sizeof *native);
    if (native == NULL)
        return LWSHM_E_INVALID;
    int count = lwshm_shmem_allocations(gate->segment, native, (uint32_t)capacity);
    for (jsize i = 0; i < count && i < capacity; i++) {
        jlong to[ROW(COUNT)];
        to[ROW(KIND)] = native[i].kind;
        to[ROW(OFFSET)] = (jlong)native[i].offset;
        to[ROW(SIZE)] = (jlong)native[i].size;
        to[ROW(ALLOCATED_SIZE)] = (jlong)native[i].allocated_size;
        put_longs(env, rows, i * ROW(COUNT), ROW(COUNT), to);
        put_bytes(env, names, i * ROW(NAME_BYTES), ROW(NAME_BYTES), native[i].name);
    }
    free(native);
    return count;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ShmemNative_regionName(JNIEnv *env, jclass class,
                                                                 jint region, jbyteArray name)
{
    (void)class;
    if (!has_length(env, name, 0))
        return LWSHM_E_INVALID;
    const char *native = lwshm_region_name((enum lwshm_region)region);
    if (native == NULL)
        return LWSHM_E_INVALID;
    size_t length = strlen(native);
    put_bytes(env, name, 0, length, native);
    return (jint)length;
}
