// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.List;

/**
 * The native library could not be loaded. The message names the operating system, the architecture,
 * and every place that was tried with the reason why it failed there.
 */
public final class NativeLibraryException extends LwshmException {

  private static final long serialVersionUID = 1L;

  /** What {@link #tried()} returns. */
  @SuppressWarnings("serial") // what List.copyOf makes is serializable
  private final List<String> tried;

  /**
   * Made by the loader.
   *
   * @param os the operating system
   * @param arch the architecture
   * @param tried a place and a reason each
   */
  public NativeLibraryException(String os, String arch, List<String> tried) {
    super(
        "cannot load lwshm's native library on "
            + os
            + " "
            + arch
            + "; tried:\n  "
            + String.join("\n  ", tried));
    this.tried = List.copyOf(tried);
  }

  /** {@return a place and the reason why it failed there, each} */
  public List<String> tried() {
    return tried;
  }
}
