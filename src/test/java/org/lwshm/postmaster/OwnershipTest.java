// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.lwshm.Await;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.DataDirectory;
import org.lwshm.testing.SysvSegment;

/**
 * Who owns a data directory, and what is left of those who did. PostgreSQL's 017_shm.pl asks less.
 */
class OwnershipTest {

  private static final String WORKER = Children.executable("postmaster/worker_program").toString();
  private static final String LONG = "stop-timeout=600000";

  @TempDir private Path directory;
  private Path dataDir;
  private Path log;
  private Children children;
  private final List<Long> workers = new ArrayList<>();

  @BeforeEach
  void make() throws IOException {
    dataDir = Files.createDirectory(directory.resolve("data"));
    log = Files.createFile(directory.resolve("log"));
    children = new Children();
  }

  @AfterEach
  void close() throws Exception {
    Files.deleteIfExists(log); // grandchildren go by that
    for (long pid : workers) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
    for (SysvSegment segment : SysvSegment.all()) {
      if (segment.key() == key()) {
        new ProcessBuilder("ipcrm", "-m", Integer.toString(segment.shmid())).start().waitFor();
      }
    }
    children.close();
  }

  private int key() throws IOException {
    return ((Long) Files.getAttribute(dataDir, "unix:ino")).intValue();
  }

  private Child launch(String... options) {
    List<String> args = new ArrayList<>(List.of(dataDir.toString(), log.toString(), WORKER));
    args.add("signals=yes");
    args.addAll(List.of(options));
    return children.jvm(PostmasterProgram.class, args.toArray(String[]::new));
  }

  /** What it says when it is ready: generation, id, key. */
  private long[] awaitReady(Child postmaster) throws InterruptedException {
    String[] words = postmaster.ok().split(" ");
    assertEquals("ready", words[0]);
    return new long[] {
      Long.parseLong(words[1]), Long.parseLong(words[2]), Long.parseLong(words[3])
    };
  }

  /** The pids of so many children that it starts, once they have joined. */
  private List<Long> awaitChildren(Child postmaster, int count) throws Exception {
    List<Long> pids = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String[] words = postmaster.ok().split(" ");
      assertEquals("started", words[0]);
      pids.add(Long.parseLong(words[3]));
    }
    workers.addAll(pids);
    for (long pid : pids) {
      Await.until(() -> steps(pid).contains("joined"));
    }
    return pids;
  }

  private List<String> steps(long pid) {
    return new StepLog(log).steps(pid);
  }

  private static boolean isAlive(long pid) {
    return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
  }

  private void stop(Child postmaster) throws InterruptedException, IOException {
    postmaster.signal("INT");
    assertEquals(Postmaster.EXIT_OK, postmaster.waitFor());
    DataDirectory.assertTidy(dataDir);
  }

  @Test
  void theKeyIsTakenByAStranger() throws Exception {
    Child stranger = children.program("processes/raw_program");
    int taken = Integer.parseInt(stranger.ok("make " + key() + " 4096 600"));
    Child postmaster = launch("child=works*1");
    long[] ready = awaitReady(postmaster);
    assertEquals(key() + 1, ready[2]);
    awaitChildren(postmaster, 1);
    stop(postmaster);
    assertTrue(SysvSegment.of(taken).isPresent(), "the stranger's is left alone");

    stranger.ok("detach");
    stranger.ok("remove " + taken);
    Child again = launch("child=works*1");
    assertEquals(key(), awaitReady(again)[2]);
    awaitChildren(again, 1);
    stop(again);
  }

  @Test
  void childrenLeaveInOrderWhenTheirPostmasterIsKilled() throws Exception {
    Child postmaster = launch("child=works*3");
    long[] ready = awaitReady(postmaster);
    List<Long> pids = awaitChildren(postmaster, 3);

    postmaster.kill();
    Child again = launch("child=works*3");

    // The last child to leave has deleted the segment; unless the kernel had not finished with the
    // postmaster then: it was a member still, and has left an orphan, which was replaced.
    assertTrue(awaitReady(again)[0] <= ready[0] + 1);
    assertTrue(SysvSegment.of((int) ready[1]).isEmpty());
    for (long pid : pids) {
      assertEquals(List.of("starts", "joined", "stops", "left", "detached"), steps(pid));
    }
    awaitChildren(again, 3);
    stop(again);
  }

  @Test
  void aProgramThatKnowsNothingOfUsEndsWithThePostmasterToo() throws Exception {
    Child postmaster = launch("program=sleep 1000");
    awaitReady(postmaster);
    long pid = Long.parseLong(postmaster.ok().split(" ")[3]);
    workers.add(pid);
    postmaster.kill();
    Await.until(() -> !isAlive(pid));
    Child again = launch("child=works*1");
    awaitReady(again);
    awaitChildren(again, 1);
    stop(again);
  }

  @Test
  void aChildThatDoesNotLeaveIsKilledAfterItsTime() throws Exception {
    Child postmaster = launch("child=ignores-sigterm*1", "stop-timeout=200");
    awaitReady(postmaster);
    long pid = awaitChildren(postmaster, 1).get(0);
    postmaster.kill();
    Await.until(() -> !isAlive(pid));
    Child again = launch("child=works*1");
    awaitReady(again);
    awaitChildren(again, 1);
    stop(again);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noStartWhileAChildOfAnEarlierLifeIsThere(boolean lockFileRemoved) throws Exception {
    Child postmaster = launch("child=ignores-sigterm*1", LONG);
    long[] ready = awaitReady(postmaster);
    long survivor = awaitChildren(postmaster, 1).get(0);
    postmaster.kill();
    if (lockFileRemoved) {
      Files.delete(dataDir.resolve(LockFile.NAME));
    }

    Child refused = launch("child=works*1", "start-timeout=300");

    String error = refused.error();
    assertTrue(
        error.contains("still in use by process " + survivor + ";"),
        () -> "its pid is named: " + error);
    assertTrue(SysvSegment.of((int) ready[1]).isPresent());
    assertTrue(isAlive(survivor));

    PostmasterFixture.kill(survivor, "KILL");
    Child again = launch("child=works*1");
    awaitReady(again);
    awaitChildren(again, 1);
    stop(again);
  }

  @Test
  void aProcessThatHasOnlyInheritedTheMappingIsNoMemberAndKeepsNobodyOut() throws Exception {
    Child postmaster = launch("child=detaches*1");
    awaitReady(postmaster);
    long child = awaitChildren(postmaster, 1).get(0);
    Await.until(() -> grandchild() != 0);
    long grandchild = grandchild();
    workers.add(grandchild);
    postmaster.kill();
    Await.until(() -> !isAlive(child));

    Child again = launch("child=works*1", "start-timeout=0");

    awaitReady(again);
    awaitChildren(again, 1);
    assertTrue(isAlive(grandchild));
    stop(again);
  }

  private long grandchild() {
    return new StepLog(log)
        .lines().stream()
            .filter(line -> line.endsWith(" grandchild"))
            .mapToLong(line -> Long.parseLong(line.split(" ")[0]))
            .findFirst()
            .orElse(0);
  }

  @Test
  void aQuickRestartAfterEverythingWasKilled() throws Exception {
    for (int i = 0; i < 3; i++) {
      Child postmaster = launch("child=ignores-sigterm*3", LONG);
      awaitReady(postmaster);
      List<Long> pids = awaitChildren(postmaster, 3);
      postmaster.kill();
      pids.forEach(pid -> PostmasterFixture.kill(pid, "KILL"));
    }
    Child again = launch("child=works*1");
    awaitReady(again);
    awaitChildren(again, 1);
    stop(again);
  }

  @Test
  void oneOfSeveralStartersWins() throws Exception {
    List<Child> starters = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      starters.add(launch("child=works*1", "start-timeout=0"));
    }
    Child winner = null;
    List<String> errors = new ArrayList<>();
    for (Child starter : starters) {
      String reply = starter.reply();
      if (reply.startsWith("ok ready")) {
        assertEquals(null, winner, "two have won");
        winner = starter;
      } else {
        errors.add(reply);
      }
    }
    String pid = Long.toString(winner.pid());
    assertEquals(3, errors.size());
    assertTrue(
        errors.stream().allMatch(e -> e.contains("has a postmaster already, process " + pid)),
        () -> "they name the winner, " + pid + ": " + errors);
    awaitChildren(winner, 1);
    stop(winner);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "--ipc"})
  void oneOfTwoContainersWithTheSamePidWins(String ipc) throws Exception {
    Child first = contained(ipc);
    awaitReady(first);
    Child second = contained(ipc);
    String error = second.error();
    assertTrue(error.contains("another PID namespace"), error);
    assertTrue(error.contains("process 1 "), "both are process 1: " + error);
    assertTrue(first.isAlive());
    first.kill();
    // Its namespace, and all in it, goes with it.
    Child again = launch("child=works*1");
    awaitReady(again);
    awaitChildren(again, 1);
    stop(again);
  }

  private Child contained(String ipc) {
    List<String> prefix = new ArrayList<>(List.of("unshare", "--pid", "--fork", "--mount-proc"));
    prefix.add("--kill-child");
    if (!ipc.isEmpty()) {
      prefix.add(ipc);
    }
    return children.start(
        "contained",
        Children.concat(
            prefix,
            children.jvmCommand(
                PostmasterProgram.class,
                dataDir.toString(),
                log.toString(),
                WORKER,
                "child=works*1")));
  }

  @Test
  void stopsAtOnceWhenItsLockFileIsGone() throws Exception {
    Child postmaster = launch("child=works*2");
    awaitReady(postmaster);
    List<Long> pids = awaitChildren(postmaster, 2);
    Files.delete(dataDir.resolve(LockFile.NAME));
    assertEquals(Postmaster.EXIT_FAILED, postmaster.waitFor());
    pids.forEach(pid -> assertFalse(isAlive(pid)));
  }

  @Test
  void stopsAtOnceWhenItsLockFileIsAnothers() throws Exception {
    Child postmaster = launch("child=works*1");
    awaitReady(postmaster);
    awaitChildren(postmaster, 1);
    Path other = Files.writeString(directory.resolve("other"), "of somebody else");
    Path lockFile = dataDir.resolve(LockFile.NAME);
    Files.move(other, lockFile, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    assertEquals(Postmaster.EXIT_FAILED, postmaster.waitFor());
    assertEquals("of somebody else", Files.readString(lockFile), "it is left alone");
  }
}
