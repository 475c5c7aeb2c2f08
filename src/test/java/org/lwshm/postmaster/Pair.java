// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import org.lwshm.Segment;
import org.lwshm.ShmemRequest;
import org.lwshm.ShmemSubsystem;

/** What {@code postmaster/worker_program.c} works on: two words that are equal, and their lock. */
public final class Pair implements ShmemSubsystem {

  static final String NAME = "pair";

  private static final int BYTES = 2 * Long.BYTES;

  /** For the repairer. */
  public Pair() {}

  @Override
  public void request(ShmemRequest request) {
    request.struct(NAME, BYTES);
    request.tranche(NAME, 1);
  }

  @Override
  public void init(Segment segment) {}

  @Override
  public void attach(Segment segment) {
    segment
        .tranche(NAME)
        .onRepair(
            (backend, lock) -> {
              var pair = segment.struct(NAME);
              pair.putLong(Long.BYTES, pair.getLong(0));
            });
  }

  /** How often all workers together have counted in this segment. */
  static long count(Segment segment) {
    return segment.struct(NAME).getLong(Long.BYTES);
  }
}
