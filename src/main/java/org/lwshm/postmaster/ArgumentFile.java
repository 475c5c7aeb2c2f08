// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.lwshm.DataDirectoryException;
import org.lwshm.internal.PathText;

/**
 * A command line of {@code java} that is too long for the kernel, in a file that {@code java}
 * reads. The kernel takes 128 KiB an argument, and a class path may be longer. It takes a quarter
 * of the stack's limit for all of them, 2 MiB as a rule.
 */
final class ArgumentFile {

  /** How long all arguments together may be to be passed as they are. */
  private static final int MAX_BYTES = 100_000;

  private ArgumentFile() {}

  /**
   * The arguments to start a program with.
   *
   * @param file to write, if that is needed; nothing may be there
   * @throws DataDirectoryException if it cannot be written
   */
  static List<String> shorten(List<String> arguments, Path file) {
    if (arguments.stream().mapToLong(a -> bytes(a).length).sum() <= MAX_BYTES) {
      return arguments;
    }
    StringBuilder text = new StringBuilder();
    arguments.stream().skip(1).forEach(argument -> text.append(quote(argument)).append('\n'));
    try {
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.write(file, bytes(text.toString()));
    } catch (IOException e) {
      throw new DataDirectoryException("argument file " + file + " cannot be written: " + e);
    }
    return List.of(arguments.get(0), "@" + PathText.of(file));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** As the java command's manual says. */
  private static String quote(String argument) {
    return '"'
        + argument
            .replace("\\", "\\\\")
            .replace("\"", "\\\"")
            .replace("\n", "\\n")
            .replace("\r", "\\r")
            .replace("\t", "\\t")
            .replace("\f", "\\f")
        + '"';
  }
}
