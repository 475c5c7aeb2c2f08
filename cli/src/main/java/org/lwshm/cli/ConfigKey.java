// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

/**
 * A key that a config file may have.
 *
 * @param name it, or, if it ends with a dot, what comes before a name of the user's choice
 * @param rule what its value is, as a phrase
 * @param meaning what it sets
 * @param setter takes it into a config
 */
record ConfigKey(String name, String rule, String meaning, Setter setter) {

  /** Takes a value into a config. */
  @FunctionalInterface
  interface Setter {
    /**
     * Takes it.
     *
     * @param name what comes after the dot; empty if there is none
     * @throws IllegalArgumentException or ArithmeticException if the value is against the rule
     */
    void set(PoolConfig config, String name, String value);
  }

  boolean isPrefix() {
    return name.endsWith(".");
  }

  boolean covers(String key) {
    return isPrefix() ? key.startsWith(name) && key.length() > name.length() : key.equals(name);
  }

  /** As a user reads it. */
  String display() {
    return isPrefix() ? name + "NAME" : name;
  }

  void set(PoolConfig config, String key, String value) {
    setter.set(config, key.substring(isPrefix() ? name.length() : key.length()), value);
  }
}
