// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.Segment;
import org.lwshm.SegmentBusyException;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.LayoutField;
import org.lwshm.testing.Lifeline;
import org.lwshm.testing.Member;
import org.lwshm.testing.SysvSegment;

/**
 * Leaving while a thread is inside a native call. What makes it stay there is another process that
 * has the right to allocate, and does not let go of it.
 */
class DetachTest {

  private static final int PID_BITS = 22;
  private static final int ENTRY_BITS = 16;

  @TempDir Path dataDir;
  @AutoClose final Children children = new Children();
  private Child hoarder;
  private Child member;

  @BeforeEach
  void start() {
    hoarder = children.program("processes/raw_program");
    member = children.cMember();
  }

  private void hoard(long shmid) throws Exception {
    member.ok("attach " + dataDir);
    hoarder.ok("attach " + shmid);
    // The second region holds the process entries, and the second of those is the member's.
    long entries = peek(LayoutField.of("segment_header.region").offset() + 8);
    long identity = peek(entries + LayoutField.of("process_entry").size());
    long word = identity >>> PID_BITS << ENTRY_BITS | 2;
    assertEquals("0", hoarder.ok("poke " + allocator() + " 8 " + word));
  }

  private long peek(long offset) throws Exception {
    return Long.parseUnsignedLong(hoarder.ok("peek " + offset + " 8"));
  }

  private static long allocator() {
    return LayoutField.of("segment_header.allocator").offset();
  }

  @Test
  void closeWaitsForACallThenDetachesAndTheLastOneOutDeletes() throws Exception {
    Segment segment = Member.builder(dataDir).spare(64).create();
    hoard(segment.id());
    Thread caller = callerThatIsInside(segment);
    Thread closer = new Thread(segment::close, "closer");
    closer.start();
    children.awaitUntil(() -> methodsOf(closer).contains("awaitCalls"));
    SysvSegment kernels = SysvSegment.of(segment.id()).orElseThrow();
    assertEquals(3, kernels.attached(), "ours, the member's and the hoarder's");
    assertEquals(0600, kernels.mode(), "not marked for removal");
    hoarder.ok("poke " + allocator() + " 8 0");
    caller.join();
    closer.join();
    assertEquals(0600, SysvSegment.of(segment.id()).orElseThrow().mode(), "not the last one out");
    member.ok("close");
    assertTrue((SysvSegment.of(segment.id()).orElseThrow().mode() & 01000) != 0);
    hoarder.ok("detach");
    assertTrue(SysvSegment.of(segment.id()).isEmpty());
  }

  @Test
  void closeFailsIfACallDoesNotComeBackAndMayBeTriedAgain() throws Exception {
    Segment segment = Member.builder(dataDir).spare(64).create();
    hoard(segment.id());
    Thread caller = callerThatIsInside(segment);
    SegmentBusyException e = assertThrows(SegmentBusyException.class, segment::close);
    assertTrue(e.getMessage().contains("1 calls of other threads"), e.getMessage());
    assertFalse(segment.isClosed());
    assertEquals(Member.WORDS, segment.struct("words").size(), "it can be used");
    hoarder.ok("poke " + allocator() + " 8 0");
    caller.join();
    segment.close();
    member.ok("close");
    hoarder.ok("detach");
    assertTrue(SysvSegment.of(segment.id()).isEmpty());
  }

  /** A thread inside a native call that waits for the allocator. */
  private Thread callerThatIsInside(Segment segment) throws Exception {
    Thread caller = new Thread(() -> segment.initStruct("new", 8), "caller");
    caller.start();
    children.awaitUntil(() -> methodsOf(caller).contains("initStruct"));
    children.awaitUntil(
        () -> Arrays.stream(caller.getStackTrace()).findFirst().get().isNativeMethod());
    return caller;
  }

  private static Set<String> methodsOf(Thread thread) {
    return Arrays.stream(thread.getStackTrace())
        .map(StackTraceElement::getMethodName)
        .collect(Collectors.toSet());
  }

  /** Waits inside a call for the hoarder. */
  static final class Caller {

    private Caller() {}

    public static void main(String[] args) throws Exception {
      Lifeline.hold();
      Segment segment = Segment.attach(Path.of(args[0]));
      Thread caller = new Thread(() -> segment.initStruct("new", 8), "caller");
      caller.start();
      while (!methodsOf(caller).contains("initStruct")
          || !caller.getStackTrace()[0].isNativeMethod()) {
        Thread.yield();
      }
      System.out.println("inside");
    }
  }

  @Test
  void aProcessExitsThoughAThreadWaitsInsideACallForOneThatDoesNotGoOn() throws Exception {
    try (Segment segment = Member.builder(dataDir).spare(64).create()) {
      hoard(segment.id());
      Child caller = children.jvm(Caller.class, dataDir.toString());
      assertEquals("inside", caller.reply());
      caller.signal("TERM");
      assertEquals(143, caller.waitFor());
      assertEquals(2, segment.processes().length);
      hoarder.ok("poke " + allocator() + " 8 0");
      hoarder.ok("detach");
      assertFalse(segment.initStruct("new", 8).isFound());
    }
  }
}
