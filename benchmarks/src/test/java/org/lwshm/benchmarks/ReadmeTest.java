// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.lwshm.benchmarks.report.Recording;
import org.lwshm.benchmarks.report.Result;

class ReadmeTest {

  private static final String BEGIN = "<!-- make bench-readme writes from here -->\n";
  private static final String END = "<!-- to here -->\n";

  private static Recording recording(String cpu, double ours) {
    return new Recording(
        "title",
        "abc1234",
        Map.of("cpu", cpu, "cpu numbers", "6-1-2", "processors", "2", "kernel", "Linux 6.1"),
        List.of(
            result("PostgreSQL, exclusive, 2, M/s", 20),
            result("lwshm, C, exclusive, 2, M/s", ours),
            result("PostgreSQL, exclusive, 1, ns/op", 9),
            result("lwshm, C, exclusive, 1, ns/op", 4.5)),
        List.of());
  }

  private static Result result(String name, double median) {
    return new Result(name, "", median, median, median, List.of(median));
  }

  @Test
  void replacesOnlyWhatStandsBetweenTheMarks() {
    assertEquals(
        "a\n" + BEGIN + "new\n" + END + "b\n",
        Readme.replace("a\n" + BEGIN + "old\n" + END + "b\n", "new\n"));
  }

  @Test
  void refusesAReadmeWithoutMarks() {
    assertThrows(IllegalArgumentException.class, () -> Readme.replace("a\n" + END, "new\n"));
  }

  @Test
  void aTableNamesTheProcessorAndTheCommit() {
    String section = Readme.section(Path.of("results", "x"), recording("Some Xeon", 131));
    assertTrue(section.contains("Some Xeon 6-1-2, 2 processors, Linux 6.1, commit abc1234"));
    assertTrue(section.contains("| exclusive, 2 processes, M/s | 20 | 131 |  |"), section);
    assertTrue(section.contains("(results/x/postgres.svg)"), section);
  }

  @Test
  void theComparisonHasAColumnForEachProcessor() {
    String table = Readme.comparison(List.of(recording("Xeon", 10), recording("EPYC 7", 90)));
    assertTrue(table.contains("| | Xeon 6-1-2 | EPYC 7 |"), table);
    assertTrue(table.contains("| exclusive, 2 processes, M/s | 0.5 | 4.5 |"), table);
    assertTrue(table.contains("| exclusive, 1 process, ns | 2.0 | 2.0 |"), table);
  }
}
