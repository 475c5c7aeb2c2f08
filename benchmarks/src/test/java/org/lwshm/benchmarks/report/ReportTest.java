// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReportTest {

  private final Report report = new Report("title");

  @BeforeEach
  void measure() {
    List.of(3.0, 1.0, 2.0).forEach(report.samples("a", "ns")::add);
    List.of(4.0, 8.0).forEach(report.samples("b", "ns")::add);
  }

  private String printed() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    report.print(new PrintStream(out, true, StandardCharsets.UTF_8), name -> true);
    return out.toString(StandardCharsets.UTF_8).replaceAll(" +", " ");
  }

  @Test
  void theMedianIsTheMiddleOrTheMeanOfTheMiddleTwo() {
    assertEquals(2, report.median("a"));
    assertEquals(6, report.median("b"));
  }

  @Test
  void whatWasNotMeasuredHasNoMedian() {
    assertThrows(IllegalArgumentException.class, () -> report.median("c"));
  }

  @Test
  void valuesAreKeptWithFourDigits() {
    report.samples("c", "ns").add(123456.789);
    report.samples("d", "ns").add(0.000123456);
    assertEquals(123500, report.median("c"));
    assertEquals(0.0001235, report.median("d"));
  }

  @Test
  void aRatioStandsBesideItsBound() {
    report.ratioAtMost("a_vs_b", "a", "b", 0.3);
    report.ratioAtLeast("b_vs_a", "b", "a", 3);
    String printed = printed();
    assertTrue(printed.contains("RATIO a_vs_b 0.333 <= 0.3 NO\n"), printed);
    assertTrue(printed.contains("RATIO b_vs_a 3.000 >= 3.0 yes\n"), printed);
  }

  @Test
  void aRatioToASumIsToTheSumOfMedians() {
    report.ratioToSumAtMost("a_vs_both", "a", List.of("a", "b"), 1.2);
    assertTrue(printed().contains("RATIO a_vs_both 0.250 <= 1.2 yes\n"), printed());
  }

  @Test
  void quotientsOfRoundsAreNotChangedByWhatSlowsAWholeRound() {
    List.of(10.0, 1.0, 10.0).forEach(report.samples("c", "M/s")::add);
    List.of(20.0, 2.0, 5.0).forEach(report.samples("d", "M/s")::add);
    assertEquals(0.5, report.medianQuotient("c", "d"));
  }

  @Test
  void theWorstOfManyRatiosIsNamed() {
    report.leastRatio("worst", List.of("x", "yy", "zzz"), word -> 2.0 / word.length(), 0.85);
    assertTrue(
        printed().contains("RATIO worst 0.667 >= 0.85 NO (the worst of 3: zzz)\n"), printed());
  }

  @Test
  void thereIsNoRatioWithWhatWasNotMeasured() {
    report.ratioAtMost("a_vs_c", "a", "c", 1);
    report.ratioAtLeast("c_vs_a", "c", "a", 1);
    report.ratioToSumAtMost("a_vs_sum", "a", List.of("b", "c"), 1);
    report.leastRatio("none", List.<String>of(), word -> 1, 1);
    assertFalse(printed().contains("RATIO"), printed());
  }
}
