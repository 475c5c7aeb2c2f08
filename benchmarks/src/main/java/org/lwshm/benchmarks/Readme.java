// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import static org.lwshm.benchmarks.Contestant.LWSHM_C;
import static org.lwshm.benchmarks.Contestant.LWSHM_JAVA;
import static org.lwshm.benchmarks.Contestant.POSTGRES;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.lwshm.benchmarks.report.Machine;
import org.lwshm.benchmarks.report.Ratio;
import org.lwshm.benchmarks.report.Recording;

/**
 * {@code make bench-readme}: prints all ratios recorded on this kind of processor, and writes into
 * README.md a table for each kind of processor there are results of.
 */
public final class Readme {

  private static final Path README = Path.of("README.md");
  private static final String BEGIN = "<!-- make bench-readme writes from here -->\n";
  private static final String END = "<!-- to here -->\n";
  private static final String NAME = "postgres";

  /** A line of a table. */
  private record Row(String mode, int processes, String metric) {

    String title() {
      return processes == 1
          ? mode + ", 1 process, ns"
          : mode + ", " + processes + " processes, M/s";
    }

    OptionalDouble median(Recording recording, Contestant contestant) {
      return recording.median(
          Contest.key(contestant, new Cell(mode, processes, Cell.Load.NONE), metric));
    }

    OptionalDouble timesAsFast(Recording recording) {
      OptionalDouble ours = median(recording, LWSHM_C);
      OptionalDouble theirs = median(recording, POSTGRES);
      if (ours.isEmpty() || theirs.isEmpty()) {
        return OptionalDouble.empty();
      }
      double quotient = ours.getAsDouble() / theirs.getAsDouble();
      return OptionalDouble.of(metric.equals(Contest.COST) ? 1 / quotient : quotient);
    }
  }

  private static final List<Row> ROWS =
      Stream.of(Contest.EXCLUSIVE, Contest.SHARED)
          .flatMap(
              mode ->
                  Stream.of(
                      new Row(mode, 1, Contest.COST),
                      new Row(mode, 2, Contest.THROUGHPUT),
                      new Row(mode, 4, Contest.THROUGHPUT),
                      new Row(mode, 8, Contest.THROUGHPUT)))
          .toList();

  private Readme() {}

  /** Runs it; there are no options. */
  public static void main(String[] args) throws IOException {
    for (Path file : list(Machine.results())) {
      if (file.toString().endsWith(".json")) {
        Recording recording = Recording.read(file);
        System.out.printf("%n%s: %s, commit %s%n", file, recording.title(), recording.code());
        Ratio.print(recording.ratios(), System.out);
      }
    }
    Files.writeString(README, replace(Files.readString(README), tables()));
  }

  private static String tables() throws IOException {
    StringBuilder tables = new StringBuilder();
    List<Recording> recordings = new ArrayList<>();
    for (Path folder : list(Machine.results().getParent())) {
      Path file = folder.resolve(NAME + ".json");
      if (Files.exists(file)) {
        recordings.add(Recording.read(file));
        tables.append(section(folder, recordings.get(recordings.size() - 1)));
      }
    }
    if (recordings.size() > 1) {
      tables.append(comparison(recordings));
    }
    return tables.append('\n').toString();
  }

  private static List<Path> list(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.sorted().toList();
    }
  }

  /**
   * Replaces what stands between the two marks.
   *
   * @throws IllegalArgumentException if they are not there
   */
  static String replace(String readme, String tables) {
    int from = readme.indexOf(BEGIN);
    int to = readme.indexOf(END);
    if (from < 0 || to < from) {
      throw new IllegalArgumentException("README.md has no " + BEGIN + "or " + END);
    }
    return readme.substring(0, from + BEGIN.length()) + tables + readme.substring(to);
  }

  /** What was measured on one kind of processor, and on which. */
  static String section(Path folder, Recording recording) {
    StringJoiner lines = new StringJoiner("\n", "\n", "\n");
    lines.add(
        "%s, %s processors, %s, commit %s ([figures](%s), [chart](%s)):\n"
            .formatted(
                Machine.title(recording.machine()),
                recording.machine().get("processors"),
                recording.machine().get("kernel"),
                recording.code(),
                folder.resolve(NAME + ".json"),
                folder.resolve(NAME + ".svg")));
    lines.add("| | PostgreSQL | lwshm, C | lwshm, Java |").add("|---|---|---|---|");
    for (Row row : ROWS) {
      lines.add(
          line(
              row.title(),
              Stream.of(POSTGRES, LWSHM_C, LWSHM_JAVA)
                  .map(contestant -> row.median(recording, contestant))));
    }
    OptionalDouble none = OptionalDouble.empty();
    lines.add(
        line(
            "after a kill -9, ms",
            Stream.of(
                recording.median(Recovery.POSTGRES), recording.median(Recovery.LWSHM), none)));
    return lines.toString();
  }

  /** How lwshm's lock in C compares with PostgreSQL's on each kind of processor. */
  static String comparison(List<Recording> recordings) {
    StringJoiner lines = new StringJoiner("\n", "\n", "\n");
    lines.add("How many times as fast as PostgreSQL's lock lwshm's is in C, by processor:\n");
    lines.add(
        recordings.stream()
            .map(recording -> Machine.title(recording.machine()))
            .collect(Collectors.joining(" | ", "| | ", " |")));
    lines.add("|---".repeat(recordings.size() + 1) + "|");
    for (Row row : ROWS) {
      lines.add(line(row.title(), recordings.stream().map(row::timesAsFast)));
    }
    return lines.toString();
  }

  private static String line(String title, Stream<OptionalDouble> values) {
    return values
        .map(Readme::number)
        .collect(Collectors.joining(" | ", "| " + title + " | ", " |"));
  }

  private static String number(OptionalDouble value) {
    if (value.isEmpty()) {
      return "";
    }
    String format = value.getAsDouble() < 20 ? "%.1f" : "%.0f";
    return String.format(Locale.ROOT, format, value.getAsDouble());
  }
}
