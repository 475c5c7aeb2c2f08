// SPDX-License-Identifier: Apache-2.0

/**
 * PostgreSQL-style shared memory.
 *
 * <p>A {@link org.lwshm.Segment} is created by one process and attached to by others, JVMs and C
 * programs alike. It holds named structures ({@link org.lwshm.SharedStruct}) and lightweight locks
 * ({@link org.lwshm.LWLock}). A thread that wants to lock takes a {@link org.lwshm.Backend} first.
 *
 * <pre>{@code
 * try (Segment segment =
 *         Segment.builder(dataDir).struct("counters", 64).tranche("counters", 1).create();
 *     Backend me = segment.join()) {
 *   SharedStruct counters = segment.struct("counters");
 *   LWLock lock = segment.tranche("counters").lock(0);
 *   lock.acquire(me, LWLockMode.EXCLUSIVE);
 *   try {
 *     counters.putLong(0, counters.getLong(0) + 1);
 *   } finally {
 *     lock.release(me);
 *   }
 * }
 * }</pre>
 *
 * <p>Nouns are PostgreSQL's, verbs are Java's. Sizes and offsets are in bytes.
 */
package org.lwshm;
