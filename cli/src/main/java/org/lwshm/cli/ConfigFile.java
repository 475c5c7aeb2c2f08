// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Reads a config file: {@link Properties} in UTF-8, each key once.
 *
 * <p>A config says what is executed. So it must be a file that nobody may write but its owner, who
 * is this user or root; and one that looks cut off is refused, since a key that lacks would mean
 * its default.
 */
final class ConfigFile {

  private static final long MAX_BYTES = 1 << 20;
  private static final int ROOT = 0;
  private static final Pattern BAD_ESCAPE =
      Pattern.compile("(?<!\\\\)(\\\\\\\\)*\\\\u(?![0-9A-Fa-f]{4})");

  private final Path file;

  private ConfigFile(Path file) {
    this.file = file;
  }

  /**
   * Reads a config file.
   *
   * @return the values by their keys
   * @throws ConfigException if it is of no use; says why, and names the file
   */
  static Map<String, String> read(Path file) {
    return new ConfigFile(file).read();
  }

  private Map<String, String> read() {
    try {
      requireUsable();
      return parse(decode(Files.readAllBytes(file)));
    } catch (AccessDeniedException e) {
      throw wrong("cannot be read: permission denied; make it readable to the pool's user");
    } catch (IOException e) {
      throw wrong("cannot be read: " + e);
    }
  }

  private void requireUsable() throws IOException {
    if (!Files.exists(file)) {
      // Also if one of its directories must not be entered; exists() does not tell.
      throw wrong("does not exist, or its directory may not be entered");
    }
    if (Files.isDirectory(file)) {
      throw wrong("is a directory; name a file in it");
    }
    if (!Files.isRegularFile(file)) {
      throw wrong("is no regular file; copy what it says into one");
    }
    requireTrusted();
    if (Files.size(file) > MAX_BYTES) {
      throw wrong("has " + Files.size(file) + " bytes; a config has at most " + MAX_BYTES);
    }
  }

  private void requireTrusted() throws IOException {
    Object owner = Files.getAttribute(file, "unix:uid");
    Object self = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    if (!owner.equals(self) && !owner.equals(ROOT)) {
      throw wrong(
          "belongs to user %s, this process to user %s; it says what is executed, so it must be"
                  .formatted(owner, self)
              + " yours or root's (chown)");
    }
    Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
    if (permissions.contains(PosixFilePermission.GROUP_WRITE)
        || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw wrong(
          "may be written by others than its owner; it says what is executed, so take that away"
              + " (chmod go-w)");
    }
  }

  private String decode(byte[] bytes) {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw wrong("is damaged: it is no UTF-8");
    }
    if (text.indexOf('\0') >= 0) {
      throw wrong("is damaged: there is a NUL in line " + lineAt(text, text.indexOf('\0')));
    }
    if (text.isBlank()) {
      throw wrong("is empty; if nothing is to be set, leave --config out");
    }
    if (!text.endsWith("\n")) {
      throw wrong(
          "is truncated: line %d, its last, has no end; complete it, or end the line"
              .formatted(lineAt(text, text.length())));
    }
    return text;
  }

  private Map<String, String> parse(String text) throws IOException {
    Entries entries = new Entries();
    try {
      entries.load(new StringReader(text));
    } catch (IllegalArgumentException e) {
      throw wrong(
          "is damaged: line %d has a \\u without four hexadecimal digits; write \\\\u if no"
                  .formatted(lineOfBadEscape(text))
              + " character is meant");
    }
    return entries.inOrder;
  }

  private static int lineOfBadEscape(String text) {
    String[] lines = text.split("\n");
    for (int i = 0; i < lines.length; i++) {
      boolean comment = lines[i].strip().startsWith("#") || lines[i].strip().startsWith("!");
      if (!comment && BAD_ESCAPE.matcher(lines[i]).find()) {
        return i + 1;
      }
    }
    return lines.length;
  }

  private static long lineAt(String text, int offset) {
    return 1 + text.substring(0, offset).chars().filter(c -> c == '\n').count();
  }

  private ConfigException wrong(String how) {
    return new ConfigException("config " + file + " " + how);
  }

  /** Hears of each entry, also of the second one of a key. */
  private final class Entries extends Properties {

    private static final long serialVersionUID = 1L;

    private final transient Map<String, String> inOrder = new LinkedHashMap<>();

    @Override
    public synchronized Object put(Object key, Object value) {
      if (inOrder.put((String) key, (String) value) != null) {
        throw wrong("sets " + key + " twice; take one of them away");
      }
      return null;
    }
  }
}
