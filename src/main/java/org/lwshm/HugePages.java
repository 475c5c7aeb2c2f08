// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/**
 * Whether a segment lies on huge pages.
 *
 * <p>Source: PostgreSQL's setting {@code huge_pages}.
 */
public enum HugePages {
  /** On normal pages. */
  OFF,
  /** On huge pages; creation fails if the kernel has none to give. */
  ON,
  /** On huge pages if the kernel has some to give, else on normal ones. */
  TRY
}
