// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.Backend;
import org.lwshm.BackendInfo;
import org.lwshm.LWLockMode;
import org.lwshm.LimitExceededException;
import org.lwshm.Segment;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.Member;

/** Seats and process entries that run out: those of the dead are taken back, of no one else. */
class SeatsTest {

  @TempDir Path dataDir;
  @AutoClose final Children children = new Children();

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void aSeatOfTheKilledIsReusedAndOneOfTheStoppedIsNot(String language) throws Exception {
    try (Segment segment = Member.builder(dataDir).maxBackends(2).create()) {
      Child stopped = children.member(language);
      Child other = children.member(language);
      for (Child child : List.of(stopped, other)) {
        child.ok("attach " + dataDir);
        child.ok("join");
      }
      assertNoSeat(segment);
      // Holds nothing, as the killed one below; so nothing but being alive keeps its seat.
      stopped.signal("STOP");
      children.awaitUntil(() -> stopped.state() == 'T');
      assertNoSeat(segment);
      stopped.signal("CONT");
      stopped.ok("acquire 0 X");
      stopped.ok("release 0");

      BackendInfo before = backendOf(segment, other);
      other.kill();
      assertEquals(2, segment.backends().size(), "the dead one's seat is still taken");
      try (Backend me = segment.join()) {
        assertEquals(before.slot(), me.slot());
        assertEquals(before.generation() + 1, me.generation());
        segment.tranche("locks").lock(0).acquire(me, LWLockMode.EXCLUSIVE);
        assertEquals("0", stopped.ok("try 0 S"));
        assertNoSeatIn(children.member(language));
      }
    }
  }

  private void assertNoSeatIn(Child third) throws Exception {
    third.ok("attach " + dataDir);
    String error = third.error("join");
    assertTrue(error.matches("(LWSHM_E_LIMIT|LimitExceededException) 1,0 .*"), error);
    assertTrue(error.contains("all 2 backend slots"), error);
    assertTrue(error.contains("max_backends"), error);
  }

  private static void assertNoSeat(Segment segment) {
    LimitExceededException e = assertThrows(LimitExceededException.class, segment::join);
    assertEquals(1, e.asked());
    assertEquals(0, e.left());
    assertTrue(e.getMessage().contains("all 2 backend slots"), e.getMessage());
  }

  private static BackendInfo backendOf(Segment segment, Child child) {
    return segment.backends().stream()
        .filter(b -> b.pid() == child.pid())
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "c"})
  void anEntryOfTheKilledIsReusedAndOneOfTheStoppedIsNot(String language) throws Exception {
    try (Segment segment = Member.builder(dataDir).maxProcesses(2).create()) {
      Child first = children.member(language);
      first.ok("attach " + dataDir);
      first.ok("join");
      Child second = children.member(language);
      String error = second.error("attach " + dataDir);
      assertTrue(error.matches("(LWSHM_E_LIMIT|LimitExceededException) 1,0 .*"), error);
      assertTrue(error.contains("all 2 process entries"), error);
      first.signal("STOP");
      children.awaitUntil(() -> first.state() == 'T');
      second.error("attach " + dataDir);
      first.signal("CONT");
      first.ok("get 0");
      first.kill();
      second.ok("attach " + dataDir);
      assertEquals(2, segment.processes().length);
      assertEquals(0, segment.backends().size(), "its seats went with the entry");
      second.ok("join");
      assertEquals(1, backendOf(segment, second).generation());
    }
  }
}
