/*
 * segment_gate.h - a segment's handle as Java has it: a gate that calls pass.
 *
 * A thread of a JVM may be anywhere when another one closes the segment.  So each native enters
 * the gate before it uses the segment, and leaves the gate before it returns.  Both happen inside
 * the native, where no Java exception (a StackOverflowError, say) can come between them.
 *
 * The thread that closes the segment shuts the gate first, and waits until all calls have left.
 * A gate is never freed, so a stale handle is refused and not followed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LWSHM_JNI_SEGMENT_GATE_H
#define LWSHM_JNI_SEGMENT_GATE_H

#include <jni.h>
#include <stdbool.h>
#include <stdint.h>

#include "lwshm/segment.h"
#include "org_lwshm_jni_SegmentNative.h"

/* What a native returns when the gate is shut.  No error is set: Java knows what to say. */
#define GATE_SHUT org_lwshm_jni_SegmentNative_SHUT

struct segment_gate {
    lwshm_segment *segment; /* NULL once it is closed; atomic */
    uint32_t calls;         /* natives that are inside; atomic */
    bool shut;              /* atomic */
};

/* A gate without a segment; NULL with an OutOfMemoryError pending. */
struct segment_gate *gate_new(JNIEnv *env);

/* Enters; NULL if the gate is shut, or there is none. */
struct segment_gate *gate_enter(jlong handle);

/* Leaves, unless *gate is NULL. */
void gate_leave(struct segment_gate *const *gate);

/* From here to the end of the function, `gate->segment` may be used.  Returns `refusal` if the
   gate is shut. */
#define ENTER_OR_RETURN(refusal, handle)                                                           \
    struct segment_gate *gate __attribute__((cleanup(gate_leave))) = gate_enter(handle);           \
    if (gate == NULL)                                                                              \
    return refusal

#define ENTER(handle) ENTER_OR_RETURN(GATE_SHUT, handle)

#endif
