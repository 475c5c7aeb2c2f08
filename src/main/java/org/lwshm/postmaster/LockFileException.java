// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import org.lwshm.LwshmException;

/** A data directory's lock file is of no use: damaged, unreadable, another's. */
public final class LockFileException extends LwshmException {

  private static final long serialVersionUID = 1L;

  LockFileException(String message) {
    super(message);
  }
}
