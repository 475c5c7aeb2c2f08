// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

/** What {@link ExitCallbacks} run. */
@FunctionalInterface
public interface ExitCallback {

  /**
   * Does what there is to do on the way out.
   *
   * @throws Exception if it fails, which is logged and hinders nothing
   */
  void run() throws Exception;
}
