// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** What a result depends on besides the benchmark; nothing that names the machine itself. */
public final class Machine {

  private Machine() {}

  /** {@return the folder of the results of this machine's kind of processor} */
  public static Path results() {
    return Path.of("benchmarks", "results", Processor.ofThisMachine().slug());
  }

  /** {@return the commit that is measured, from the property that the Makefile sets} */
  static String code() {
    return System.getProperty("lwshm.code", "unknown");
  }

  static Map<String, String> describe() {
    Processor processor = Processor.ofThisMachine();
    Map<String, String> words = new TreeMap<>();
    words.put("cpu", processor.model());
    words.put("cpu numbers", processor.numbers());
    words.put("processors", String.valueOf(Runtime.getRuntime().availableProcessors()));
    words.put("kernel", System.getProperty("os.name") + " " + kernelVersion());
    words.put("arch", System.getProperty("os.arch"));
    words.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
    return words;
  }

  /** {@return the processor's name, and its numbers if the name has none} */
  public static String title(Map<String, String> machine) {
    String name = machine.get("cpu");
    String numbers = machine.get("cpu numbers");
    return name.matches(".*\\d.*") || numbers == null ? name : name + " " + numbers;
  }

  /** Major and minor; the rest of the release may identify the machine. */
  private static String kernelVersion() {
    return System.getProperty("os.version").replaceFirst("^(\\d+\\.\\d+).*", "$1");
  }
}
