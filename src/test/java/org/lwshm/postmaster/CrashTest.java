// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.Await;
import org.lwshm.Segment;
import org.lwshm.StopMode;
import org.lwshm.internal.SegmentAccess;
import org.lwshm.jni.BackendNative;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;

/** Children that crash, under both policies. PostgreSQL's 013_crash_restart.pl asks less. */
class CrashTest {

  private PostmasterFixture fixture;

  @BeforeEach
  void make() {
    fixture = new PostmasterFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  private Postmaster startThree(PostmasterBuilder builder) throws InterruptedException {
    Postmaster postmaster = fixture.start(builder.child(fixture.worker("works").withCount(3)));
    fixture.awaitJoined(postmaster, 3);
    fixture.awaitCounting(postmaster);
    return postmaster;
  }

  private void awaitReplaced(Postmaster postmaster, ChildInfo victim) throws InterruptedException {
    Await.until(
        () ->
            postmaster.children().stream()
                .anyMatch(
                    c ->
                        c.slot() == victim.slot()
                            && c.pid() != victim.pid()
                            && fixture.steps(c.pid()).contains("joined")));
  }

  private void assertNothingTorn() {
    assertFalse(fixture.lines().stream().anyMatch(line -> line.endsWith(" torn")));
  }

  @Test
  void onlyTheDeadIsReplacedWhenNothingIsPoisoned() throws Exception {
    Postmaster postmaster = startThree(fixture.builder());
    // One that is surely in no lock: it has not joined yet, or it ignores what it is told.
    List<ChildInfo> before = postmaster.children();
    ChildInfo victim = before.get(1);

    PostmasterFixture.kill(victim, "USR2"); // exits with 0, without having left

    awaitReplaced(postmaster, victim);
    fixture.awaitCounting(postmaster);
    ChildEnd end = fixture.ended.get(0).end();
    assertEquals(new ChildEnd(0, 0, true), end);
    assertEquals(before.get(0), postmaster.children().get(0));
    assertEquals(before.get(2), postmaster.children().get(2));
    assertEquals(1, postmaster.segment().generation());
    assertEquals(List.of(), fixture.restarts);
    assertNothingTorn();
  }

  @Test
  void whoLeavesInOrderHasNotCrashedWhateverHisExitCode() throws Exception {
    Postmaster postmaster = startThree(fixture.builder().policy(CrashPolicy.RESTART_ALL));
    ChildInfo victim = postmaster.children().get(0);

    PostmasterFixture.kill(victim, "ALRM");

    awaitReplaced(postmaster, victim);
    assertEquals(new ChildEnd(7, 0, false), fixture.ended.get(0).end());
    assertEquals(List.of(), fixture.restarts);
  }

  @Test
  void whatTheDeadLeftPoisonedIsRepairedByAProgram() throws Exception {
    Postmaster postmaster = startThree(fixture.builder().repairer(fixture.worker("repair")));
    assertDeathInsideIsRepaired(postmaster);
    assertTrue(fixture.lines().stream().anyMatch(line -> line.endsWith(" mended")));
  }

  @Test
  void whatTheDeadLeftPoisonedIsRepairedByASubsystem() throws Exception {
    Postmaster postmaster = startThree(fixture.builder().repairWith(Pair.class));
    assertDeathInsideIsRepaired(postmaster);
  }

  @Test
  void aRepairerThatLeftSomethingIsStartedOnceMore() throws Exception {
    String repair = "'" + String.join("' '", fixture.worker("repair").arguments()) + "'";
    String second = "test -e once && exec " + repair + "; touch once";
    Postmaster postmaster =
        startThree(
            fixture
                .builder()
                .repairer(
                    ChildCommand.program("repair", "sh", "-c", second)
                        .withDirectory(fixture.log.getParent())));
    assertDeathInsideIsRepaired(postmaster);
  }

  private void assertDeathInsideIsRepaired(Postmaster postmaster) throws InterruptedException {
    List<ChildInfo> before = postmaster.children();
    ChildInfo victim = before.get(2);

    PostmasterFixture.kill(victim, "USR1");

    awaitReplaced(postmaster, victim);
    fixture.awaitCounting(postmaster);
    assertEquals(9, fixture.ended.get(0).end().signal());
    assertTrue(fixture.ended.get(0).end().crashed());
    assertEquals(List.of(1), fixture.repairs);
    assertEquals(List.of(), fixture.restarts);
    assertEquals(before.subList(0, 2), postmaster.children().subList(0, 2));
    assertNothingTorn();
  }

  @ParameterizedTest
  @CsvSource({"repair-fails", "repair-hangs", "repair-nothing", "repair-crashes", "none"})
  void withoutARepairAllIsMadeAnew(String repairer) throws Exception {
    PostmasterBuilder builder = fixture.builder().repairTimeout(Duration.ofSeconds(2));
    if (!repairer.equals("none")) {
      builder.repairer(fixture.worker(repairer));
    }
    Postmaster postmaster = startThree(builder);
    assertAllIsMadeAnew(postmaster, "USR1");
  }

  @ParameterizedTest
  @CsvSource({"USR1", "USR2", "KILL"})
  void aCrashMakesAllAnewIfThatIsThePolicy(String signal) throws Exception {
    Postmaster postmaster =
        startThree(
            fixture.builder().policy(CrashPolicy.RESTART_ALL).repairer(fixture.worker("repair")));
    assertAllIsMadeAnew(postmaster, signal);
    assertEquals(List.of(), fixture.repairs);
  }

  private void assertAllIsMadeAnew(Postmaster postmaster, String signal)
      throws InterruptedException {
    List<ChildInfo> before = postmaster.children();
    int shmid = postmaster.segment().id();

    PostmasterFixture.kill(before.get(0), signal);

    for (ChildInfo child : before) {
      awaitReplaced(postmaster, child);
    }
    fixture.awaitCounting(postmaster);
    assertEquals(1, fixture.restarts.size());
    assertEquals(2, postmaster.segment().generation());
    assertTrue(postmaster.segment().id() != shmid);
    assertTrue(fixture.segments.get(0).isClosed());
    for (ChildInfo survivor : before.subList(1, 3)) {
      assertEquals(
          List.of("starts", "joined", "stops", "left", "detached"), fixture.steps(survivor.pid()));
    }
    assertNothingTorn();
    // And it can still stop in order.
    postmaster.close();
    for (ChildInfo child :
        fixture.started.subList(fixture.started.size() - 3, fixture.started.size())) {
      assertEquals(
          List.of("starts", "joined", "stops", "left", "detached"), fixture.steps(child.pid()));
    }
    assertEquals(List.of(), fixture.files());
  }

  @Test
  void aDamagedSlotMakesAllAnew() throws Exception {
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .child(
                    fixture
                        .worker("works")
                        .withCount(2)
                        .withBackOff(
                            Duration.ofMillis(1), Duration.ofMillis(1), Duration.ofMinutes(1))));
    List<ChildInfo> before = fixture.awaitJoined(postmaster, 2);
    try (Children vandals = new Children()) {
      Child vandal = vandals.program("processes/raw_program");
      vandal.ok("attach " + postmaster.segment().id());
      // The slot's identity: of nobody that anyone could judge.
      vandal.ok("poke " + slotOffset(postmaster.segment(), 0) + " 8 " + 0xffff01L);
      vandal.ok("detach");
    }
    PostmasterFixture.kill(before.get(0), "KILL");
    Await.until(() -> fixture.restarts.size() == 1);
    fixture.awaitJoined(postmaster, 2);
    assertEquals(2, postmaster.segment().generation());
  }

  /** Where a joined backend's slot is; its identity is the first word there. */
  private static long slotOffset(Segment segment, int slot) {
    long[] rows = new long[16 * BackendNative.INFO_COUNT];
    int count = SegmentAccess.get().call(segment, handle -> BackendNative.list(handle, rows));
    for (int i = 0; i < count; i++) {
      if (rows[i * BackendNative.INFO_COUNT + BackendNative.INFO_SLOT] == slot) {
        return rows[i * BackendNative.INFO_COUNT + BackendNative.INFO_SLOT_OFFSET];
      }
    }
    throw new AssertionError("nobody is in slot " + slot);
  }

  @ParameterizedTest
  @EnumSource(CrashPolicy.class)
  void endsInOrderInsteadOfMakingAllAnew(CrashPolicy policy) throws Exception {
    Postmaster postmaster = startThree(fixture.builder().policy(policy).restartAfterCrash(false));
    List<ChildInfo> before = postmaster.children();

    PostmasterFixture.kill(before.get(0), "USR1");

    assertEquals(Postmaster.EXIT_CRASHED, postmaster.await());
    for (ChildInfo survivor : before.subList(1, 3)) {
      assertEquals(
          List.of("starts", "joined", "stops", "left", "detached"), fixture.steps(survivor.pid()));
    }
    assertEquals(
        List.of("before_shmem_exit", "on_shmem_exit", "on_proc_exit, lock file there"),
        fixture.steps(ProcessHandle.current().pid()));
    assertEquals(List.of(), fixture.files());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"scribbles-own-slot", "scribbles-zeros", "scribbles-ones", "scribbles-noise"})
  void allIsMadeAnewWhenAChildHasDamagedTheSegment(String behaviour) throws Exception {
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .stopTimeout(Duration.ofSeconds(5))
                .child(
                    fixture
                        .worker(behaviour)
                        .withBackOff(
                            Duration.ofMillis(10), Duration.ofMillis(20), Duration.ofMinutes(1)))
                .child(ChildCommand.program("sleeper", "sleep", "1000")));

    Await.until(() -> fixture.restarts.size() >= 2);
    postmaster.stop(StopMode.FAST);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    assertEquals(List.of(), fixture.files());
  }

  @Test
  void aSmartStopWhileAllAreEndedIsNoCrash() throws Exception {
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .policy(CrashPolicy.RESTART_ALL)
                .stopTimeout(Duration.ofSeconds(1))
                .child(fixture.worker("works"))
                .child(fixture.worker("hangs-in-exit")));
    List<ChildInfo> children = fixture.awaitJoined(postmaster, 2);

    PostmasterFixture.kill(children.get(0), "USR2");
    Await.until(() -> fixture.restarts.size() == 1);
    postmaster.stop(StopMode.SMART);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    assertEquals(List.of(), fixture.files());
  }

  @Test
  void whoIsStartedAgainWithAllOthersHasNotFailedForGood() throws Exception {
    String once = "test -e crashed && exec sleep 1000; touch crashed; exit 4";
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .policy(CrashPolicy.RESTART_ALL)
                .child(
                    ChildCommand.program("once", "sh", "-c", once)
                        .withDirectory(fixture.dataDir)
                        .withRestart(Restart.NEVER)));
    Await.until(() -> fixture.started.size() == 2);

    postmaster.stop(StopMode.FAST);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
  }

  @Test
  void aCrashLoopIsSlowedDown() throws Exception {
    Duration first = Duration.ofMillis(50);
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .child(
                    fixture
                        .worker("crashes")
                        .withBackOff(first, Duration.ofMillis(300), Duration.ofMinutes(1))));
    Await.until(() -> fixture.started.size() == 6);
    postmaster.close();
    // From end to start: at once, then 50, 100, 200, 300 ms.
    List<ChildInfo> started = fixture.started;
    long[] atLeast = {0, 50, 100, 200, 300};
    for (int i = 0; i < atLeast.length; i++) {
      Duration gap = Duration.between(started.get(i).startedAt(), started.get(i + 1).startedAt());
      assertTrue(gap.toMillis() >= atLeast[i], "start " + (i + 1) + " came after " + gap);
    }
    // The last one may have been stopped before it came to that.
    assertTrue(fixture.ended.stream().limit(5).allMatch(e -> e.end().crashed()));
  }

  @ParameterizedTest
  @CsvSource({"sleep 1000, KILL", "sleep 1000, TERM"})
  void aProgramThatKnowsNothingOfUsIsReplacedToo(String command, String signal) throws Exception {
    Postmaster postmaster =
        fixture.start(fixture.builder().child(ChildCommand.program("sleeper", command.split(" "))));
    ChildInfo first = postmaster.children().get(0);

    PostmasterFixture.kill(first, signal);

    Await.until(() -> fixture.started.size() == 2);
    assertTrue(fixture.ended.get(0).end().crashed());
    assertEquals(2, fixture.started.get(1).launches());
  }

  @Test
  void aSmartStopDuringARestartIsNoCrashThoughTheLastIsKilled() throws Exception {
    AtomicReference<Postmaster> stopped = new AtomicReference<>();
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .policy(CrashPolicy.RESTART_ALL)
                .stopTimeout(Duration.ofMillis(300))
                .listener(
                    new PostmasterListener() {
                      @Override
                      public void restartingAll(String reason) {
                        stopped.get().stop(StopMode.SMART);
                      }
                    })
                .child(fixture.worker("ignores-sigterm").withCount(2)));
    stopped.set(postmaster);
    List<ChildInfo> children = fixture.awaitJoined(postmaster, 2);

    PostmasterFixture.kill(children.get(0), "KILL");

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    assertEquals(9, fixture.ended.get(1).end().signal());
  }

  private static void removeSegment(Postmaster postmaster) throws Exception {
    String id = Integer.toString(postmaster.segment().id());
    assertEquals(0, new ProcessBuilder("ipcrm", "-m", id).inheritIO().start().waitFor());
  }

  private String status() {
    return RunningPostmaster.find(fixture.dataDir).orElseThrow().status();
  }

  @ParameterizedTest
  @EnumSource(CrashPolicy.class)
  void aSegmentThatWasRemovedIsMadeAnew(CrashPolicy policy) throws Exception {
    Postmaster postmaster = startThree(fixture.builder().policy(policy));
    Segment removed = postmaster.segment();
    removeSegment(postmaster);
    Await.until(() -> postmaster.segment() != removed);
    fixture.awaitJoined(postmaster, 3);
    fixture.awaitCounting(postmaster);
    assertEquals(2, postmaster.segment().generation());
    assertTrue(fixture.restarts.get(0).contains("segment " + removed.id() + " was removed"));
    Await.until(() -> status().equals("ready"));
    assertEquals(1, fixture.restarts.size());
  }

  @Test
  void statusSaysThatItRestartsWhenTheSegmentWasRemoved() throws Exception {
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .stopTimeout(Duration.ofSeconds(600))
                .child(fixture.worker("ignores-sigterm")));
    ChildInfo child = fixture.awaitJoined(postmaster, 1).get(0);
    assertEquals("ready", status());
    removeSegment(postmaster);
    Await.until(() -> status().equals("restarting"));
    PostmasterFixture.kill(child, "KILL");
    Await.until(() -> status().equals("ready"));
    postmaster.stop(StopMode.IMMEDIATE);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void itEndsWhenTheSegmentWasRemovedIfItIsTold(boolean smartStop) throws Exception {
    Postmaster postmaster =
        startThree(
            fixture
                .builder()
                .restartAfterCrash(smartStop)
                .child(ChildCommand.program("unaware", "sleep", "1000")));
    if (smartStop) {
      postmaster.stop(StopMode.SMART);
      Await.until(() -> status().equals("stopping"));
    }
    removeSegment(postmaster);
    assertEquals(Postmaster.EXIT_CRASHED, postmaster.await());
    assertEquals(List.of(), fixture.restarts);
  }
}
