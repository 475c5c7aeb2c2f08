// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * A module that lives in a segment: it says what it needs before the segment is made, sets its
 * areas up once, and finds them again in every other process.
 *
 * <p>The phases, in order, each for all subsystems in the order of their registration:
 *
 * <ol>
 *   <li><em>request</em>, in the creator, before there is a segment
 *   <li><em>init</em>, in the creator: what was requested is there, zeroed, and nobody else can
 *       attach yet
 *   <li><em>attach</em>, in every other process; or <em>adopt</em>, in a process that has found the
 *       segment with its data, and nobody alive in it ({@link SegmentBuilder#open})
 * </ol>
 *
 * <p>A call that belongs to another phase throws {@link IllegalStateException}.
 *
 * <p>Source: PostgreSQL's {@code shmem_request_hook} and {@code shmem_startup_hook}, and the shared
 * memory callbacks that succeed them (src/backend/storage/ipc/shmem.c).
 */
public interface ShmemSubsystem {

  /** {@return the subsystem's name in messages and in the size account; its class's by default} */
  default String name() {
    String name = getClass().getSimpleName();
    return name.isEmpty() ? getClass().getName() : name;
  }

  /**
   * Asks for areas, locks and backends. May run more than once, since {@link SegmentBuilder#size()}
   * asks too, and must ask for the same each time.
   *
   * @param request takes what is asked for; of no use once this method has returned
   */
  void request(ShmemRequest request);

  /**
   * Fills the subsystem's areas, once in a segment's life. If it throws, the whole creation is
   * undone.
   *
   * @param segment the segment that is being created
   */
  void init(Segment segment);

  /**
   * Finds the subsystem's areas in a segment that another process made. If it throws, the segment
   * is left again.
   *
   * @param segment the segment that is being attached to
   */
  default void attach(Segment segment) {}

  /**
   * Takes over the subsystem's areas in a segment whose processes were all killed. What they held
   * is released; locks that they were inside of are poisoned ({@link Segment#poisonedLocks}).
   * Nobody else can attach yet. By default the same as {@link #attach}.
   *
   * <p>If it throws, or its process is killed, the data stay, and the next {@code open()} adopts
   * again: so it may run more than once on the same data.
   *
   * @param segment the segment that is being adopted
   */
  default void adopt(Segment segment) {
    attach(segment);
  }
}
