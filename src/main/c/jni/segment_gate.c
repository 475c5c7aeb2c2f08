/* SPDX-License-Identifier: Apache-2.0 */
#include "jni/segment_gate.h"

#include "jni/jni_support.h"

struct segment_gate *gate_new(JNIEnv *env)
{
    return allocate(env, 1, sizeof(struct segment_gate));
}

struct segment_gate *gate_enter(jlong handle)
{
    struct segment_gate *gate = from_handle(handle);
    if (gate == NULL)
        return NULL;
    /* seq_cst, in this order: pairs with shut(), which does it the other way round */
    __atomic_add_fetch(&gate->calls, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&gate->shut, __ATOMIC_SEQ_CST))
        return gate;
    __atomic_sub_fetch(&gate->calls, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

void gate_leave(struct segment_gate *const *gate)
{
    /* seq_cst: pairs with the load of `calls` in shut(): the closing thread sees what this call did */
    if (*gate != NULL)
        __atomic_sub_fetch(&(*gate)->calls, 1, __ATOMIC_SEQ_CST);
}

/* ---- for the thread that closes the segment ---- */

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_shut(JNIEnv *env, jclass class,
                                                             jlong handle)
{
    (void)env;
    (void)class;
    struct segment_gate *gate = from_handle(handle);
    __atomic_store_n(&gate->shut, true, __ATOMIC_SEQ_CST);
    return (jint)__atomic_load_n(&gate->calls, __ATOMIC_SEQ_CST);
}

JNIEXPORT void JNICALL Java_org_lwshm_jni_SegmentNative_reopen(JNIEnv *env, jclass class,
                                                               jlong handle)
{
    (void)env;
    (void)class;
    struct segment_gate *gate = from_handle(handle);
    if (__atomic_load_n(&gate->segment, __ATOMIC_SEQ_CST) != NULL)
        __atomic_store_n(&gate->shut, false, __ATOMIC_SEQ_CST);
}

static lwshm_segment *segment_of(jlong handle)
{
    struct segment_gate *gate = from_handle(handle);
    return gate == NULL ? NULL : __atomic_load_n(&gate->segment, __ATOMIC_SEQ_CST);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_detach(JNIEnv *env, jclass class,
                                                               jlong handle, jint how)
{
    (void)env;
    (void)class;
    return lwshm_segment_detach(segment_of(handle), (enum lwshm_detach)how);
}

JNIEXPORT jint JNICALL Java_org_lwshm_jni_SegmentNative_close(JNIEnv *env, jclass class,
                                                              jlong handle)
{
    (void)env;
    (void)class;
    struct segment_gate *gate = from_handle(handle);
    __atomic_store_n(&gate->shut, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&gate->calls, __ATOMIC_SEQ_CST) > 0)
        return LWSHM_OK; /* a call that does not come back keeps the handle */
    lwshm_segment *segment = __atomic_exchange_n(&gate->segment, NULL, __ATOMIC_SEQ_CST);
    int status = lwshm_segment_close(segment);
    if (status < 0)
        __atomic_store_n(&gate->segment, segment, __ATOMIC_SEQ_CST);
    return status;
}
