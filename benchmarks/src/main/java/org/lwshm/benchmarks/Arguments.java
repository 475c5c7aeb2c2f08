// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.HashMap;
import java.util.Map;

/** {@code --name number} pairs of a command line. */
final class Arguments {

  private final Map<String, Integer> numbers = new HashMap<>();

  Arguments(String[] args) {
    for (int i = 0; i < args.length; i += 2) {
      if (!args[i].startsWith("--") || i + 1 == args.length) {
        throw new IllegalArgumentException("expected --name number, not " + args[i]);
      }
      numbers.put(args[i].substring(2), Integer.parseInt(args[i + 1]));
    }
  }

  int number(String name, int otherwise) {
    return numbers.getOrDefault(name, otherwise);
  }
}
