// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.lwshm.jni.LayoutNative;

/**
 * A field of a struct in the segment, as the library tells it.
 *
 * @param name the struct's, a dot, the field's; the struct's alone for all of it
 * @param offset bytes from the struct's start
 * @param size bytes
 */
public record LayoutField(String name, long offset, int size) {

  private static final int LONGEST_NAME = 100;

  /** All that there are. */
  public static List<LayoutField> all() {
    List<LayoutField> fields = new ArrayList<>();
    byte[] name = new byte[LONGEST_NAME];
    long[] field = new long[LayoutNative.FIELD_COUNT];
    for (int i = 0; LayoutNative.field(i, field, name) > 0; i++) {
      int length = (int) field[LayoutNative.FIELD_NAME_LENGTH];
      fields.add(
          new LayoutField(
              new String(name, 0, length, StandardCharsets.UTF_8),
              field[LayoutNative.FIELD_OFFSET],
              (int) field[LayoutNative.FIELD_SIZE]));
    }
    return fields;
  }

  /** The one of a name. */
  public static LayoutField of(String name) {
    return all().stream().filter(field -> field.name.equals(name)).findFirst().orElseThrow();
  }
}
