// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.List;

/**
 * The segment cannot be closed: threads of this process are still joined to it. The message names
 * them.
 */
public final class SegmentBusyException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #slots()} returns. */
  @SuppressWarnings("serial") // what List.copyOf makes is serializable
  private final List<Integer> slots;

  /**
   * Made where the failure is met.
   *
   * @param message what happened, with the values
   * @param slots the slots of their backends
   */
  public SegmentBusyException(String message, List<Integer> slots) {
    super(message);
    this.slots = List.copyOf(slots);
  }

  /** {@return the slots of their backends} */
  public List<Integer> slots() {
    return slots;
  }
}
