// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers with a unit, as PostgreSQL's config has them; and without one. */
final class Quantity {

  static final String DURATION_RULE = "a number and a unit: us, ms, s, min, h or d";
  static final String BYTES_RULE = "a number of bytes, or one with a unit: B, kB, MB, GB or TB";

  private static final Pattern NUMBER_AND_UNIT = Pattern.compile("([0-9]{1,18}) *([A-Za-z]*)");

  private static final Map<String, Duration> DURATIONS =
      Map.of(
          "us", Duration.ofNanos(1000),
          "ms", Duration.ofMillis(1),
          "s", Duration.ofSeconds(1),
          "min", Duration.ofMinutes(1),
          "h", Duration.ofHours(1),
          "d", Duration.ofDays(1));

  private static final Map<String, Long> SIZES =
      Map.of("", 1L, "B", 1L, "kB", 1L << 10, "MB", 1L << 20, "GB", 1L << 30, "TB", 1L << 40);

  private Quantity() {}

  /** A length of time; 0 needs no unit. */
  static Duration duration(String text) {
    Matcher parts = parts(text);
    long number = Long.parseLong(parts.group(1));
    if (number == 0 && parts.group(2).isEmpty()) {
      return Duration.ZERO;
    }
    Duration unit = DURATIONS.get(parts.group(2));
    if (unit == null) {
      throw new IllegalArgumentException("no unit of time: \"" + parts.group(2) + "\"");
    }
    return unit.multipliedBy(number);
  }

  /** Bytes. */
  static long bytes(String text) {
    Matcher parts = parts(text);
    Long unit = SIZES.get(parts.group(2));
    if (unit == null) {
      throw new IllegalArgumentException("no unit of memory: \"" + parts.group(2) + "\"");
    }
    return Math.multiplyExact(Long.parseLong(parts.group(1)), unit);
  }

  /** A whole number in a range. */
  static int count(String text, int least, int most) {
    int number = Integer.parseInt(text);
    if (number < least || number > most) {
      throw new IllegalArgumentException(number + " is out of range");
    }
    return number;
  }

  private static Matcher parts(String text) {
    Matcher parts = NUMBER_AND_UNIT.matcher(text);
    if (!parts.matches()) {
      throw new IllegalArgumentException("no number with a unit: \"" + text + "\"");
    }
    return parts;
  }
}
