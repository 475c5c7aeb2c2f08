// SPDX-License-Identifier: Apache-2.0

/**
 * What threads of several processes wait for one another with, besides locks.
 *
 * <p>A {@link org.lwshm.sync.Semaphore} counts permits. It lies in a {@link org.lwshm.Segment}
 * under a name, is asked for before the segment is made like every struct, and is used with the
 * thread's {@link org.lwshm.Backend}.
 *
 * <pre>{@code
 * try (Segment segment =
 *         Segment.builder(dataDir).semaphore("connections", 10, SemaphoreKind.OWNED).create();
 *     Backend me = segment.join()) {
 *   Semaphore connections = Semaphore.find(segment, "connections");
 *   connections.acquire(me);
 *   try {
 *     // at most ten at a time, in all processes together; a killed one's permit comes back
 *   } finally {
 *     connections.release(me);
 *   }
 * }
 * }</pre>
 */
package org.lwshm.sync;
