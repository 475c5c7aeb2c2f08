// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LayoutTest {

  /** Constants of {@link Layout} that are fields of a struct, by what the library calls them. */
  private static final Map<String, String> FIELDS =
      Map.of(
          "LWLOCK_WORD", "lwlock.word",
          "LWLOCK_READERS", "lwlock.readers",
          "COUNTERS_EXCLUSIVE", "tranche_counters.exclusive",
          "COUNTERS_SHARED", "tranche_counters.shared",
          "TRANCHE_COUNTERS_SIZE", "tranche_counters",
          "BACKEND_SPILLED", "backend_slot.spilled",
          "BACKEND_RECORD", "backend_slot.record",
          "HEADER_MAX_HELD_LOCKS", "segment_header.max_held_locks",
          "HEADER_JOINED_SLOTS", "segment_header.joined_slots",
          "ABI_VERSION", "LWSHM_ABI_VERSION");

  private static Map<String, long[]> library() {
    Map<String, long[]> fields = new HashMap<>();
    byte[] name = new byte[100];
    long[] field = new long[LayoutNative.FIELD_COUNT];
    for (int i = 0; LayoutNative.field(i, field, name) > 0; i++) {
      int length = (int) field[LayoutNative.FIELD_NAME_LENGTH];
      fields.put(new String(name, 0, length, StandardCharsets.UTF_8), field.clone());
    }
    return fields;
  }

  @Test
  void everyConstantIsWhatTheLibrarySays() throws IllegalAccessException {
    Map<String, long[]> library = library();
    int compared = 0;
    for (Field constant : Layout.class.getDeclaredFields()) {
      String name = FIELDS.getOrDefault(constant.getName(), constant.getName());
      long[] field = library.get(name);
      assertNotNull(field, "the library does not tell of " + name);
      int what =
          constant.getName().endsWith("_SIZE")
              ? LayoutNative.FIELD_SIZE
              : LayoutNative.FIELD_OFFSET;
      assertEquals(field[what], ((Number) constant.get(null)).longValue(), name);
      compared++;
    }
    assertEquals(Layout.class.getDeclaredFields().length, compared);
  }

  @Test
  void theFieldsHaveTheWidthsThatTheFastPathReads() {
    Map<String, long[]> library = library();
    for (String wide : new String[] {"lwlock.word", "lwlock.readers", "backend_slot.record"}) {
      assertEquals(8, library.get(wide)[LayoutNative.FIELD_SIZE], wide);
    }
    for (String narrow :
        new String[] {"segment_header.joined_slots", "segment_header.max_held_locks"}) {
      assertEquals(4, library.get(narrow)[LayoutNative.FIELD_SIZE], narrow);
    }
    // The count of spilled records is the lower half of its word, which comes first.
    assertEquals(8, library.get("backend_slot.spilled")[LayoutNative.FIELD_SIZE]);
    assertEquals(32, library.get("SPILLED_GENERATION_SHIFT")[LayoutNative.FIELD_OFFSET]);
    assertEquals(TrancheNative.LWLOCK_SIZE, library.get("lwlock")[LayoutNative.FIELD_SIZE]);
  }

  @Test
  void theAbiVersionIsTheLibrarys() {
    assertEquals(Layout.ABI_VERSION, LayoutNative.abiVersion());
  }
}
