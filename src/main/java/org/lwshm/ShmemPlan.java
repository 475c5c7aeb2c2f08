// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.lwshm.jni.SegmentNative;
import org.lwshm.jni.SemaphoreNative;
import org.lwshm.jni.ShmemNative;
import org.lwshm.jni.Status;
import org.lwshm.jni.TrancheNative;

/** All that was requested of a segment that is to be made, and by whom. */
final class ShmemPlan {

  /**
   * A named thing: a struct of {@code amount} bytes, a tranche of as many locks, or the struct of a
   * semaphore with as many permits. Only a semaphore has a kind.
   */
  record Entry(String owner, String name, long amount, SemaphoreKind semaphore) {
    Entry(String owner, String name, long amount) {
      this(owner, name, amount, null);
    }

    /** The bytes that the struct takes in a segment with so many backends. */
    long bytes(long maxBackends) {
      long size =
          semaphore == null ? amount : SemaphoreNative.size(semaphore.code(), (int) maxBackends);
      return ShmemSize.cacheLineAlign(size);
    }
  }

  private final Map<String, Entry> structs = new LinkedHashMap<>();
  private final Map<String, Entry> tranches = new LinkedHashMap<>();
  private final List<Entry> spare = new ArrayList<>();
  private int backends;
  private int heldLocks;

  ShmemPlan() {}

  ShmemPlan(ShmemPlan other) {
    structs.putAll(other.structs);
    tranches.putAll(other.tranches);
    spare.addAll(other.spare);
    backends = other.backends;
    heldLocks = other.heldLocks;
  }

  void struct(String owner, String name, long size) {
    Names.encode("struct", name, ShmemNative.STRUCT_NAME_MAX);
    requirePositive("size", "struct", name, size);
    add("struct", structs, new Entry(owner, name, size));
  }

  void tranche(String owner, String name, int locks) {
    Names.encode("tranche", name, TrancheNative.TRANCHE_NAME_MAX);
    requirePositive("number of locks", "tranche", name, locks);
    add("tranche", tranches, new Entry(owner, name, locks));
  }

  void semaphore(String owner, String name, int permits, SemaphoreKind kind) {
    Names.encode("semaphore", name, ShmemNative.STRUCT_NAME_MAX);
    if (permits < 0) {
      throw new IllegalArgumentException(
          "permits of semaphore \"" + name + "\" are " + permits + "; they must be 0 or more");
    }
    Entry struct = new Entry(owner, name, permits, Objects.requireNonNull(kind, "kind"));
    requireNew("struct", structs, struct);
    if (kind == SemaphoreKind.OWNED) {
      // Its own lock.
      add("tranche", tranches, new Entry(owner, name, 1));
    }
    add("struct", structs, struct);
  }

  void backends(String owner, int count) {
    if (count < 0) {
      throw new IllegalArgumentException("\"" + owner + "\" asked for " + count + " backends");
    }
    backends = Math.addExact(backends, count);
  }

  void heldLocks(String owner, int count) {
    if (count < 0) {
      throw new IllegalArgumentException("\"" + owner + "\" asked for " + count + " held locks");
    }
    heldLocks = Math.max(heldLocks, count);
  }

  void bytes(String owner, long count) {
    if (count < 0) {
      throw new IllegalArgumentException("\"" + owner + "\" asked for " + count + " bytes");
    }
    spare.add(new Entry(owner, "spare", ShmemSize.cacheLineAlign(count)));
  }

  List<Entry> structs() {
    return List.copyOf(structs.values());
  }

  List<Entry> tranches() {
    return List.copyOf(tranches.values());
  }

  /** Seats asked for, in all. */
  int backends() {
    return backends;
  }

  /** Locks that one backend holds at once, at most. */
  int heldLocks() {
    return heldLocks;
  }

  /** Locks in all tranches. */
  long locks() {
    long locks = 0;
    for (Entry tranche : tranches.values()) {
      locks = ShmemSize.add(locks, tranche.amount());
    }
    return locks;
  }

  /** Bytes of all areas and all spare room, in a segment with so many backends. */
  long areaBytes(long maxBackends) {
    long bytes = 0;
    for (Entry struct : structs.values()) {
      bytes = ShmemSize.add(bytes, struct.bytes(maxBackends));
    }
    for (Entry room : spare) {
      bytes = ShmemSize.add(bytes, room.amount());
    }
    return bytes;
  }

  /**
   * What the segment is made for, a line a thing, as {@code lwshm_segment_open} has it: the same
   * for the same things, in whatever order they were asked for.
   */
  byte[] description(long maxBackends, long version) {
    List<String> lines = new ArrayList<>();
    for (Entry struct : structs.values()) {
      SemaphoreKind kind = struct.semaphore();
      long size =
          kind == null ? struct.amount() : SemaphoreNative.size(kind.code(), (int) maxBackends);
      lines.add("struct " + size + " " + struct.name());
      if (kind != null) {
        lines.add("semaphore " + struct.amount() + " " + kind + " " + struct.name());
      }
    }
    for (Entry tranche : tranches.values()) {
      lines.add("tranche " + tranche.amount() + " " + tranche.name());
    }
    Collections.sort(lines);
    lines.add("version " + version);
    return String.join("\n", lines).getBytes(StandardCharsets.UTF_8);
  }

  /** The account of the segment that {@code options} lead to. */
  ShmemSize size(long[] options) {
    long[] size = new long[SegmentNative.SIZE_COUNT];
    Status.check(SegmentNative.plan(options, size));
    List<ShmemSize.Row> rows = new ArrayList<>();
    int areas = SegmentNative.REGION_COUNT - 1;
    long maxBackends = options[SegmentNative.OPTION_MAX_BACKENDS];
    for (int i = 0; i < areas; i++) {
      rows.add(new ShmemSize.Row(regionName(i), "lwshm", size[SegmentNative.SIZE_SIZES + i]));
    }
    for (Entry struct : structs.values()) {
      rows.add(new ShmemSize.Row(struct.name(), struct.owner(), struct.bytes(maxBackends)));
    }
    for (Entry room : spare) {
      rows.add(new ShmemSize.Row(room.name(), room.owner(), room.amount()));
    }
    long padding = size[SegmentNative.SIZE_SIZES + areas] - areaBytes(maxBackends);
    rows.add(new ShmemSize.Row("rest of the last page", "lwshm", padding));
    return new ShmemSize(rows, size[SegmentNative.SIZE_TOTAL]);
  }

  private static String regionName(int region) {
    byte[] name = new byte[ShmemNative.ROW_NAME_BYTES];
    int length = ShmemNative.regionName(region, name);
    return Names.decode(name, 0, length);
  }

  private static void requirePositive(String what, String kind, String name, long value) {
    if (value <= 0) {
      throw new IllegalArgumentException(
          what + " of " + kind + " \"" + name + "\" is " + value + "; it must be 1 or more");
    }
  }

  private static void add(String kind, Map<String, Entry> entries, Entry entry) {
    requireNew(kind, entries, entry);
    entries.put(entry.name(), entry);
  }

  private static void requireNew(String kind, Map<String, Entry> entries, Entry entry) {
    Entry first = entries.get(entry.name());
    if (first != null) {
      throw new IllegalArgumentException(
          kind
              + " \""
              + entry.name()
              + "\" was requested by \""
              + first.owner()
              + "\" already, and again by \""
              + entry.owner()
              + "\"");
    }
  }
}
