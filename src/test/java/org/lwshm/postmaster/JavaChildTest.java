// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.lwshm.Await;
import org.lwshm.StopMode;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;

/** JVMs as children, beside C programs: all their exit callbacks run, in order. */
class JavaChildTest {

  private static final List<String> CALLBACKS =
      List.of("before_shmem_exit", "on_shmem_exit", "on_proc_exit");

  private PostmasterFixture fixture;

  @BeforeEach
  void make() {
    fixture = new PostmasterFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  private ChildCommand javaWorker(String how) {
    return ChildCommand.java("java", JavaWorker.class, fixture.log.toString(), how)
        .withJvmOptions("-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx64m");
  }

  /** What it has written down after it had joined. */
  private List<String> end(ChildInfo child) {
    List<String> steps = fixture.steps(child.pid());
    return steps.subList(steps.indexOf("joined") + 1, steps.size());
  }

  @Test
  void leavesInASmartStop() throws Exception {
    Postmaster postmaster =
        fixture.start(fixture.builder().child(javaWorker("leaves")).child(fixture.worker("works")));
    List<ChildInfo> children = fixture.awaitJoined(postmaster, 2);
    fixture.awaitCounting(postmaster);

    postmaster.stop(StopMode.SMART);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    assertEquals(
        List.of("stops", "left", "before_shmem_exit", "on_shmem_exit", "on_proc_exit"),
        end(children.get(0)));
    assertTrue(fixture.ended.stream().allMatch(e -> e.end().isSuccess()));
    assertFalse(fixture.lines().stream().anyMatch(line -> line.endsWith(" torn")));
  }

  @Test
  void isToldToLeaveInAFastStopAndHasNotCrashed() throws Exception {
    Postmaster postmaster =
        fixture.start(fixture.builder().child(javaWorker("stays").withCount(2)));
    List<ChildInfo> children = fixture.awaitJoined(postmaster, 2);

    postmaster.stop(StopMode.FAST);

    assertEquals(Postmaster.EXIT_OK, postmaster.await());
    for (ChildInfo child : children) {
      assertEquals(CALLBACKS, end(child));
    }
    assertEquals(
        List.of(new ChildEnd(143, 0, false), new ChildEnd(143, 0, false)),
        fixture.ended.stream().map(PostmasterFixture.Ended::end).toList());
  }

  @Test
  void isReplacedWhenSomebodyElseTerminatesIt() throws Exception {
    Postmaster postmaster =
        fixture.start(fixture.builder().policy(CrashPolicy.RESTART_ALL).child(javaWorker("stays")));
    ChildInfo first = fixture.awaitJoined(postmaster, 1).get(0);

    PostmasterFixture.kill(first, "TERM");

    Await.until(() -> fixture.started.size() == 2);
    assertEquals(CALLBACKS, end(first));
    assertEquals(new ChildEnd(143, 0, false), fixture.ended.get(0).end());
    assertEquals(List.of(), fixture.restarts);
  }

  @Test
  void reloads() throws Exception {
    Postmaster postmaster = fixture.start(fixture.builder().child(javaWorker("stays")));
    ChildInfo child = fixture.awaitJoined(postmaster, 1).get(0);
    postmaster.reload();
    fixture.awaitStep(child.pid(), "reloaded");
    assertEquals(List.of(child), postmaster.children());
  }

  @Test
  void leavesWhenItsPostmasterIsKilled() throws Exception {
    try (Children children = new Children()) {
      Child postmaster =
          children.jvm(
              PostmasterProgram.class,
              fixture.dataDir.toString(),
              fixture.log.toString(),
              Children.executable("postmaster/worker_program").toString(),
              "java=stays*2");
      assertTrue(postmaster.ok().startsWith("ready 1 "));
      long[] pids = new long[2];
      for (int i = 0; i < 2; i++) {
        pids[i] = Long.parseLong(postmaster.ok().split(" ")[3]);
      }
      for (long pid : pids) {
        fixture.awaitStep(pid, "joined");
      }

      postmaster.kill();

      for (long pid : pids) {
        fixture.awaitStep(pid, "on_proc_exit");
        List<String> steps = fixture.steps(pid);
        assertEquals(CALLBACKS, steps.subList(steps.indexOf("joined") + 1, steps.size()));
        Await.until(() -> ProcessHandle.of(pid).isEmpty());
      }
      // The last one out has deleted the segment, or left it if the kernel finished with the
      // postmaster after that.
      Postmaster next = fixture.start(fixture.builder().child(fixture.worker("works")));
      assertTrue(next.segment().generation() <= 2);
    }
  }
}
