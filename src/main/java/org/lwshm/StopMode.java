// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** How a postmaster stops. */
public enum StopMode {
  /** When all children have ended by themselves: they are asked to, and no more are started. */
  SMART,
  /** Children are told to end, with SIGTERM, and killed if they have not after some time. */
  FAST,
  /** Children are killed at once. */
  IMMEDIATE
}
