// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.List;

/** A part of a transaction: what one of its locks guards. In the order in which they are locked. */
enum Part {
  ACCOUNT,
  TELLER,
  BRANCH,
  /** And the client's progress. */
  HISTORY;

  static final List<Part> ALL = List.of(values());

  /** Its bit in an intent. */
  int bit() {
    return 1 << ordinal();
  }
}
