// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
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

/** Children that outlive a postmaster that is killed: the next one ends them, or refuses. */
class SurvivorsTest {

  private static final String WORKER = Children.executable("postmaster/worker_program").toString();

  @TempDir private Path directory;
  private Path dataDir;
  private Path log;
  private Children children;
  private final List<Long> survivors = new ArrayList<>();

  @BeforeEach
  void make() throws IOException {
    dataDir = Files.createDirectory(directory.resolve("data"));
    log = Files.createFile(directory.resolve("log"));
    children = new Children();
  }

  @AfterEach
  void close() throws Exception {
    survivors.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
    Files.delete(log);
    children.close();
  }

  private Child launch(String... options) {
    List<String> args = new ArrayList<>(List.of(dataDir.toString(), log.toString(), WORKER));
    args.add("signals=yes");
    args.addAll(List.of(options));
    return children.jvm(PostmasterProgram.class, args.toArray(String[]::new));
  }

  private static void awaitReady(Child postmaster) throws InterruptedException {
    assertTrue(postmaster.ok().startsWith("ready"));
  }

  private static long pid(Child postmaster) throws InterruptedException {
    String[] words = postmaster.ok().split(" ");
    assertEquals("started", words[0]);
    return Long.parseLong(words[3]);
  }

  /** A zombie is not. */
  private static boolean isAlive(long pid) {
    return "ZX".indexOf(Child.state(pid)) < 0;
  }

  /** A pool that begins, and by then the survivor has ended; then it is stopped. */
  private void assertBeginsAfter(long survivor, String... options) throws Exception {
    Child again = launch(options);
    awaitReady(again);
    assertFalse(isAlive(survivor));
    pid(again);
    again.signal("INT");
    assertEquals(Postmaster.EXIT_OK, again.waitFor());
    DataDirectory.assertTidy(dataDir);
  }

  /** Has a child outlive its postmaster. */
  private long survivor(String behaviour) throws InterruptedException {
    Child postmaster = launch("child=" + behaviour + "*1");
    awaitReady(postmaster);
    long pid = pid(postmaster);
    survivors.add(pid);
    Await.until(() -> new StepLog(log).steps(pid).contains("joined"));
    postmaster.kill();
    assertTrue(isAlive(pid));
    return pid;
  }

  @ParameterizedTest
  @ValueSource(strings = {"outlives", "outlives-sigterm"})
  void areEndedBeforeTheNextPoolBegins(String behaviour) throws Exception {
    long survivor = survivor(behaviour);
    assertBeginsAfter(survivor, "child=works*1", "stop-timeout=300");
  }

  @Test
  void thatDoNotEndKeepTheNextPoolFromBeginning() throws Exception {
    long survivor = survivor("outlives-sigterm");
    for (int i = 0; i < 2; i++) {
      Child refused = launch("child=works*1", "stop-timeout=600000", "start-timeout=100");
      String error = refused.error();
      assertTrue(error.contains("still in use by process " + survivor + ";"), error);
      assertTrue(isAlive(survivor));
    }
    PostmasterFixture.kill(survivor, "KILL");
    assertBeginsAfter(survivor, "child=works*1");
  }

  @Test
  void ofAPostmasterThatLivesAreLeftAlone() throws Exception {
    Child first = launch("child=outlives-sigterm*1");
    awaitReady(first);
    long pid = pid(first);
    survivors.add(pid);
    first.signal("STOP");
    Files.delete(dataDir.resolve(LockFile.NAME));
    String error = launch("child=works*1", "stop-timeout=0", "start-timeout=300").error();
    assertTrue(error.contains("still in use by process " + first.pid()), error);
    assertTrue(isAlive(pid));
    first.kill();
    assertBeginsAfter(pid, "child=works*1", "stop-timeout=300");
  }

  @Test
  void aSetIdProgramIsEndedToo() throws Exception {
    Path program = directory.resolve("sleep");
    Files.copy(Path.of("/bin/sleep"), program, StandardCopyOption.REPLACE_EXISTING);
    int status =
        new ProcessBuilder("sh", "-c", "chown nobody \"$0\" && chmod 4755 \"$0\"", "" + program)
            .start()
            .waitFor();
    assumeTrue(status == 0, "only root may make a program of another user's");
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    Child postmaster = launch("program=" + program + " 1000");
    awaitReady(postmaster);
    long pid = pid(postmaster);
    survivors.add(pid);
    postmaster.kill();
    assumeTrue(isAlive(pid), "set-id programs are switched off here");
    assertBeginsAfter(pid, "child=works*1");
  }
}
