// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordingTest {

  private final Recording recording =
      new Recording(
          "A title",
          "abc1234",
          Map.of("cpu", "some \"one\""),
          List.of(
              new Result("a, 1, M/s", "M/s", 2, 1, 3, List.of(2.0, 1.0, 3.0)),
              new Result("b, 1, M/s", "M/s", 4, 4, 4, List.of(4.0))),
          List.of(Ratio.atMost("a_vs_b", 0.5, 0.4).of("the worst")));

  @Test
  void whatIsWrittenIsRead(@TempDir Path folder) {
    Path file = folder.resolve("new").resolve("results.json");
    recording.write(file);
    assertEquals(recording, Recording.read(file));
  }

  @Test
  void aResultIsOneLine(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("results.json");
    recording.write(file);
    List<String> lines = Files.readAllLines(file);
    assertEquals(1, lines.stream().filter(line -> line.contains("\"a, 1, M/s\"")).count());
    assertTrue(
        lines.stream().anyMatch(line -> line.contains("a, 1") && line.contains("[ 2.0, 1.0, 3.0")),
        String.join("\n", lines));
  }

  @Test
  void aMedianIsFoundByName() {
    assertEquals(OptionalDouble.of(4), recording.median("b, 1, M/s"));
    assertEquals(OptionalDouble.empty(), recording.median("c, 1, M/s"));
  }

  @Test
  void anEarlierRecordingLacksWhatCameLater(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("results.json");
    Files.writeString(
        file,
        "{\"title\":\"t\",\"machine\":{},\"results\":[],\"ratios\":[{\"name\":\"r\",\"value\":1,"
            + "\"goal\":\"<=\",\"bound\":2,\"holds\":true}]}");
    Recording read = Recording.read(file);
    assertNull(read.code());
    assertTrue(read.ratios().get(0).holds());
  }
}
