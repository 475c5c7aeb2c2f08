// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** The segment is still being created. Attach again when its creator has published it. */
public final class SegmentNotReadyException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #creatorPid()} returns. */
  private final long creatorPid;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param creatorPid the pid of the process that creates it
   */
  public SegmentNotReadyException(String message, long creatorPid) {
    super(message);
    this.creatorPid = creatorPid;
  }

  /** {@return the pid of the process that creates it} */
  public long creatorPid() {
    return creatorPid;
  }
}
