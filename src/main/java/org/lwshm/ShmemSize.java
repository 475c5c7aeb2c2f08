// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.List;

/**
 * The account of a segment's size, before it is made: a row for each fixed region and each area,
 * and the total, which is exact. On huge pages the kernel rounds the total up.
 *
 * <p>Its static methods compute sizes that overflow loudly, for those who ask for areas.
 *
 * <p>Source: PostgreSQL's {@code add_size}, {@code mul_size} (src/backend/storage/ipc/shmem.c) and
 * {@code CalculateShmemSize} (src/backend/storage/ipc/ipci.c).
 */
public final class ShmemSize {

  private static final int CACHE_LINE = 64;

  /**
   * One row of the account.
   *
   * @param name what takes the bytes
   * @param owner who asked for it: a subsystem's name, "builder", or "lwshm" for the segment's own
   * @param bytes how many, padding to whole cache lines included
   */
  public record Row(String name, String owner, long bytes) {}

  private final List<Row> rows;
  private final long total;

  ShmemSize(List<Row> rows, long total) {
    this.rows = List.copyOf(rows);
    this.total = total;
  }

  /** {@return the rows, whose bytes add up to {@link #total()}} */
  public List<Row> rows() {
    return rows;
  }

  /** {@return the size of the segment in bytes} */
  public long total() {
    return total;
  }

  /** {@return the account as a table, one row a line, the total last} */
  @Override
  public String toString() {
    TextTable table = new TextTable("name", "owner", ">bytes");
    for (Row row : rows) {
      table.row(row.name(), row.owner(), row.bytes());
    }
    table.rule();
    table.row("total", "", total);
    return table.toString();
  }

  /**
   * Adds two sizes.
   *
   * @param a bytes
   * @param b bytes
   * @return their sum
   * @throws ArithmeticException if it overflows
   * @throws IllegalArgumentException if one is negative
   */
  public static long add(long a, long b) {
    requireSizes(a, "+", b);
    long sum = a + b;
    if (sum < 0) {
      throw overflow(a, "+", b);
    }
    return sum;
  }

  /**
   * Multiplies a size by a count.
   *
   * @param a bytes
   * @param b how many times
   * @return their product
   * @throws ArithmeticException if it overflows
   * @throws IllegalArgumentException if one is negative
   */
  public static long mul(long a, long b) {
    requireSizes(a, "*", b);
    if (Math.multiplyHigh(a, b) != 0 || a * b < 0) {
      throw overflow(a, "*", b);
    }
    return a * b;
  }

  /**
   * Rounds a size up to whole cache lines of 64 bytes, as every area is.
   *
   * @param size bytes
   * @return the next multiple of 64
   * @throws ArithmeticException if it overflows
   * @throws IllegalArgumentException if it is negative
   */
  public static long cacheLineAlign(long size) {
    return add(size, CACHE_LINE - 1) & -CACHE_LINE;
  }

  private static void requireSizes(long a, String operator, long b) {
    if (a < 0 || b < 0) {
      throw new IllegalArgumentException("negative size: " + a + " " + operator + " " + b);
    }
  }

  private static ArithmeticException overflow(long a, String operator, long b) {
    return new ArithmeticException("size overflows: " + a + " " + operator + " " + b);
  }
}
