// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.worker;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * What workers did at the same time.
 *
 * @param parts one for each process or thread
 */
public record Outcome(List<Part> parts) {

  /**
   * What one worker did.
   *
   * @param operations acquisitions, each with its release
   * @param elapsedNs from the ordered start to the worker's last look at the clock
   * @param cpuNs processor time that it took
   * @param longestNs the longest batch: the longest wait, and the batch's own time
   */
  public record Part(long operations, long elapsedNs, long cpuNs, long longestNs) {

    private static final int WORDS = 4;

    private static Part parse(List<String> words) {
      return new Part(
          Long.parseLong(words.get(0)),
          Long.parseLong(words.get(1)),
          Long.parseLong(words.get(2)),
          Long.parseLong(words.get(3)));
    }

    @Override
    public String toString() {
      return operations + " " + elapsedNs + " " + cpuNs + " " + longestNs;
    }
  }

  /**
   * Reads a worker's answer: the numbers of its threads, one thread after another.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static Outcome parse(String line) {
    List<String> words = List.of(line.trim().split(" "));
    if (words.size() % Part.WORDS != 0) {
      throw new IllegalArgumentException("no outcome: " + line);
    }
    List<Part> parts = new ArrayList<>();
    for (int at = 0; at < words.size(); at += Part.WORDS) {
      parts.add(Part.parse(words.subList(at, at + Part.WORDS)));
    }
    return new Outcome(parts);
  }

  /** {@return the outcome of these workers together} */
  public static Outcome of(List<Outcome> outcomes) {
    return new Outcome(outcomes.stream().flatMap(outcome -> outcome.parts().stream()).toList());
  }

  /**
   * {@return operations a second, the sum over the workers} Each counts from the ordered start to
   * its own end, so that a worker that begins late or overruns is not faster for it.
   */
  public double perSecond() {
    return parts.stream().mapToDouble(part -> part.operations() * 1e9 / part.elapsedNs()).sum();
  }

  /** {@return nanoseconds of processor time for an operation} */
  public double cost() {
    return (double) parts.stream().mapToLong(Part::cpuNs).sum() / operations().sum();
  }

  /** {@return the longest batch of all, in nanoseconds} */
  public long longestNs() {
    return parts.stream().mapToLong(Part::longestNs).max().orElseThrow();
  }

  /** {@return the operations of the worker with the fewest, divided by the workers' mean} */
  public double leastShare() {
    return operations().min().orElseThrow() / operations().average().orElseThrow();
  }

  private LongStream operations() {
    return parts.stream().mapToLong(Part::operations);
  }

  /** {@return what {@link #parse} reads} */
  @Override
  public String toString() {
    return parts.stream().map(Part::toString).collect(Collectors.joining(" "));
  }
}
