/*
 * child_jni.c - org.lwshm.jni.ChildNative onto lwshm/child.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_ChildNative.h"

#include <stdlib.h>
#include <string.h>

#include "jni/jni_support.h"
#include "lwshm/child.h"

#define CHILD(name) org_lwshm_jni_ChildNative_CHILD_##name

_Static_assert(org_lwshm_jni_ChildNative_SIGNALLED == LWSHM_CHILD_SIGNALLED, "await");
_Static_assert(org_lwshm_jni_ChildNative_SILENT == LWSHM_CHILD_SILENT, "read");
_Static_assert(org_lwshm_jni_ChildNative_NOTE_BYTES == LWSHM_CHILD_NOTE_BYTES, "start");

/* Read at once at most: as much as a pipe holds, as a rule. */
#define MOST_AT_ONCE 65536

/* Strings with a NUL after each, in one block; as C wants them, in a list that ends with NULL. */
struct strings {
    char *block;
    const char **list;
};

static void free_strings(struct strings *strings)
{
    free(strings->list);
    free(strings->block);
}

/* False with an exception pending; free_strings() in any case. */
static bool to_strings(JNIEnv *env, jbyteArray block, struct strings *strings)
{
    *strings = (struct strings){NULL, NULL};
    if ((strings->block = to_c_string(env, block)) == NULL)
        return false;
    const char *end = strings->block + (*env)->GetArrayLength(env, block);
    size_t count = 0;
    for (const char *p = strings->block; p < end; p += strlen(p) + 1)
        count++;
    if ((strings->list = allocate(env, count + 1, sizeof *strings->list)) == NULL)
        return false;
    size_t i = 0;
    for (const char *p = strings->block; p < end; p += strlen(p) + 1)
        strings->list[i++] = p;
    return true;
}

static jint start(JNIEnv *env, const struct lwshm_child_options *options, jintArray child)
{
    struct lwshm_child native;
    int status = lwshm_child_start(options, &native);
    if (status >= 0) {
        jint to[CHILD(COUNT)];
        to[CHILD(PID)] = native.pid;
        to[CHILD(OUTPUT)] = native.output;
        (*env)->SetIntArrayRegion(env, child, 0, CHILD(COUNT), to);
    }
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ChildNative_start(
    JNIEnv *env, jclass class, jbyteArray arguments, jbyteArray environment, jbyteArray directory,
    jint parent_death_signal, jbyteArray note, jlong note_offset, jintArray child)
{
    (void)class;
    if (!has_length(env, child, CHILD(COUNT)) || !has_length(env, arguments, 0) ||
        !has_length(env, environment, 0))
        return LWSHM_E_INVALID;
    struct strings argument = {NULL, NULL}, variable = {NULL, NULL};
    char *where = NULL, *file = NULL;
    jint status = LWSHM_E_INVALID;
    if (!to_strings(env, arguments, &argument) || !to_strings(env, environment, &variable))
        goto done;
    where = to_c_string(env, directory);
    if (where == NULL && directory != NULL)
        goto done;
    file = to_c_string(env, note);
    if (file == NULL && note != NULL)
        goto done;
    status = start(env,
                   &(struct lwshm_child_options){.arguments = argument.list,
                                                 .environment = variable.list,
                                                 .directory = where,
                                                 .parent_death_signal = parent_death_signal,
                                                 .note = file,
                                                 .note_offset = (uint64_t)note_offset},
                   child);
done:
    free(file);
    free(where);
    free_strings(&variable);
    free_strings(&argument);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ChildNative_await(JNIEnv *env, jclass class, jint pid)
{
    (void)env;
    (void)class;
    return lwshm_child_await(pid);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ChildNative_reap(JNIEnv *env, jclass class, jint pid)
{
    (void)env;
    (void)class;
    return lwshm_child_reap(pid);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ChildNative_signal(JNIEnv *env, jclass class, jint pid,
                                                             jint signal, jboolean group)
{
    (void)env;
    (void)class;
    return lwshm_child_signal(pid, signal, group);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ChildNative_read(JNIEnv *env, jclass class, jint output,
                                                           jbyteArray bytes, jint timeout_ms)
{
    (void)class;
    if (!has_length(env, bytes, 1))
        return LWSHM_E_INVALID;
    jsize size = (*env)->GetArrayLength(env, bytes);
    if (size > MOST_AT_ONCE)
        size = MOST_AT_ONCE;
    /* Not into the array itself: that would be pinned while this thread sleeps. */
    char *native = allocate(env, (size_t)size, 1);
    if (native == NULL)
        return LWSHM_E_INVALID;
    int count = lwshm_child_read(output, native, (uint32_t)size, timeout_ms);
    if (count > 0)
        put_bytes(env, bytes, 0, (size_t)count, native);
    free(native);
    return count;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_ChildNative_closeOutput(JNIEnv *env, jclass class,
                                                                  jint output)
{
    (void)env;
    (void)class;
    return lwshm_child_close_output(output);
}
