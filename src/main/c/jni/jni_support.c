/*
 * jni_support.c - handles, strings and out-arrays across the boundary.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "jni_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void throw_new(JNIEnv *env, const char *class_name, const char *message)
{
    jclass class = (*env)->FindClass(env, class_name);
    if (class != NULL) /* else NoClassDefFoundError is pending, which will do */
        (*env)->ThrowNew(env, class, message);
}

bool has_length(JNIEnv *env, jarray array, jsize length)
{
    char message[96];
    if (array == NULL) {
        throw_new(env, "java/lang/IllegalArgumentException", "array is null");
        return false;
    }
    jsize found = (*env)->GetArrayLength(env, array);
    if (found < length) {
        snprintf(message, sizeof message, "array has %d elements, %d are needed", (int)found,
                 (int)length);
        throw_new(env, "java/lang/IllegalArgumentException", message);
        return false;
    }
    return true;
}

char *to_c_string(JNIEnv *env, jbyteArray string)
{
    if (string == NULL)
        return NULL;
    jsize length = (*env)->GetArrayLength(env, string);
    char *bytes = allocate(env, (size_t)length + 1, 1);
    if (bytes == NULL)
        return NULL;
    (*env)->GetByteArrayRegion(env, string, 0, length, (jbyte *)bytes);
    bytes[length] = '\0';
    return bytes;
}

void put_longs(JNIEnv *env, jlongArray array, jsize start, jsize length, const jlong *longs)
{
    (*env)->SetLongArrayRegion(env, array, start, length, longs);
}

void put_bytes(JNIEnv *env, jbyteArray array, jsize start, size_t length, const char *bytes)
{
    jsize room = (*env)->GetArrayLength(env, array) - start;
    jsize count = length < (size_t)room ? (jsize)length : room;
    (*env)->SetByteArrayRegion(env, array, start, count, (const jbyte *)bytes);
}

void *allocate(JNIEnv *env, size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL)
        throw_new(env, "java/lang/OutOfMemoryError", "no memory for a native call's arguments");
    return memory;
}
