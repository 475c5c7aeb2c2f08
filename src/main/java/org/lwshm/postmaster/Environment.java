// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The environment of a child: this process's own, byte for byte, and what is added. {@link
 * System#getenv} would lose what is no text in the JVM's character set.
 */
final class Environment {

  private static final Path OWN = Path.of("/proc/self/environ");

  private Environment() {}

  /** NAME=value, a NUL after each. */
  static byte[] with(Map<String, String> variables) {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    byte[] own = own();
    for (int begin = 0; begin < own.length; ) {
      int end = begin;
      int equals = -1;
      while (end < own.length && own[end] != 0) {
        equals = equals < 0 && own[end] == '=' ? end : equals;
        end++;
      }
      String name =
          equals < 0 ? "" : new String(own, begin, equals - begin, StandardCharsets.UTF_8);
      if (equals >= 0 && !variables.containsKey(name)) {
        block.write(own, begin, end - begin);
        block.write(0);
      }
      begin = end + 1;
    }
    variables.forEach(
        (name, value) -> {
          block.writeBytes((name + "=" + value).getBytes(StandardCharsets.UTF_8));
          block.write(0);
        });
    return block.toByteArray();
  }

  private static byte[] own() {
    try {
      return Files.readAllBytes(OWN);
    } catch (IOException e) {
      // Without /proc there is no segment, so this is not met.
      ByteArrayOutputStream own = new ByteArrayOutputStream();
      System.getenv()
          .forEach(
              (name, value) -> {
                own.writeBytes((name + "=" + value).getBytes(StandardCharsets.UTF_8));
                own.write(0);
              });
      return own.toByteArray();
    }
  }
}
