// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.lwshm.jni.ShmemNative;

/**
 * What is allocated in a segment, read at one moment: the fixed regions, the named areas in the
 * order of their making, the areas without a name in one row, and what is free. The allocated sizes
 * add up to the segment's size.
 *
 * <p>Immutable; {@link Segment#shmemIndex()} reads it anew.
 *
 * <p>Source: PostgreSQL's ShmemIndex (src/backend/storage/ipc/shmem.c) and {@code
 * pg_shmem_allocations}.
 */
public final class ShmemIndex implements Iterable<Allocation> {

  private static final int FIRST_GUESS = 64;

  private final List<Allocation> allocations;

  private ShmemIndex(List<Allocation> allocations) {
    this.allocations = List.copyOf(allocations);
  }

  static ShmemIndex read(Attachment attachment) {
    for (int capacity = FIRST_GUESS; ; ) {
      long[] rows = new long[capacity * ShmemNative.ROW_COUNT];
      byte[] names = new byte[capacity * ShmemNative.ROW_NAME_BYTES];
      int count = attachment.call(handle -> ShmemNative.allocations(handle, rows, names));
      if (count <= capacity) {
        return new ShmemIndex(decode(rows, names, count));
      }
      capacity = count;
    }
  }

  private static List<Allocation> decode(long[] rows, byte[] names, int count) {
    List<Allocation> allocations = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int row = i * ShmemNative.ROW_COUNT;
      allocations.add(
          new Allocation(
              Allocation.Kind.values()[(int) rows[row + ShmemNative.ROW_KIND]],
              Names.decode(names, i * ShmemNative.ROW_NAME_BYTES, ShmemNative.ROW_NAME_BYTES),
              rows[row + ShmemNative.ROW_OFFSET],
              rows[row + ShmemNative.ROW_SIZE],
              rows[row + ShmemNative.ROW_ALLOCATED_SIZE]));
    }
    return allocations;
  }

  /** {@return all rows} */
  public List<Allocation> allocations() {
    return allocations;
  }

  /**
   * Looks for a named area.
   *
   * @param name its name
   * @return its row, if there is one
   */
  public Optional<Allocation> find(String name) {
    return allocations.stream()
        .filter(a -> a.kind() == Allocation.Kind.STRUCT && a.name().equals(name))
        .findFirst();
  }

  /** {@return the sum of all allocated sizes, which is the segment's size, in bytes} */
  public long total() {
    return allocations.stream().mapToLong(Allocation::allocatedSize).sum();
  }

  @Override
  public Iterator<Allocation> iterator() {
    return allocations.iterator();
  }

  /** {@return the rows as a table, the total last} */
  @Override
  public String toString() {
    TextTable table = new TextTable("name", "kind", ">offset", ">size", ">allocated");
    for (Allocation a : allocations) {
      String kind = a.kind().name().toLowerCase(Locale.ROOT);
      table.row(a.name(), kind, a.offset(), a.size(), a.allocatedSize());
    }
    table.rule();
    table.row("total", "", "", "", total());
    return table.toString();
  }
}
