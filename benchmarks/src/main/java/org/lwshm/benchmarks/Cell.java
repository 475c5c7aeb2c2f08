// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.util.ArrayList;
import java.util.List;

/**
 * One way in which all contestants fight over their lock.
 *
 * @param mode exclusive or shared
 * @param processes how many at once, or threads
 * @param load what each does besides
 */
record Cell(String mode, int processes, Load load) {

  /**
   * Work with the lock held, and without it.
   *
   * @param insideNs nanoseconds with it
   * @param betweenNs nanoseconds from the release to the next acquire
   */
  record Load(int insideNs, int betweenNs) {

    static final Load NONE = new Load(0, 0);

    private static final int LARGEST_BATCH = 256;
    private static final int BATCH_NS = 10_000;

    /**
     * The number of acquisitions between two readings of the clock. A batch has about 10 us of
     * work: the readings cost little then, and the longest batch is little more than the longest
     * wait.
     */
    int batch() {
      return Math.max(1, Math.min(LARGEST_BATCH, BATCH_NS / Math.max(1, insideNs + betweenNs)));
    }

    boolean isNone() {
      return equals(NONE);
    }

    @Override
    public String toString() {
      return isNone() ? "no work" : insideNs + " ns inside, " + betweenNs + " between";
    }
  }

  /** A grid: every number of processes with every load. */
  static List<Cell> grid(
      List<String> modes, List<Integer> processes, List<Integer> inside, List<Integer> between) {
    List<Cell> cells = new ArrayList<>();
    for (String mode : modes) {
      for (int insideNs : inside) {
        for (int betweenNs : between) {
          for (int count : processes) {
            cells.add(new Cell(mode, count, new Load(insideNs, betweenNs)));
          }
        }
      }
    }
    return cells;
  }

  @Override
  public String toString() {
    return mode + ", " + processes + (load.isNone() ? "" : ", " + load);
  }
}
