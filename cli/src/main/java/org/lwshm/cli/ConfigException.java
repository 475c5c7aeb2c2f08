// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

/** A config file is of no use: damaged, unreadable, another's, or something wrong stands in it. */
final class ConfigException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  ConfigException(String message) {
    super(message);
  }
}
