// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * One row of the account of a segment: what takes some of its bytes.
 *
 * <p>Source: PostgreSQL's view {@code pg_shmem_allocations}.
 *
 * @param kind what it is
 * @param name the area's or region's name, or {@code <anonymous>} or {@code <free>}
 * @param offset bytes from the segment's start; 0 for the anonymous row, whose areas lie here and
 *     there
 * @param size bytes, as asked for
 * @param allocatedSize bytes taken; these add up to the segment's size
 */
public record Allocation(Kind kind, String name, long offset, long size, long allocatedSize) {

  /** What takes the bytes. */
  public enum Kind {
    /** A fixed region: the header, the processes, the backends and so on. */
    FIXED,
    /** A named area. */
    STRUCT,
    /** All areas without a name. */
    ANONYMOUS,
    /** What is left. */
    FREE
  }
}
