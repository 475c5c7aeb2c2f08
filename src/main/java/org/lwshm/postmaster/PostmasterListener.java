// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import org.lwshm.Segment;

/**
 * Hears what a postmaster does. Called by the postmaster's own thread, in which nothing else goes
 * on meanwhile: so be short, and wait for nothing that the postmaster has to do, nor call {@code
 * System.exit}, which waits for it; {@link Postmaster#stop} is what ends it. What is thrown is
 * logged.
 */
public interface PostmasterListener {

  /**
   * The segment is there, and children are about to be started: at first, and each time that it was
   * made anew.
   *
   * @param segment that was made
   */
  default void segmentReady(Segment segment) {}

  /**
   * A child was started.
   *
   * @param child which
   */
  default void childStarted(ChildInfo child) {}

  /**
   * A child has ended, and was cleaned up after: what it held is released, or poisoned.
   *
   * @param child which
   * @param end how
   */
  default void childEnded(ChildInfo child, ChildEnd end) {}

  /**
   * What dead children left poisoned was repaired.
   *
   * @param locks how many were poisoned
   */
  default void repaired(int locks) {}

  /**
   * All children are about to be ended and the segment thrown away.
   *
   * @param reason why
   */
  default void restartingAll(String reason) {}
}
