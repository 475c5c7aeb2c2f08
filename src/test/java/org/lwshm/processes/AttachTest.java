// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Member;
import org.lwshm.testing.SysvSegment;

/** A segment that one process made, as another one sees it. */
class AttachTest {

  @TempDir Path dataDir;
  @AutoClose final Children children = new Children();

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void anotherProcessSeesWhatTheCreatorMade(String language) throws Exception {
    try (Segment segment = Member.builder(dataDir).create()) {
      SharedStruct words = segment.struct("words");
      words.putLong(0, 42);
      words.putLong(words.size() - 8, -43);
      Child other = children.member(language);
      long[] opened = other.numbers("attach " + dataDir);
      assertArrayEquals(new long[] {segment.id(), 1, segment.key()}, opened);
      long[] expected = {
        segment.size(),
        words.offset(),
        Member.WORDS,
        segment.tranche("locks").lock(0).offset(),
        Member.LOCKS
      };
      assertArrayEquals(expected, other.numbers("layout"));
      assertEquals("42", other.ok("get 0"));
      assertEquals("-43", other.ok("get " + (words.size() - 8)));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void theCreatorSeesWhatAnotherProcessWrites(String language) throws Exception {
    try (Segment segment = Member.builder(dataDir).spare(64).create()) {
      Child other = children.member(language);
      other.ok("attach " + dataDir);
      other.ok("put 8 -7");
      assertEquals(-7, segment.struct("words").getLong(8));
      long offset = other.numbers("struct later 10")[0];
      SharedStruct later = segment.initStruct("later", 10);
      assertTrue(later.isFound());
      assertEquals(offset, later.offset());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void aJvmAttachesToWhatAnotherProcessMade(String language) throws Exception {
    Child creator = children.member(language);
    long[] made = creator.numbers("create " + dataDir + " 8 8 16");
    creator.ok("put 16 99");
    try (Segment segment = Segment.attach(dataDir)) {
      assertArrayEquals(
          made, new long[] {segment.id(), segment.generation(), segment.key()}, "id and so on");
      SharedStruct words = segment.struct("words");
      assertEquals(99, words.getLong(16));
      assertArrayEquals(
          creator.numbers("layout"),
          new long[] {
            segment.size(),
            words.offset(),
            words.size(),
            segment.tranche("locks").lock(0).offset(),
            segment.tranche("locks").size()
          });
      creator.ok("close");
      assertTrue(SysvSegment.of(segment.id()).orElseThrow().attached() == 1, "only we are left");
      assertEquals(99, words.getLong(16), "the memory stays for who is attached");
    }
    assertEquals(List.of(), SysvSegment.all().stream().filter(s -> s.shmid() == made[0]).toList());
  }

  @Test
  void offsetsAreEqualWhereverProcessesMapTheSegment() throws Exception {
    try (Segment segment = Member.builder(dataDir).create();
        Segment twice = Segment.attach(dataDir)) {
      assertEquals(segment.struct("words").offset(), twice.struct("words").offset());
      segment.struct("words").putLong(0, 5);
      assertEquals(5, twice.struct("words").getLong(0));
      List<Child> others =
          IntStream.range(0, 4).mapToObj(i -> children.member(i % 2 == 0 ? "c" : "java")).toList();
      Set<Long> addresses =
          new HashSet<>(SysvSegment.addresses(ProcessHandle.current().pid(), segment.id()));
      assertEquals(2, addresses.size(), "this process has it twice");
      Set<Long> offsets = new HashSet<>(List.of(segment.struct("words").offset()));
      for (Child other : others) {
        other.ok("attach " + dataDir);
        offsets.add(other.numbers("layout")[1]);
        addresses.addAll(SysvSegment.addresses(other.pid(), segment.id()));
      }
      assertEquals(1, offsets.size());
      assertNotEquals(1, addresses.size());
    }
  }

  @Test
  void theProcessesThatAreAttachedAreKnownByTheirPids() throws Exception {
    try (Segment segment = Member.builder(dataDir).create()) {
      Child java = children.javaMember();
      Child c = children.cMember();
      java.ok("attach " + dataDir);
      c.ok("attach " + dataDir);
      assertEquals(
          Set.of((int) ProcessHandle.current().pid(), (int) java.pid(), (int) c.pid()),
          of(segment));
      assertEquals(3, SysvSegment.of(segment.id()).orElseThrow().attached());
      java.ok("close");
      c.ok("close");
      assertEquals(Set.of((int) ProcessHandle.current().pid()), of(segment));
      assertEquals(1, SysvSegment.of(segment.id()).orElseThrow().attached());
    }
  }

  private static Set<Integer> of(Segment segment) {
    Set<Integer> pids = new HashSet<>();
    for (int pid : segment.processes()) {
      pids.add(pid);
    }
    return pids;
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void aStructOfAnotherSizeIsRefusedInAnotherProcessWithBoth(String language) throws Exception {
    try (Segment segment = Member.builder(dataDir).create()) {
      Child other = children.member(language);
      other.ok("attach " + dataDir);
      String name = language.equals("c") ? "LWSHM_E_SIZE_MISMATCH" : "SizeMismatchException";
      String error = other.error("struct words 100");
      assertTrue(error.startsWith(name + " 100,4096 "), error);
      assertTrue(error.contains("\"words\" exists with 4096 bytes, and 100 were asked"), error);
      assertEquals(4096, segment.struct("words").size());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void aLockThatAnotherProcessHoldsCannotBeReleased(String language) throws Exception {
    try (Segment segment = Member.builder(dataDir).create()) {
      Child other = children.member(language);
      other.ok("attach " + dataDir);
      other.ok("join");
      String held = language.equals("c") ? "LWSHM_E_NOT_HELD" : "IllegalMonitorStateException";
      String twice = language.equals("c") ? "LWSHM_E_ALREADY_HELD" : "IllegalMonitorStateException";
      for (LWLockMode mode : LWLockMode.values()) {
        segment.join();
        segment.tranche("locks").lock(0).acquire(mode);
        String error = other.error("release 0");
        assertTrue(error.startsWith(held) && error.contains("does not hold"), error);
        assertTrue(segment.tranche("locks").lock(0).isHeldBy(segment.backend(), mode));
        segment.tranche("locks").lock(0).release();
        segment.backend().close();
      }
      for (String mode : List.of("X", "S")) {
        for (String again : List.of("acquire 1 X", "acquire 1 S", "try 1 X", "try 1 S")) {
          other.ok("acquire 1 " + mode);
          String error = other.error(again);
          assertTrue(error.startsWith(twice) && error.contains("holds the lock"), error);
          other.ok("release 1");
        }
      }
    }
  }
}
