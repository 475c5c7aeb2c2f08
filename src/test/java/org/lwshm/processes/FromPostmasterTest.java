// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.LWLock;
import org.lwshm.Segment;
import org.lwshm.jni.PostmasterNative;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.PostmastersChild;
import org.lwshm.testing.Slots;

/** JVMs as the children of a postmaster, which is the test or a JVM that is there to be killed. */
class FromPostmasterTest {

  private static final int SLOT = 1;
  private static final long AN_HOUR_MS = 3_600_000;
  private static final long SHORT_MS = 100;

  @TempDir Path directory;
  @AutoClose final Children children = new Children();
  private Path dataDir;
  private Path file;

  @BeforeEach
  void choosePlaces() throws Exception {
    dataDir = Files.createDirectory(directory.resolve("data"));
    file = directory.resolve("parameters");
  }

  private Segment create() {
    return Segment.builder(dataDir).maxChildren(2).tranche("work", 2).create();
  }

  private Child startChild() {
    return children.start(
        "child",
        Children.concat(
            List.of("env", "LWSHM_BACKEND_PARAMETERS=" + file),
            children.jvmCommand(PostmastersChild.class)));
  }

  private static long self() {
    return ProcessHandle.current().pid();
  }

  @Test
  void aChildTakesTheSlotMeantForItAndLeavesInOrder() throws Exception {
    try (Segment segment = create()) {
      Slots.assign(segment, SLOT, file, AN_HOUR_MS);
      Child child = startChild();
      assertEquals(
          "BackendParameters[name=w\u00f6rker, number=3, slot=1, dataDir="
              + dataDir.toRealPath()
              + ", postmasterPid="
              + self()
              + ", generation=1, grace=PT1H]",
          child.ok("parameters"));
      assertEquals("1 1", child.ok("take"));
      assertEquals(PostmasterNative.CHILD_ACTIVE, Slots.state(segment, SLOT));
      assertEquals(self() + " true false Optional.empty", child.ok("link"));
      Slots.wantStop(segment, 1);
      assertEquals(self() + " true true Optional[SMART]", child.ok("link"));
      Slots.wantStop(segment, 3);
      assertEquals(self() + " true true Optional[IMMEDIATE]", child.ok("link"));
      assertTrue(child.error("take").startsWith("IllegalStateException this process has taken"));
      child.ok("leave");
      assertEquals(PostmasterNative.CHILD_LEFT, Slots.state(segment, SLOT));
      child.ok("close");
      assertEquals(1, segment.processes().length);
    }
  }

  @Test
  void whoWasStartedByNobodyHearsSo() throws Exception {
    Child child = children.jvm(PostmastersChild.class);
    assertEquals("none", child.ok("parameters"));
    assertTrue(child.error("take").startsWith("NotFoundException the environment variable"));
    assertTrue(startChild().error("take").startsWith("BackendParametersException the parameters"));
  }

  @Test
  void aFailureLeavesNothingAttachedAndMayBeTriedAgain() throws Exception {
    try (Segment segment = create()) {
      Slots.assign(segment, SLOT, file, AN_HOUR_MS);
      Slots.release(segment, SLOT);
      Child child = startChild();
      assertTrue(child.error("take").startsWith("BackendParametersException slot 1 is meant for"));
      assertEquals(1, segment.processes().length);
      Files.delete(file);
      Slots.assign(segment, SLOT, file, AN_HOUR_MS);
      assertEquals("1 1", child.ok("take"));
    }
  }

  @Test
  void whoExitsOutsideAnyLockHasLeft() throws Exception {
    try (Segment segment = create()) {
      Slots.assign(segment, SLOT, file, AN_HOUR_MS);
      Child child = startChild();
      child.ok("take");
      child.send("exit 7");
      assertEquals(7, child.waitFor());
      assertEquals(PostmasterNative.CHILD_LEFT, Slots.state(segment, SLOT));
    }
  }

  @Test
  void whoIsKilledInsideALockHasNotLeftAndWhatItGuardedIsToBeRepaired() throws Exception {
    try (Segment segment = create()) {
      Slots.assign(segment, SLOT, file, AN_HOUR_MS);
      Child child = startChild();
      child.ok("take");
      child.ok("lock");
      assertEquals(List.of(), segment.poisonedLocks());
      child.kill();
      assertEquals(1, segment.reapDead());
      assertEquals(PostmasterNative.CHILD_ACTIVE, Slots.state(segment, SLOT));
      LWLock lock = segment.tranche("work").lock(0);
      assertEquals(List.of(lock), segment.poisonedLocks());
    }
  }

  @Test
  void sighupCallsBackAndEndsNobody() throws Exception {
    try (Segment segment = create()) {
      Slots.assign(segment, SLOT, file, AN_HOUR_MS);
      Child child = startChild();
      child.ok("take");
      kill("HUP", child);
      assertEquals("reloaded", child.reply());
      kill("HUP", child);
      assertEquals("reloaded", child.reply());
      child.ok("leave");
      assertTrue(child.errors().contains("a reload callback failed"), child.errors());
    }
  }

  /** Not one that ends it, so the test goes on to expect that it lives. */
  private static void kill(String signal, Child child) throws Exception {
    assertEquals(0, new ProcessBuilder("kill", "-" + signal, "" + child.pid()).start().waitFor());
  }

  private Child startPostmaster(long graceMs) throws Exception {
    Child postmaster =
        children.jvm(PostmastersChild.class, dataDir.toString(), file.toString(), "" + graceMs);
    assertEquals("ok", postmaster.reply());
    return postmaster;
  }

  @Test
  void aChildEndsInOrderWhenItsPostmasterIsKilled() throws Exception {
    Child postmaster = startPostmaster(AN_HOUR_MS);
    Child child = startChild();
    child.ok("take");
    postmaster.kill();
    assertEquals(1, child.waitFor());
    assertTrue(
        child.errors().contains("the postmaster, process " + postmaster.pid() + ", has ended"),
        child.errors());
    removeSegment(false);
  }

  @Test
  void aChildThatHasClosedAllStillEndsWithItsPostmaster() throws Exception {
    Child postmaster = startPostmaster(AN_HOUR_MS);
    Child child = startChild();
    child.ok("take");
    child.ok("leave");
    child.ok("close");
    postmaster.kill();
    assertEquals(1, child.waitFor());
    removeSegment(true);
  }

  @Test
  void aChildWhoseExitTakesTooLongIsHaltedAfterItsGrace() throws Exception {
    Child postmaster = startPostmaster(SHORT_MS);
    Child child = startChild();
    child.ok("take");
    child.ok("linger");
    postmaster.kill();
    assertEquals(List.of("lingering"), child.rest());
    assertEquals(1, child.waitFor());
    removeSegment(true);
  }

  @Test
  void aChildThatComesTooLateHearsThatItsPostmasterHasEnded() throws Exception {
    Child postmaster = startPostmaster(AN_HOUR_MS);
    postmaster.kill();
    Child child = startChild();
    String error = child.error("take");
    assertTrue(error.startsWith("BackendParametersException the postmaster, process"), error);
    assertFalse(error.contains("null"));
    removeSegment(true);
  }

  /** Whoever was killed as the last one has left the segment, and the next creator replaces it. */
  private void removeSegment(boolean isLeft) {
    try (Segment next = create()) {
      assertEquals(isLeft ? 2 : 1, next.generation());
    }
  }
}
