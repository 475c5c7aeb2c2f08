// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.lwshm.Await;
import org.lwshm.SegmentInUseException;
import org.lwshm.StopMode;
import org.lwshm.testing.SysvSegment;

/** A postmaster's ordinary life. */
class PostmasterTest {

  private static final List<String> ORDERLY =
      List.of("starts", "joined", "stops", "left", "detached");

  private PostmasterFixture fixture;

  @BeforeEach
  void make() {
    fixture = new PostmasterFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @Test
  void childrenJoinTheSlotsMeantForThem() throws Exception {
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .child(fixture.worker("works").withCount(2))
                .child(fixture.worker("works-too")));
    List<ChildInfo> children = fixture.awaitJoined(postmaster, 3);
    fixture.awaitCounting(postmaster);

    Set<String> meant =
        children.stream().map(c -> c.slot() + " " + c.pid()).collect(Collectors.toSet());
    Set<String> taken =
        postmaster.segment().backends().stream()
            .map(b -> b.slot() + " " + b.pid())
            .collect(Collectors.toSet());
    assertEquals(meant, taken);
    assertEquals(
        List.of("works-0", "works-1", "works-too-0"),
        children.stream().map(c -> c.name() + "-" + c.number()).toList());
  }

  @Test
  void removesWhatADeadOneLeftAndNobodyElsesFiles() throws Exception {
    Files.createFile(fixture.dataDir.resolve("lwshm.child.7"));
    Path notes = Files.createFile(fixture.dataDir.resolve("lwshm.child.notes"));
    Postmaster postmaster = fixture.start(fixture.builder().child(fixture.worker("works")));
    fixture.awaitJoined(postmaster, 1);
    assertFalse(Files.exists(fixture.dataDir.resolve("lwshm.child.7")));
    assertTrue(Files.exists(notes));
    postmaster.close();
    Files.delete(notes);
  }

  @ParameterizedTest
  @EnumSource(
      value = StopMode.class,
      names = {"SMART", "FAST"})
  void stopsInOrder(StopMode mode) throws Exception {
    Postmaster postmaster =
        fixture.start(fixture.builder().child(fixture.worker("works").withCount(3)));
    List<ChildInfo> children = fixture.awaitJoined(postmaster, 3);
    int shmid = postmaster.segment().id();

    postmaster.stop(mode);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    for (ChildInfo child : children) {
      assertEquals(ORDERLY, fixture.steps(child.pid()));
    }
    assertEquals(
        List.of("before_shmem_exit", "on_shmem_exit", "on_proc_exit, lock file there"),
        fixture.steps(ProcessHandle.current().pid()));
    List<String> all = fixture.lines();
    assertTrue(
        all.indexOf(ProcessHandle.current().pid() + " before_shmem_exit")
            > all.lastIndexOf(children.get(2).pid() + " detached"),
        () -> "children end before the segment does: " + all);
    assertEquals(List.of(), fixture.files());
    assertTrue(SysvSegment.of(shmid).isEmpty());
    assertTrue(postmaster.children().isEmpty());
  }

  @Test
  void anImmediateStopKills() throws Exception {
    Postmaster postmaster =
        fixture.start(fixture.builder().child(fixture.worker("hangs-in-exit").withCount(2)));
    List<ChildInfo> children = fixture.awaitJoined(postmaster, 2);

    postmaster.stop(StopMode.IMMEDIATE);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    for (ChildInfo child : children) {
      assertEquals(List.of("starts", "joined"), fixture.steps(child.pid()));
    }
    assertEquals(
        List.of("before_shmem_exit", "on_shmem_exit", "on_proc_exit, lock file there"),
        fixture.steps(ProcessHandle.current().pid()));
    assertEquals(List.of(), fixture.files());
  }

  @Test
  void aSmartStopCanBeMadeQuicker() throws Exception {
    Postmaster postmaster =
        fixture.start(fixture.builder().child(ChildCommand.program("sleeper", "sleep", "1000")));
    postmaster.stop(StopMode.SMART);
    Await.until(() -> status().equals("stopping"));
    assertEquals(1, postmaster.children().size());

    postmaster.stop(StopMode.FAST);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
  }

  private String status() {
    return RunningPostmaster.find(fixture.dataDir).map(RunningPostmaster::status).orElse("gone");
  }

  @Test
  void endsWhenAllChildrenHaveEnded() throws Exception {
    Postmaster postmaster =
        fixture.start(fixture.builder().child(ChildCommand.program("true", "true").withCount(2)));
    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    assertEquals(2, fixture.ended.size());
    assertTrue(fixture.ended.stream().allMatch(e -> e.end().isSuccess()));
  }

  @Test
  void saysWhenAChildThatIsNotReplacedHasFailed() throws Exception {
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .child(
                    ChildCommand.program("false", "sh", "-c", "exit 4")
                        .withRestart(Restart.NEVER)));
    assertEquals(Postmaster.EXIT_FAILED, postmaster.await());
    assertEquals(4, fixture.ended.get(0).end().exitCode());
  }

  @Test
  void aProgramThatIsMissingFailsTheStart() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                fixture.start(
                    fixture.builder().child(ChildCommand.program("ghost", "no-such-program"))));
    assertTrue(e.getMessage().contains("no-such-program"), e.getMessage());
  }

  @Test
  void aSecondPostmasterIsRefused() throws Exception {
    Postmaster postmaster = fixture.start(fixture.builder().child(fixture.worker("works")));
    SegmentInUseException e =
        assertThrows(
            SegmentInUseException.class,
            () -> fixture.start(fixture.builder().child(fixture.worker("works"))));
    assertEquals(List.of((int) ProcessHandle.current().pid()), e.pids());
    fixture.awaitJoined(postmaster, 1);
    assertEquals("ready", status());
  }

  @Test
  void childrenFindWhatTheyAreInTheirEnvironment() throws Exception {
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .child(
                    ChildCommand.program("a", "sh", "-c", "echo $LWSHM_CHILD_NUMBER $COLOUR; pwd")
                        .withEnvironment("COLOUR", "blue = green")
                        .withDirectory(fixture.dataDir)));
    postmaster.await();
    assertEquals(List.of("a: 0 blue = green", "a: " + fixture.dataDir), fixture.output);
  }

  @Test
  void aScriptThatStartsTheOneThatJoinsIsNotTouchedByAReload() throws Exception {
    ChildCommand worker = fixture.worker("works");
    String script = "'" + String.join("' '", worker.arguments()) + "'; exit";
    Postmaster postmaster =
        fixture.start(fixture.builder().child(ChildCommand.program("script", "sh", "-c", script)));
    Await.until(() -> fixture.lines().stream().anyMatch(line -> line.endsWith(" joined")));
    List<ChildInfo> children = postmaster.children();

    postmaster.reload();
    fixture.awaitCounting(postmaster);
    postmaster.stop(StopMode.SMART);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    assertEquals(new ChildEnd(0, 0, false), fixture.ended.get(0).end());
    assertEquals(children, fixture.started);
  }

  @Test
  void itsOwnThreadDoesNotWaitForItself() throws Exception {
    Postmaster[] itself = new Postmaster[1];
    List<String> thrown = new CopyOnWriteArrayList<>();
    itself[0] =
        fixture.start(
            fixture
                .builder()
                .child(fixture.worker("works"))
                .onReload(
                    () ->
                        thrown.add(
                            assertThrows(IllegalStateException.class, itself[0]::close)
                                .getMessage())));

    itself[0].reload();

    assertEquals(Postmaster.EXIT_OK, itself[0].await());
    assertTrue(thrown.get(0).contains("would wait for itself"), () -> thrown.toString());
  }

  @Test
  void childrenThatJoinedReload() throws Exception {
    int[] reloads = new int[1];
    Postmaster postmaster =
        fixture.start(
            fixture
                .builder()
                .child(fixture.worker("works"))
                .child(ChildCommand.program("sleeper", "sleep", "1000"))
                .onReload(() -> reloads[0]++));
    List<ChildInfo> children = postmaster.children();
    fixture.awaitStep(children.get(0).pid(), "joined");

    postmaster.reload();

    fixture.awaitStep(children.get(0).pid(), "reloaded");
    assertEquals(1, reloads[0]);
    assertEquals(children, postmaster.children());
    assertFalse(fixture.ended.stream().anyMatch(e -> e.child().name().equals("sleeper")));
  }
}
