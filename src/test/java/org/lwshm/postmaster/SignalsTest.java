// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import org.junit.jupiter.params.provider.CsvSource;
import org.lwshm.Await;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.DataDirectory;

/** What a postmaster does on a signal, and on its JVM's end. */
class SignalsTest {

  private static final List<String> ORDERLY =
      List.of("starts", "joined", "stops", "left", "detached");

  @TempDir private Path directory;
  private Path dataDir;
  private Path log;
  private Children children;

  @BeforeEach
  void make() throws IOException {
    dataDir = Files.createDirectory(directory.resolve("data"));
    log = Files.createFile(directory.resolve("log"));
    children = new Children();
  }

  @AfterEach
  void close() {
    children.close();
  }

  private List<String> command(String... options) {
    List<String> args = new ArrayList<>();
    args.add(dataDir.toString());
    args.add(log.toString());
    args.add(Children.executable("postmaster/worker_program").toString());
    args.add("child=works*1");
    args.addAll(List.of(options));
    return children.jvmCommand(PostmasterProgram.class, args.toArray(String[]::new));
  }

  private List<String> steps(long pid) {
    return new StepLog(log).steps(pid);
  }

  /** Waits until the worker has joined; its pid. */
  private long awaitWorker(Child postmaster) throws InterruptedException {
    assertEquals("ready", postmaster.ok().split(" ")[0]);
    long worker = Long.parseLong(postmaster.ok().split(" ")[3]);
    Await.until(() -> steps(worker).contains("joined"));
    return worker;
  }

  private void assertNothingLeft() throws IOException {
    DataDirectory.assertTidy(dataDir);
  }

  @ParameterizedTest
  @CsvSource({"TERM, true", "INT, true", "USR1, false"})
  void aSignalStopsIt(String signal, boolean orderly) throws Exception {
    Child postmaster = children.start("postmaster", command("signals=yes"));
    long worker = awaitWorker(postmaster);
    postmaster.signal(signal);
    assertEquals(Postmaster.EXIT_OK, postmaster.waitFor());
    assertEquals(orderly ? ORDERLY : List.of("starts", "joined"), steps(worker));
    assertNothingLeft();
  }

  @ParameterizedTest
  @CsvSource({"INT", "TERM"})
  void oneThatItsParentHadIgnoredDoesToo(String signal) throws Exception {
    // As a shell does that starts it in the background.
    List<String> ignoring = List.of("sh", "-c", "trap '' " + signal + "; exec \"$@\"", "sh");
    Child postmaster =
        children.start("postmaster", Children.concat(ignoring, command("signals=yes")));
    awaitWorker(postmaster);
    postmaster.signal(signal);
    assertEquals(Postmaster.EXIT_OK, postmaster.waitFor());
    assertNothingLeft();
  }

  @Test
  void aSignalEndsAJvmWhosePostmasterIsNoMore() throws Exception {
    Child postmaster = children.start("postmaster", command("signals=yes"));
    awaitWorker(postmaster);
    Child refused = children.start("refused", command("signals=yes", "start-timeout=0"));
    assertTrue(refused.error().contains("has a postmaster already"));
    refused.signal("TERM");
    assertEquals(143, refused.waitFor());
    postmaster.signal("INT");
    assertEquals(Postmaster.EXIT_OK, postmaster.waitFor());
  }

  @Test
  void sighupReloads() throws Exception {
    Child postmaster = children.start("postmaster", command("signals=yes"));
    long worker = awaitWorker(postmaster);
    for (int i = 1; i <= 2; i++) {
      new ProcessBuilder("kill", "-HUP", Long.toString(postmaster.pid())).start().waitFor();
      assertEquals("reloaded", postmaster.ok());
      int times = i;
      Await.until(() -> steps(worker).stream().filter("reloaded"::equals).count() == times);
    }
    postmaster.signal("INT");
    assertEquals(Postmaster.EXIT_OK, postmaster.waitFor());
  }

  @ParameterizedTest
  @CsvSource({"TERM, 143", "INT, 130", "HUP, 129"})
  void withoutHandlersASignalThatEndsTheJvmStopsItOnTheWay(String signal, int status)
      throws Exception {
    Child postmaster = children.start("postmaster", command());
    long worker = awaitWorker(postmaster);
    postmaster.signal(signal);
    assertEquals(status, postmaster.waitFor());
    assertEquals(ORDERLY, steps(worker));
    List<String> all = Files.readAllLines(log);
    assertTrue(
        all.indexOf(postmaster.pid() + " before_shmem_exit") > all.indexOf(worker + " detached"),
        () -> "children end before any callback runs: " + all);
    assertNothingLeft();
  }

  @Test
  void systemExitStopsItOnTheWay() throws Exception {
    Child postmaster = children.start("postmaster", command("exit=7"));
    assertEquals("ready", postmaster.ok().split(" ")[0]);
    long worker = Long.parseLong(postmaster.ok().split(" ")[3]);
    assertEquals(7, postmaster.waitFor());
    Await.until(() -> ProcessHandle.of(worker).isEmpty());
    assertNothingLeft();
  }
}
