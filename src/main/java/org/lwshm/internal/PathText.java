// SPDX-License-Identifier: Apache-2.0

package org.lwshm.internal;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;

/**
 * Paths as text in which no character is lost: their bytes are UTF-8, whatever the JVM's character
 * set. {@link Path#toString} and {@link Path#of(String, String...)} go by the locale, and know
 * ASCII only in the POSIX locale. Any thread.
 */
public final class PathText {

  private PathText() {}

  /**
   * The text of a path.
   *
   * @param path of the default file system
   * @return the absolute path
   * @throws IllegalArgumentException if its bytes are not UTF-8
   */
  public static String of(Path path) {
    // A URI is made of the path's bytes; that of a directory ends with a slash.
    String text = path.toUri().getPath();
    String absolute =
        text.length() > 1 && text.endsWith("/") ? text.substring(0, text.length() - 1) : text;
    if (!toPath(absolute).equals(path.toAbsolutePath())) {
      throw new IllegalArgumentException("path \"" + absolute + "\" is not UTF-8");
    }
    return absolute;
  }

  /**
   * The path with a text.
   *
   * @param text an absolute path
   * @return the path
   * @throws IllegalArgumentException if it is not absolute, or has a NUL
   */
  public static Path toPath(String text) {
    if (!text.startsWith("/")) {
      throw new IllegalArgumentException("path \"" + text + "\" is not absolute");
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    String escaped = HexFormat.of().withPrefix("%").formatHex(bytes).replace("%2f", "/");
    return Path.of(URI.create("file://" + escaped));
  }
}
