/*
 * jni_support.h - what every shim needs: handles, strings and out-arrays across
 * the boundary.
 *
 * A shim checks its arrays first, so that nothing has happened yet when one is
 * refused with a Java exception.  What a shim returns then is ignored.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_JNI_SUPPORT_H
#define LWSHM_JNI_SUPPORT_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A process-local object, as Java keeps it. */
static inline void *from_handle(jlong handle)
{
    return (void *)(uintptr_t)handle;
}

static inline jlong to_handle(const void *object)
{
    return (jlong)(uintptr_t)object;
}

/* Whether `array` has `length` elements at least; if not, or if it is null, an
   IllegalArgumentException is pending. */
bool has_length(JNIEnv *env, jarray array, jsize length);

/*
 * The bytes of `string` with a NUL behind them, or NULL: if `string` is null, or
 * with an exception pending (has_length's, or an OutOfMemoryError).  The caller
 * frees it.
 */
char *to_c_string(JNIEnv *env, jbyteArray string);

/* Writes `length` longs from element `start` on; the shim has checked that they fit. */
void put_longs(JNIEnv *env, jlongArray array, jsize start, jsize length, const jlong *longs);

/* Writes `length` bytes from element `start` on, or as many of them as fit. */
void put_bytes(JNIEnv *env, jbyteArray array, jsize start, size_t length, const char *bytes);

/* Room for `count` elements of `size` bytes, never of no bytes; NULL with an
   OutOfMemoryError pending. */
void *allocate(JNIEnv *env, size_t count, size_t size);

#endif
