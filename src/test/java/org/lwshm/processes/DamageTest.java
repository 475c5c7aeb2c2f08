// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.lwshm.AbiVersionException;
import org.lwshm.Allocation;
import org.lwshm.CorruptSegmentException;
import org.lwshm.ForeignSegmentException;
import org.lwshm.LwshmException;
import org.lwshm.Segment;
import org.lwshm.SegmentNotFoundException;
import org.lwshm.SegmentNotReadyException;
import org.lwshm.jni.Layout;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.LayoutField;
import org.lwshm.testing.Lifeline;
import org.lwshm.testing.Member;

/**
 * Segments that another process damages, as an attacher meets them: told by name, never a crash.
 */
class DamageTest {

  @TempDir Path dataDir;
  private Children children;
  private Segment segment;
  private Child vandal;
  private final Map<Long, String> undo = new HashMap<>();

  @BeforeEach
  void start() throws Exception {
    children = new Children();
    segment = Member.builder(dataDir).create();
    vandal = children.program("processes/raw_program");
    vandal.ok("attach " + segment.id());
  }

  @AfterEach
  void end() throws Exception {
    repair();
    vandal.ok("detach");
    segment.close();
    children.close();
  }

  private long peek(long offset, int width) throws Exception {
    return Long.parseUnsignedLong(vandal.ok("peek " + offset + " " + width));
  }

  private void poke(long offset, int width, long value) throws Exception {
    String before = vandal.ok("poke " + offset + " " + width + " " + Long.toUnsignedString(value));
    undo.putIfAbsent(offset, width + " " + before);
  }

  private void repair() throws Exception {
    for (Map.Entry<Long, String> change : undo.entrySet()) {
      vandal.ok("poke " + change.getKey() + " " + change.getValue());
    }
    undo.clear();
  }

  private void assertSound() throws Exception {
    repair();
    Segment.attach(dataDir).close();
  }

  private static LayoutField header(String field) {
    return LayoutField.of("segment_header." + field);
  }

  /** Each field, with values that no sound header has there. */
  @ParameterizedTest
  @CsvSource({
    "header_size, 0",
    "header_size, 321",
    "total_size, 0",
    "total_size, 4096",
    "total_size, -1",
    "max_processes, 0",
    "max_processes, 4097",
    "max_backends, 0",
    "max_backends, 4294967295",
    "max_held_locks, 0",
    "max_held_locks, 3",
    "max_held_locks, 8192",
    "max_tranches, 0",
    "max_tranches, 65536",
    "max_lwlocks, 0",
    "max_lwlocks, 16777217",
    "max_structs, 0",
    "max_structs, 65537",
    "max_children, 128",
    "max_children, 4294967295",
    "creator, 0",
    "created_at, -1",
    "created_at, 0",
    "generation, 0",
    "flags, 2",
    "flags, 4294967295",
    "checksum, 0",
    "state, 0",
    "state, 5",
    "stop_mode, 4",
    "free_offset, 0",
    "free_offset, -64",
    "struct_count, 4294967295",
    "struct_count, 65537",
    "tranche_count, 4294967295",
  })
  void aFieldOutOfItsRangeIsToldWithItsValue(String name, long value) throws Exception {
    LayoutField field = header(name);
    poke(field.offset(), field.size(), value);
    CorruptSegmentException e =
        assertThrows(CorruptSegmentException.class, () -> Segment.attach(dataDir));
    assertEquals(value, e.value(), e::getMessage);
    String told = "the segment is damaged: " + name + " is " + Long.toUnsignedString(value);
    assertTrue(e.getMessage().startsWith(told), e.getMessage());
    assertSound();
  }

  /** Values that may be, but not with what stands beside them. */
  @ParameterizedTest
  @CsvSource({
    "max_processes, 60, backends",
    "max_backends, 100, tranches",
    "max_tranches, 1, tranches",
    "max_lwlocks, 1, shmem index",
    "max_structs, 1, areas",
    "max_children, 1, checksum",
    "creator, 1, checksum",
    "created_at, 1, checksum",
    "generation, 2, checksum",
    "flags, 1, checksum",
    "pid_namespace, 1, checksum",
    "struct_count, 2, shmem index: name of entry",
    "tranche_count, 2, tranches: name of entry",
  })
  void aFieldThatContradictsOthersIsFoundByThem(String name, long value, String found)
      throws Exception {
    LayoutField field = header(name);
    assertNotEquals(value, peek(field.offset(), field.size()));
    poke(field.offset(), field.size(), value);
    CorruptSegmentException e =
        assertThrows(CorruptSegmentException.class, () -> Segment.attach(dataDir));
    assertTrue(
        e.getMessage().startsWith("the segment is damaged: " + found + " is "), e.getMessage());
    assertSound();
  }

  @Test
  void everyRegionsOffsetIsToldByTheRegionsName() throws Exception {
    LayoutField regions = header("region");
    List<Allocation> fixed =
        segment.shmemIndex().allocations().stream()
            .filter(a -> a.kind() == Allocation.Kind.FIXED)
            .toList();
    for (int i = 0; i < regions.size() / 8; i++) {
      String name = i < fixed.size() ? fixed.get(i).name() : "areas";
      for (long value : new long[] {64, -128, 1L << 62}) {
        poke(regions.offset() + 8 * i, 8, value);
        CorruptSegmentException e =
            assertThrows(CorruptSegmentException.class, () -> Segment.attach(dataDir));
        assertEquals(value, e.value());
        assertTrue(e.getMessage().contains("damaged: " + name + " is "), e.getMessage());
        repair();
      }
    }
    assertSound();
  }

  @Test
  void anotherAbiVersionIsToldWithBoth() throws Exception {
    LayoutField version = header("abi_version");
    for (long theirs : new long[] {0, Layout.ABI_VERSION + 1, 4294967295L}) {
      poke(version.offset(), version.size(), theirs);
      AbiVersionException e =
          assertThrows(AbiVersionException.class, () -> Segment.attach(dataDir));
      assertEquals(Layout.ABI_VERSION, e.ours());
      assertEquals(theirs, e.theirs());
      assertTrue(
          e.getMessage()
              .contains("has ABI version " + theirs + " and this library " + Layout.ABI_VERSION),
          e.getMessage());
    }
    assertSound();
  }

  @ParameterizedTest
  @CsvSource({"magic, 1", "magic, 0", "nonce, 1", "members_dev, 1", "members_ino, 1", "boot_id, 1"})
  void aSegmentOfAnotherOriginIsAStrangers(String name, long value) throws Exception {
    LayoutField field = header(name);
    poke(field.offset(), 8, value);
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
    assertSound();
  }

  @Test
  void aPrivateSegmentWithAnotherMagicIsAStrangers() throws Exception {
    try (Segment ours = Segment.privateBuilder().create()) {
      Child other = children.program("processes/raw_program");
      other.ok("attach " + ours.id());
      String magic = other.ok("poke 0 8 1");
      ForeignSegmentException e =
          assertThrows(ForeignSegmentException.class, () -> Segment.attach(ours.id()));
      assertTrue(e.getMessage().contains("segment " + ours.id()), e.getMessage());
      other.ok("poke 0 8 " + magic);
      Segment.attach(ours.id()).close();
    }
  }

  @Test
  void aStateThatIsNotReadyYetIsNotDamage() throws Exception {
    LayoutField state = header("state");
    poke(state.offset(), state.size(), 1);
    SegmentNotReadyException e =
        assertThrows(SegmentNotReadyException.class, () -> Segment.attach(dataDir));
    assertEquals(ProcessHandle.current().pid(), e.creatorPid());
    assertSound();
  }

  @Test
  void theNameOfADeadAllocatorKeepsNobodyFromAllocating() throws Exception {
    LayoutField allocator = header("allocator");
    // Our pid, started when the machine was.
    poke(allocator.offset(), allocator.size(), ProcessHandle.current().pid());
    try (Segment attached = Segment.attach(dataDir)) {
      assertEquals(4096, attached.initStruct("words", 4096).size());
    }
    undo.clear();
    assertEquals(0, peek(allocator.offset(), allocator.size()));
  }

  static Stream<String> entries() {
    return Stream.of("index_entry", "tranche_entry");
  }

  @ParameterizedTest
  @MethodSource("entries")
  void aDamagedEntryOfAnAreaOrTrancheIsTold(String struct) throws Exception {
    String region = struct.equals("index_entry") ? "shmem index" : "tranches";
    String size = struct.equals("index_entry") ? "size" : "locks";
    long entry =
        segment.shmemIndex().allocations().stream()
            .filter(a -> a.name().equals(region))
            .findFirst()
            .orElseThrow()
            .offset();
    Map<String, long[]> damage =
        Map.of(
            "offset",
            new long[] {0, 1, segment.size(), -64},
            size,
            new long[] {0, 1L << 31},
            "name",
            new long[] {0, -1});
    for (Map.Entry<String, long[]> field : damage.entrySet()) {
      LayoutField at = LayoutField.of(struct + "." + field.getKey());
      for (long value : field.getValue()) {
        // A name that never ends, where the value is -1.
        for (int i = 0; i < at.size(); i += Math.min(8, at.size())) {
          poke(entry + at.offset() + i, Math.min(8, at.size()), value);
        }
        CorruptSegmentException e =
            assertThrows(CorruptSegmentException.class, () -> Segment.attach(dataDir));
        assertTrue(
            e.getMessage().contains("damaged: " + region + ": " + field.getKey()), e.getMessage());
        repair();
      }
    }
    assertSound();
  }

  /** Whatever stands in whichever byte of the header: a named exception, or it does not matter. */
  @Test
  void noByteOfTheHeaderCrashesAnAttacher() throws Exception {
    int length = LayoutField.of("segment_header").size();
    int refused = 0;
    for (long at = 0; at < length; at++) {
      if (at >= header("allocator").offset() && at < header("allocator").offset() + 8) {
        continue; // says who may allocate; attaching does not look at it
      }
      long sound = peek(at, 1);
      for (long value : new long[] {0, 255, sound ^ 1, sound ^ 128}) {
        if (value != sound) {
          poke(at, 1, value);
          refused += isRefused() ? 1 : 0;
          repair();
        }
      }
    }
    // All but what is reserved; a state of 1 counts, too.
    assertTrue(refused > 3 * 176, "refused: " + refused);
    assertSound();
  }

  private boolean isRefused() {
    try (Segment attached = Segment.attach(dataDir)) {
      attached.shmemIndex();
      attached.backends();
      return false;
    } catch (LwshmException e) {
      return true;
    }
  }

  /** Looks at a segment all of whose tables hold nonsense. */
  @Test
  void whoLooksAtNonsenseInTheTablesIsNotCrashed() throws Exception {
    Random random = new Random(4711);
    for (Allocation region : segment.shmemIndex()) {
      boolean isTable = List.of("processes", "backends", "lwlocks").contains(region.name());
      for (long at = region.offset(); isTable && at < region.offset() + 4096; at += 8) {
        if (random.nextInt(3) != 0) {
          poke(at, 8, random.nextLong() >>> random.nextInt(64));
        }
      }
      if (region.name().equals("backends")) {
        // Joined, says the first one, by process 1, which may be anything by now.
        poke(region.offset(), 8, 1 | 1 << 8 | 77 << 24);
      }
    }
    Child looker = children.jvm(Looker.class, dataDir.toString());
    List<String> said = looker.rest();
    assertEquals(0, looker.waitFor(), looker.errors());
    assertEquals(List.of("looked"), said);
  }

  /** Only looks: what is damaged here no one could use. */
  static final class Looker {

    private Looker() {}

    public static void main(String[] args) {
      Lifeline.hold();
      try (Segment segment = Segment.attach(Path.of(args[0]))) {
        assertTrue(segment.backends().size() > 0);
        assertTrue(segment.processes().length > 0);
        assertEquals(segment.size(), segment.shmemIndex().total());
        assertTrue(segment.backends().stream().allMatch(b -> !b.toString().isEmpty()));
        segment.tranche("locks").lock(0).hasWaiters();
      }
      System.out.println("looked");
    }
  }
}
