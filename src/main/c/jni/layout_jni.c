/*
 * layout_jni.c - org.lwshm.jni.LayoutNative onto lwshm/layout.h and lwshm/version.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_LayoutNative.h"

#include <string.h>

#include "jni/jni_support.h"
#include "lwshm/layout.h"
#include "lwshm/status.h"
#include "lwshm/version.h"

#define FIELD(name) org_lwshm_jni_LayoutNative_FIELD_##name

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LayoutNative_field(JNIEnv *env, jclass class, jint index,
                                                             jlongArray field, jbyteArray name)
{
    (void)class;
    if (!has_length(env, field, FIELD(COUNT)) || !has_length(env, name, 0))
        return LWSHM_E_INVALID;
    struct lwshm_layout_field native;
    int found = lwshm_layout_field((uint32_t)index, &native);
    if (found > 0) {
        size_t length = strlen(native.name);
        jlong to[FIELD(COUNT)];
        to[FIELD(OFFSET)] = (jlong)native.offset;
        to[FIELD(SIZE)] = (jlong)native.size;
        to[FIELD(NAME_LENGTH)] = (jlong)length;
        put_longs(env, field, 0, FIELD(COUNT), to);
        put_bytes(env, name, 0, length, native.name);
    }
    return found;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_LayoutNative_abiVersion(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    return (jint)lwshm_abi_version();
}
