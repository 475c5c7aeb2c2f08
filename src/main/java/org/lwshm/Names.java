// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Names of structs and tranches, and strings as the native side takes them. */
final class Names {

  private Names() {}

  /**
   * A name in UTF-8.
   *
   * @param kind what it names, for the message: "struct", "tranche"
   * @throws IllegalArgumentException if it is empty, longer than {@code max} bytes, contains a NUL,
   *     or cannot be encoded
   */
  static byte[] encode(String kind, String name, int max) {
    byte[] bytes = encode(kind + " name", name);
    if (bytes.length == 0 || bytes.length > max) {
      throw new IllegalArgumentException(
          kind
              + " name \""
              + name
              + "\" has "
              + bytes.length
              + " bytes in UTF-8; it must have 1 to "
              + max);
    }
    return bytes;
  }

  /** Any string in UTF-8; {@code kind} names it in the message. */
  static byte[] encode(String kind, String string) {
    if (string.indexOf('\0') >= 0) {
      throw new IllegalArgumentException(kind + " \"" + string + "\" contains a NUL");
    }
    try {
      ByteBuffer buffer = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(string));
      byte[] bytes = new byte[buffer.remaining()];
      buffer.get(bytes);
      return bytes;
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(
          kind + " \"" + string + "\" cannot be encoded in UTF-8: it has half a surrogate pair", e);
    }
  }

  /** Bytes up to the first 0, as the native side writes names into arrays. */
  static String decode(byte[] bytes, int from, int max) {
    int end = from;
    while (end < from + max && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, from, end - from, StandardCharsets.UTF_8);
  }
}
