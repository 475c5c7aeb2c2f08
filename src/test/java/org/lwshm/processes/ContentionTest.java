// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lwshm.BackendInfo;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Member;

/**
 * Processes that take few locks in both modes at once: who has one exclusively adds 1 to two plain
 * counters, and in the end they must be exact; who has one shared must always find them equal.
 */
class ContentionTest {

  private static final int PARTIES = 4;

  /** Where the processes wait for one another before they start: behind the locks' rows. */
  private static final int GATE = Member.ROW * Member.LOCKS;

  @TempDir Path dataDir;
  @AutoClose final Children children = new Children();

  private void assertExact(Segment segment, List<Child> members, String work) throws Exception {
    for (Child member : members) {
      member.ok("attach " + dataDir);
      member.ok("join");
    }
    for (int i = 0; i < members.size(); i++) {
      members.get(i).send("contend " + work + " " + members.size() + " " + GATE + " " + (i + 11));
    }
    long writes = 0;
    for (Child member : members) {
      long[] counts = Child.toNumbers(member.ok());
      writes += counts[0];
      assertEquals(0, counts[1], "unequal pairs that " + member + " saw");
    }
    SharedStruct words = segment.struct("words");
    long first = 0;
    long second = 0;
    for (int lock = 0; lock < Member.LOCKS; lock++) {
      first += words.getLong((long) lock * Member.ROW);
      second += words.getLong((long) lock * Member.ROW + 64);
    }
    assertTrue(writes > 0);
    assertEquals(writes, first, "lost updates of the first counters");
    assertEquals(writes, second, "lost updates of the second counters");
    for (BackendInfo backend : segment.backends()) {
      assertEquals(0, backend.heldLocks(), backend::toString);
      assertEquals(0, backend.waitLock(), backend::toString);
    }
    for (int lock = 0; lock < Member.LOCKS; lock++) {
      members.get(0).ok("try " + lock + " X");
      members.get(0).ok("release " + lock);
    }
  }

  @Test
  void twoJvmsAndTwoCProgramsCountExactly() throws Exception {
    try (Segment segment = Member.builder(dataDir).create()) {
      List<Child> members =
          IntStream.range(0, PARTIES)
              .mapToObj(i -> children.member(i % 2 == 0 ? "java" : "c"))
              .toList();
      assertExact(segment, members, "3 1 100000");
    }
  }

  @Test
  void recordsThatSpillAreHoldsLikeAnyOther() throws Exception {
    // Two records, and locks 0 and 2, 1 and 3 want the same of them.
    try (Segment segment = Member.builder(dataDir).maxHeldLocks(2).create()) {
      List<Child> members =
          IntStream.range(0, PARTIES)
              .mapToObj(i -> children.member(i % 2 == 0 ? "java" : "c"))
              .toList();
      assertExact(segment, members, "4 2 30000");
    }
  }

  /** The compiler must not move the data's accesses out from between acquire and release. */
  @ParameterizedTest
  @CsvSource({"-Xint, 4000", "-XX:TieredStopAtLevel=1, 50000", "-XX:-TieredCompilation, 100000"})
  void fourJvmsCountExactlyHoweverTheyCompile(String option, int turns) throws Exception {
    try (Segment segment = Member.builder(dataDir).maxHeldLocks(2).create()) {
      List<String> options = List.of(option, "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx128m");
      List<Child> members =
          Stream.generate(() -> children.jvm(options, Member.class)).limit(PARTIES).toList();
      assertExact(segment, members, "3 2 " + turns);
    }
  }
}
