// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

/** When a child that has ended by itself is replaced. */
public enum Restart {
  /** However it ended. */
  ALWAYS,

  /** If it has crashed, or its exit code is not 0. */
  ON_FAILURE,

  /** Not while the segment lives; with all others, when that is made anew. */
  NEVER
}
