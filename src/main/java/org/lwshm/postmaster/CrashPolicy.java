// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

/** What a postmaster does when a child has crashed. */
public enum CrashPolicy {
  /**
   * Only the crashed one is replaced. Its locks are recovered, and what they guard is repaired by
   * the {@linkplain PostmasterBuilder#repairer repairer}; if there is none, or it fails, it goes as
   * with {@link #RESTART_ALL}.
   */
  RECOVER,

  /**
   * As PostgreSQL does: all children are ended, the segment is thrown away and made anew under the
   * next generation, and the children are started again.
   */
  RESTART_ALL
}
