/*
 * tranche_jni.c - org.lwshm.jni.TrancheNative onto lwshm/tranche.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "org_lwshm_jni_TrancheNative.h"

#include <stdlib.h>

#include "jni/jni_support.h"
#include "jni/segment_gate.h"
#include "lwshm/tranche.h"

#define TRANCHE(name) org_lwshm_jni_TrancheNative_TRANCHE_##name

#define STATISTICS(name) org_lwshm_jni_TrancheNative_STATISTICS_##name

_Static_assert(org_lwshm_jni_TrancheNative_WAIT_BUCKETS == LWSHM_WAIT_BUCKETS, "histogram");
_Static_assert(org_lwshm_jni_TrancheNative_SPINS_LEARNED == LWSHM_SPINS_LEARNED, "spins");
_Static_assert(TRANCHE(NAME_MAX) == LWSHM_TRANCHE_NAME_MAX, "name");
_Static_assert(org_lwshm_jni_TrancheNative_LWLOCK_SIZE == LWSHM_LWLOCK_SIZE, "lock");

static jint put_tranche(JNIEnv *env, jlongArray array, int status,
                        const struct lwshm_tranche *tranche, bool found)
{
    if (status >= 0) {
        jlong to[TRANCHE(COUNT)];
        to[TRANCHE(OFFSET)] = (jlong)tranche->offset;
        to[TRANCHE(LOCKS)] = tranche->locks;
        to[TRANCHE(ID)] = tranche->id;
        to[TRANCHE(FOUND)] = found;
        put_longs(env, array, 0, TRANCHE(COUNT), to);
    }
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_TrancheNative_init(JNIEnv *env, jclass class,
                                                             jlong segment, jbyteArray name,
                                                             jint locks, jlongArray tranche)
{
    (void)class;
    if (!has_length(env, tranche, TRANCHE(COUNT)) || !has_length(env, name, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    char *string = to_c_string(env, name);
    if (string == NULL)
        return LWSHM_E_INVALID;
    struct lwshm_tranche native;
    bool found = false;
    int status = lwshm_tranche_init(gate->segment, string, (uint32_t)locks, &found, &native);
    free(string);
    return put_tranche(env, tranche, status, &native, found);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_TrancheNative_find(JNIEnv *env, jclass class,
                                                             jlong segment, jbyteArray name,
                                                             jlongArray tranche)
{
    (void)class;
    if (!has_length(env, tranche, TRANCHE(COUNT)) || !has_length(env, name, 0))
        return LWSHM_E_INVALID;
    ENTER(segment);
    char *string = to_c_string(env, name);
    if (string == NULL)
        return LWSHM_E_INVALID;
    struct lwshm_tranche native;
    int status = lwshm_tranche_find(gate->segment, string, &native);
    free(string);
    return put_tranche(env, tranche, status, &native, true);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_TrancheNative_get(JNIEnv *env, jclass class,
                                                            jlong segment, jint id,
                                                            jlongArray tranche, jbyteArray name)
{
    (void)class;
    if (!has_length(env, tranche, TRANCHE(COUNT)) ||
        !has_length(env, name, LWSHM_TRANCHE_NAME_MAX + 1))
        return LWSHM_E_INVALID;
    ENTER(segment);
    struct lwshm_tranche native;
    int status = lwshm_tranche_get(gate->segment, (uint32_t)id, &native);
    if (status >= 0)
        put_bytes(env, name, 0, sizeof native.name, native.name);
    return put_tranche(env, tranche, status, &native, true);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_TrancheNative_statistics(JNIEnv *env, jclass class,
                                                                   jlong segment, jint id,
                                                                   jlongArray statistics)
{
    (void)class;
    if (!has_length(env, statistics, STATISTICS(COUNT)))
        return LWSHM_E_INVALID;
    ENTER(segment);
    struct lwshm_tranche_statistics native;
    int status = lwshm_tranche_statistics(gate->segment, (uint32_t)id, &native);
    if (status < 0)
        return status;
    jlong to[STATISTICS(COUNT)];
    to[STATISTICS(EXCLUSIVE)] = (jlong)native.exclusive;
    to[STATISTICS(SHARED)] = (jlong)native.shared;
    to[STATISTICS(SLOW_EXCLUSIVE)] = (jlong)native.slow_exclusive;
    to[STATISTICS(SLOW_SHARED)] = (jlong)native.slow_shared;
    to[STATISTICS(WAITS)] = (jlong)native.waits;
    to[STATISTICS(WAIT_NS)] = (jlong)native.wait_ns;
    to[STATISTICS(RECOVERIES)] = (jlong)native.recoveries;
    to[STATISTICS(POISONINGS)] = (jlong)native.poisonings;
    to[STATISTICS(SPINS)] = native.spins;
    to[STATISTICS(PAUSES)] = native.pauses;
    for (int i = 0; i < LWSHM_WAIT_BUCKETS; i++)
        to[STATISTICS(HISTOGRAM) + i] = (jlong)native.wait_histogram[i];
    put_longs(env, statistics, 0, STATISTICS(COUNT), to);
    return status;
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_TrancheNative_setSpins(JNIEnv *env, jclass class,
                                                                 jlong segment, jint id, jint turns)
{
    (void)env;
    (void)class;
    ENTER(segment);
    return lwshm_tranche_set_spins(gate->segment, (uint32_t)id, turns);
}
