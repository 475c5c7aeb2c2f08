// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;
import org.lwshm.SegmentInUseException;
import org.lwshm.SegmentNotFoundException;
import org.lwshm.SegmentNotReadyException;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Member;
import org.lwshm.testing.SysvSegment;

/** Making a segment while others do, after others died, and beside others' segments. */
class CreationTest {

  private static final int ROUNDS = 25;

  @TempDir Path dataDir;
  @AutoClose final Children children = new Children();

  @Test
  void whoAttachesDuringCreationHearsWhoCreates() throws Exception {
    Child creator = children.javaMember();
    creator.send("create-slowly " + dataDir);
    assertEquals("in init", creator.reply());
    SegmentNotReadyException e =
        assertThrows(SegmentNotReadyException.class, () -> Segment.attach(dataDir));
    assertEquals(creator.pid(), e.creatorPid());
    assertTrue(
        e.getMessage().contains("still being created by process " + creator.pid()), e.getMessage());
    String error = children.cMember().error("attach " + dataDir);
    assertTrue(error.startsWith("LWSHM_E_NOT_READY " + creator.pid() + " "), error);
    SegmentInUseException inUse =
        assertThrows(SegmentInUseException.class, () -> Member.builder(dataDir).create());
    assertEquals(List.of((int) creator.pid()), inUse.pids());
    assertTrue(creator.ok("go on").endsWith(" " + key(0)));
    try (Segment segment = Segment.attach(dataDir)) {
      assertEquals(1, segment.struct("slow").getLong(0), "what init wrote");
    }
    creator.ok("close");
  }

  @ParameterizedTest
  @CsvSource({"java, java", "java, c", "c, c"})
  void oneOfTwoCreatorsWinsAndTheOtherHearsItsPid(String one, String another) throws Exception {
    List<Child> racers = List.of(children.member(one), children.member(another));
    for (int round = 0; round < ROUNDS; round++) {
      for (Child racer : racers) {
        racer.send("create " + dataDir + " 4 4 4");
      }
      List<String> replies = List.of(racers.get(0).reply(), racers.get(1).reply());
      int winner = replies.get(0).startsWith("ok") ? 0 : 1;
      assertTrue(replies.get(winner).startsWith("ok"), replies::toString);
      String lost = replies.get(1 - winner);
      String named = "LWSHM_E_IN_USE|SegmentInUseException";
      assertTrue(lost.matches("error (" + named + ") " + racers.get(winner).pid() + " .*"), lost);
      assertTrue(lost.contains("in use by process " + racers.get(winner).pid() + ";"), lost);
      racers.get(winner).ok("close");
      assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
    }
  }

  @Test
  void whoAttachesWhileSegmentsComeAndGoFindsAWholeOneOrHearsWhyNot() throws Exception {
    Child creator = children.cMember();
    Set<String> heard = new HashSet<>();
    int attached = 0;
    for (int round = 0; round < 60; round++) {
      creator.send("create " + dataDir + " 4 4 4");
      creator.send("put 0 " + round);
      while (!creator.hasReply() || round % 3 == 0 && attached <= round / 3) {
        try (Segment segment = Segment.attach(dataDir)) {
          attached++;
          assertEquals(Member.WORDS, segment.struct("words").size());
          assertEquals(Member.LOCKS, segment.tranche("locks").size());
        } catch (SegmentNotFoundException | SegmentNotReadyException e) {
          heard.add(e.getClass().getSimpleName());
        }
      }
      creator.ok();
      creator.ok();
      creator.ok("close");
    }
    assertTrue(heard.contains("SegmentNotFoundException"), heard::toString);
    assertTrue(attached >= 20);
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void aSegmentThatAKilledProcessLeftIsReplacedByANewGeneration(String language) throws Exception {
    for (int generation = 1; generation <= 3; generation++) {
      Child creator = children.member(language);
      long[] made = creator.numbers("create " + dataDir + " 4 4 4");
      assertEquals(generation, made[1]);
      creator.ok("put 0 77");
      creator.ok("join");
      creator.ok("acquire 0 X");
      creator.kill();
      assertTrue(SysvSegment.of(made[0]).isPresent(), "a killed process removes nothing");
    }
    try (Segment segment = Member.builder(dataDir).create()) {
      assertEquals(4, segment.generation());
      assertEquals(key(0), segment.key());
      assertEquals(0, segment.struct("words").getLong(0));
      segment.join();
      assertTrue(segment.tranche("locks").lock(0).tryAcquire(LWLockMode.EXCLUSIVE));
      assertEquals(1, segmentsOfOurKeys(), "the old ones are gone");
    }
    assertEquals(0, segmentsOfOurKeys());
  }

  @Test
  void aSegmentIsNotReplacedWhileOneThatOutlivedItsCreatorIsInIt() throws Exception {
    Child creator = children.javaMember();
    Child survivor = children.javaMember();
    creator.ok("create " + dataDir + " 4 4 4");
    survivor.ok("attach " + dataDir);
    creator.kill();
    SegmentInUseException e =
        assertThrows(SegmentInUseException.class, () -> Member.builder(dataDir).create());
    assertEquals(List.of((int) survivor.pid()), e.pids());
    survivor.ok("put 0 1");
    survivor.kill();
    try (Segment segment = Member.builder(dataDir).create()) {
      assertEquals(2, segment.generation());
    }
    assertEquals(0, segmentsOfOurKeys());
  }

  @Test
  void aCreatorKilledInsideInitLeavesNothingInTheWay() throws Exception {
    Child creator = children.javaMember();
    creator.send("create-slowly " + dataDir);
    assertEquals("in init", creator.reply());
    creator.kill();
    SegmentNotReadyException e =
        assertThrows(SegmentNotReadyException.class, () -> Segment.attach(dataDir));
    assertEquals(creator.pid(), e.creatorPid());
    assertTrue(
        e.getMessage().contains("process " + creator.pid() + ", ended before it was ready"),
        e.getMessage());
    try (Segment segment = Member.builder(dataDir).create()) {
      assertEquals(2, segment.generation());
      assertEquals(1, segmentsOfOurKeys());
    }
    assertEquals(0, segmentsOfOurKeys());
  }

  @Test
  void aCreatorEndedInsideInitByASignalUndoesIt() throws Exception {
    Child creator = children.javaMember();
    creator.send("create-slowly " + dataDir);
    assertEquals("in init", creator.reply());
    assertEquals(1, segmentsOfOurKeys());
    creator.signal("TERM");
    assertEquals(143, creator.waitFor(), creator.errors());
    assertEquals(0, segmentsOfOurKeys());
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
  }

  @Test
  void aStrangersSegmentOnOurKeyIsLeftAlone() throws Exception {
    Child stranger = children.program("processes/raw_program");
    long foreign = stranger.numbers("make " + key(0) + " 8192 0600")[0];
    stranger.ok("poke 0 8 123456789");
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
    try (Segment segment = Member.builder(dataDir).create()) {
      assertEquals(key(1), segment.key());
      try (Segment found = Segment.attach(dataDir)) {
        assertEquals(segment.id(), found.id());
      }
      assertEquals(
          segment.id() + " 1 " + key(1), children.cMember().ok("attach " + dataDir), "from C");
      assertEquals(1, SysvSegment.of(foreign).orElseThrow().attached());
    }
    assertEquals("123456789", stranger.ok("peek 0 8"));
    assertArrayEquals(new long[] {0}, stranger.numbers("peek 8 8"));
    stranger.ok("remove " + foreign);
  }

  private int key(int next) throws Exception {
    return (int) ((Number) Files.getAttribute(dataDir, "unix:ino")).longValue() + next;
  }

  private long segmentsOfOurKeys() throws Exception {
    int first = key(0);
    return SysvSegment.all().stream()
        .filter(s -> s.key() - first >= 0 && s.key() - first < 1024)
        .count();
  }
}
