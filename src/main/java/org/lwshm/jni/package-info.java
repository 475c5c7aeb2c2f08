// SPDX-License-Identifier: Apache-2.0

/**
 * The native side of lwshm as Java sees it: the loader of the library, one class of static natives
 * a concept, the mapping from a native status to an exception, and the words of the segment read
 * and written without a call.
 *
 * <p>Not exported. Process-local objects cross the boundary as a {@code long} handle, anything in
 * the segment as a byte offset, strings as UTF-8 bytes without a NUL, and out-structs as a {@code
 * long[]} whose indexes are constants of the class that takes it. A native method returns what its
 * C function returns: 0 or more is a result, less is a status for {@link org.lwshm.jni.Status}.
 *
 * <p>A handle or offset that is stale may crash the JVM: it is the callers in {@code org.lwshm} who
 * see to it that none ever is. An array that is null or too short is refused with an exception.
 */
package org.lwshm.jni;
