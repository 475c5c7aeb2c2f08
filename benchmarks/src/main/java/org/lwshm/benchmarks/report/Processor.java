// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A kind of processor, as /proc/cpuinfo describes it.
 *
 * @param fields of the first processor: name and value
 */
record Processor(Map<String, String> fields) {

  private static final Map<String, String> VENDORS =
      Map.of("GenuineIntel", "intel", "AuthenticAMD", "amd");

  static Processor ofThisMachine() {
    try {
      return parse(Files.readAllLines(Path.of("/proc/cpuinfo")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Processor parse(List<String> cpuinfo) {
    return new Processor(
        cpuinfo.stream()
            .takeWhile(line -> !line.isBlank())
            .map(line -> line.split(":", 2))
            .filter(pair -> pair.length == 2)
            .collect(
                Collectors.toMap(pair -> pair[0].strip(), pair -> pair[1].strip(), (a, b) -> a)));
  }

  /** The model's name; Arm's processors have none. */
  String model() {
    return fields.getOrDefault("model name", "unknown");
  }

  /** Family, model and stepping, or what Arm's processors have instead; the known ones of them. */
  String numbers() {
    Stream<String> names =
        fields.containsKey("CPU part")
            ? Stream.of("CPU implementer", "CPU part", "CPU variant", "CPU revision")
            : Stream.of("cpu family", "model", "stepping");
    return names.map(fields::get).filter(Objects::nonNull).collect(Collectors.joining("-"));
  }

  /**
   * A name for a folder: the model's, and if that names no particular model (it has no digit), the
   * vendor's and the numbers.
   */
  String slug() {
    String name =
        slug(
            model()
                .replaceAll("\\((R|TM)\\)|@.*|\\d+-Core", " ")
                .replaceAll("\\b(CPU|Processor)\\b", " "));
    if (name.matches(".*\\d.*")) {
      return name;
    }
    String vendor = fields.getOrDefault("vendor_id", "");
    vendor = VENDORS.getOrDefault(vendor, vendor);
    return slug((name.startsWith(slug(vendor)) ? "" : vendor + "-") + name + "-" + numbers());
  }

  private static String slug(String words) {
    return words.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-|-$", "");
  }
}
