// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** The file in which every process of a test writes down what it does: a line is "PID STEP". */
record StepLog(Path file) {

  /** What this process does. */
  void note(String step) throws IOException {
    String line = ProcessHandle.current().pid() + " " + step + "\n";
    Files.writeString(file, line, StandardOpenOption.APPEND);
  }

  /** All that was written down. */
  List<String> lines() {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The steps of a process. */
  List<String> steps(long pid) {
    String prefix = pid + " ";
    return lines().stream()
        .filter(line -> line.startsWith(prefix))
        .map(line -> line.substring(prefix.length()))
        .toList();
  }
}
