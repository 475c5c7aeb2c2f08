// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** The segment was made by another version of lwshm, with which memory cannot be shared. */
public final class AbiVersionException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #ours()} returns. */
  private final long ours;

  /** What {@link #theirs()} returns. */
  private final long theirs;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param ours this library's ABI version
   * @param theirs the segment's ABI version
   */
  public AbiVersionException(String message, long ours, long theirs) {
    super(message);
    this.ours = ours;
    this.theirs = theirs;
  }

  /** {@return this library's ABI version} */
  public long ours() {
    return ours;
  }

  /** {@return the segment's ABI version} */
  public long theirs() {
    return theirs;
  }
}
