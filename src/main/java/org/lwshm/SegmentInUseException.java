// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.List;

/** The data directory has a segment already, and live processes are attached to it. */
public final class SegmentInUseException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #pids()} returns. */
  @SuppressWarnings("serial") // what List.copyOf makes is serializable
  private final List<Integer> pids;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param pids the pids of those processes, as many as the native side reports (16 at most)
   */
  public SegmentInUseException(String message, List<Integer> pids) {
    super(message);
    this.pids = List.copyOf(pids);
  }

  /** {@return the pids of those processes, as many as the native side reports (16 at most)} */
  public List<Integer> pids() {
    return pids;
  }
}
