// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import org.lwshm.LwshmException;

/** A postmaster was stopped while it started, or cannot go on. */
public final class PostmasterException extends LwshmException {

  private static final long serialVersionUID = 1L;

  PostmasterException(String message) {
    super(message);
  }
}
