// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/** What a result depends on besides the code; nothing that names the machine itself. */
final class Machine {

  private Machine() {}

  static Map<String, String> describe() {
    Map<String, String> words = new HashMap<>();
    words.put("cpu", cpuModel());
    words.put("processors", String.valueOf(Runtime.getRuntime().availableProcessors()));
    words.put("kernel", System.getProperty("os.name") + " " + kernelVersion());
    words.put("arch", System.getProperty("os.arch"));
    words.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
    return words;
  }

  /** Major and minor; the rest of the release may tell whose machine it is. */
  private static String kernelVersion() {
    return System.getProperty("os.version").replaceFirst("^(\\d+\\.\\d+).*", "$1");
  }

  private static String cpuModel() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse("unknown");
    } catch (IOException e) {
      return "unknown";
    }
  }
}
