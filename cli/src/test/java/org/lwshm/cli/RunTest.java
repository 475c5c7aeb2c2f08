// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code lwshm run}, with programs that know nothing of lwshm. */
class RunTest {

  private Tool tool;

  @BeforeEach
  void makeTool() throws Exception {
    tool = new Tool();
  }

  @AfterEach
  void endAll() throws Exception {
    tool.close();
  }

  private Path config(String text) throws Exception {
    return Files.writeString(tool.directory().resolve("pool.conf"), text);
  }

  @Test
  void endsWithZeroWhenAllHaveEndedWithSuccess() throws Exception {
    Tool.Result result =
        tool.pool("--backends", "2", "--", "sh", "-c", "echo hello $LWSHM_CHILD_NUMBER").result();
    assertEquals(0, result.exitCode(), result.err());
    assertEquals(
        Set.of("sh-0: hello 0", "sh-1: hello 1"),
        new HashSet<>(List.of(result.out().strip().split("\n"))));
  }

  @ParameterizedTest
  @ValueSource(strings = {"POSIX", "C.UTF-8"})
  void losesNoCharacterInAnyLocale(String locale) throws Exception {
    String command = "exec \"$1\" run --data-dir \"$2\" --name hüt -- echo hällo";
    Tool.Result result =
        tool.script("unset LC_ALL LC_CTYPE; export LANG=" + locale + "; " + command).result();
    assertEquals("hüt-0: hällo\n", result.out(), result.err());
  }

  @Test
  void passesOnWhatComesAfterTheCommandEvenWithoutDashes() throws Exception {
    Tool.Result result = tool.pool("--name", "e", "echo", "--backends", "-n", "@x").result();
    assertEquals("e-0: --backends -n @x\n", result.out(), result.err());
  }

  @Test
  void endsWithOneWhenOneHasFailedThatIsNotReplaced() throws Exception {
    Path config = config("restart = never\n");
    Tool.Result result =
        tool.pool("--config", config.toString(), "--", "sh", "-c", "exit 7").result();
    assertEquals(1, result.exitCode());
    assertTrue(result.err().contains("exited with 7"), result.err());
  }

  @Test
  void endsWithThreeWhenItGivesUpAfterACrash() throws Exception {
    Path config = config("policy = restart-all\nrestart_after_crash = off\n");
    Tool.Started pool =
        tool.pool("--config", config.toString(), "--", "sleep", "1000").untilRuns(1, "sleep");
    Tool.Started.kill("KILL", pool.running("sleep").get(0));
    assertEquals(3, pool.exitCode());
  }

  @Test
  void replacesOnlyWhoWasKilled() throws Exception {
    Tool.Started pool = tool.pool("--backends", "2", "--", "sleep", "1000").untilRuns(2, "sleep");
    List<Long> before = pool.running("sleep");
    Tool.Started.kill("KILL", before.get(0));
    pool.until(
        () -> !pool.running("sleep").contains(before.get(0)) && pool.running("sleep").size() == 2);
    assertTrue(pool.running("sleep").contains(before.get(1)));
    assertEquals(0, pool.signal("INT").exitCode());
  }

  @Test
  void replacesAllIfThatIsThePolicy() throws Exception {
    Tool.Started pool =
        tool.pool("--backends", "2", "--policy", "restart-all", "--", "sleep", "1000")
            .untilRuns(2, "sleep");
    List<Long> before = pool.running("sleep");
    Tool.Started.kill("KILL", before.get(0));
    pool.until(
        () ->
            pool.running("sleep").size() == 2
                && pool.running("sleep").stream().noneMatch(before::contains));
    assertTrue(pool.err().contains("generation 2"), pool.err());
    assertEquals(0, pool.signal("INT").exitCode());
  }

  @Test
  void killsWhoDoesNotEndInTime() throws Exception {
    Path config = config("stop_timeout = 50ms\n");
    Tool.Started pool =
        tool.pool(
            "--config",
            config.toString(),
            "--",
            "sh",
            "-c",
            "trap '' TERM; echo deaf; while :; do sleep 1; done");
    pool.until(() -> pool.out().contains("deaf")).signal("INT");
    assertEquals(0, pool.exitCode());
    assertTrue(pool.err().contains("did not end in time"), pool.err());
  }

  @Test
  void theShellsIgnoringOfInterruptsInTheBackgroundDoesNotReachIt() throws Exception {
    // As a shell does for what it starts with &.
    ProcessBuilder shell =
        new ProcessBuilder(
            "sh",
            "-c",
            "trap '' INT; exec setpriv --pdeathsig USR1 \"$@\"",
            "sh",
            System.getProperty("lwshm.cli.command"),
            "run",
            "-D",
            tool.dataDir().toString(),
            "--",
            "sleep",
            "1000");
    shell.environment().put("JAVA_HOME", System.getProperty("java.home"));
    Process pool = shell.inheritIO().start();
    try {
      while (tool.lwshm("status", tool.dataDir().toString()).exitCode() != 0) {
        assertTrue(pool.isAlive());
      }
      assertEquals(0, tool.lwshm("stop", tool.dataDir().toString()).exitCode());
      assertEquals(0, pool.waitFor());
    } finally {
      // Only if it has not stopped as it should.
      pool.descendants().forEach(ProcessHandle::destroyForcibly);
      pool.destroyForcibly();
    }
  }

  @Test
  void aProgramThatIsNotThereIsNamed() throws Exception {
    Tool.Result result = tool.pool("--", "/no/such-program").result();
    assertEquals(1, result.exitCode());
    assertTrue(result.err().contains("/no/such-program"), result.err());
    assertFalse(result.err().contains("\tat "), "a stack trace: " + result.err());
  }

  @Test
  void aConfigThatRootMayNotReadEitherIsNamed() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "another test is for all others");
    Path config = config("backends = 1\n");
    Files.setPosixFilePermissions(config, Set.of());
    Tool.Result result =
        tool.start(
                List.of("--bounding-set=-all", "--inh-caps=-all"),
                "run",
                "-D",
                tool.dataDir().toString(),
                "--config",
                config.toString(),
                "--",
                "true")
            .result();
    assertEquals(1, result.exitCode(), result.err());
    assertTrue(result.err().contains(config + " cannot be read: permission"), result.err());
  }

  @Test
  @Timeout(120)
  void replacesAndStopsThoughNobodyReadsWhatItAndItsProcessesSay() throws Exception {
    Path pipe = tool.directory().resolve("pipe");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    // Both ends are its own, so it is open, and full soon.
    Tool.Started pool =
        tool.start(
            List.of("sh", "-c", "exec \"$0\" \"$@\" <>" + pipe + " 1>&0 2>&0"),
            "run",
            "-D",
            tool.dataDir().toString(),
            "--backends",
            "4",
            "--config",
            config("backoff.first = 1ms\nbackoff.longest = 1ms\n").toString(),
            "--",
            "yes");
    pool.until(() -> pool.running("yes").size() == 4);
    for (int i = 0; i < 5; i++) {
      long killed = pool.running("yes").get(0);
      Tool.Started.kill("KILL", killed);
      pool.until(() -> !pool.running("yes").contains(killed) && pool.running("yes").size() == 4);
    }
    Tool.Result stop = tool.lwshm("stop", "-t", "30", tool.dataDir().toString());
    assertEquals(0, stop.exitCode(), stop.err());
    assertEquals(0, pool.exitCode());
  }

  @Test
  void aChildThatNoThreadCanWatchDoesNotOutliveTheStart() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs a user of its own");
    int nobodyElse = 1_871_234_567;
    Files.setAttribute(tool.dataDir(), "unix:uid", nobodyElse);
    Files.setPosixFilePermissions(tool.directory(), PosixFilePermissions.fromString("rwxr-xr-x"));
    Tool.Result result =
        tool.start(
                List.of("--reuid", "" + nobodyElse, "--clear-groups", "prlimit", "--nproc=40"),
                "run",
                "-D",
                tool.dataDir().toString(),
                "--backends",
                "40",
                "--",
                "sh",
                "-c",
                "trap '' TERM; sleep 1000; :")
            .result();
    assertEquals(1, result.exitCode(), result.err());
    assertEquals(
        1,
        new ProcessBuilder("pgrep", "-r", "R,S,D,T", "-u", "" + nobodyElse)
            .inheritIO()
            .start()
            .waitFor(),
        result.err());
  }

  @Test
  void aSecondOneInTheSameDirectoryIsRefusedWithThePidOfTheFirst() throws Exception {
    Tool.Started first = tool.pool("--", "sleep", "1000").untilRuns(1, "sleep");
    Tool.Result second = tool.pool("--", "sleep", "1000").result();
    assertEquals(1, second.exitCode());
    assertTrue(second.err().contains("process " + first.pid()), second.err());
    assertEquals(0, first.signal("INT").exitCode());
  }

  @Test
  void aReloadSaysWhatHasChangedInTheConfigOrThatItIsDamaged() throws Exception {
    Path config = config("stop_timeout = 5s\nbackoff.first = 1s\n");
    Tool.Started pool =
        tool.pool("--config", config.toString(), "--", "sleep", "1000").untilRuns(1, "sleep");
    config("stop_timeout = 6s\nbackoff.first = 1s\nbackends = 2\n");
    assertEquals(0, tool.lwshm("reload", tool.dataDir().toString()).exitCode());
    pool.until(() -> pool.err().contains("restart is needed for stop_timeout, backends"));
    config("stop_timeout = 6");
    pool.signal("HUP").until(() -> pool.err().contains("is truncated"));
    assertEquals(1, pool.running("sleep").size(), "SIGHUP has ended a child that knows nothing");
    assertEquals(0, pool.signal("INT").exitCode());
  }

  @Test
  void aConfigSetsUpEnvironmentSegmentAndOutput() throws Exception {
    Path config =
        config(
            "environment.GREETING = good day\nstruct.counter = 4kB\ntranche.counter = 2\n"
                + "semaphore.slots = 3, owned\nspare_bytes = 1MB\noutput = log\n");
    Tool.Result result =
        tool.pool("--config", config.toString(), "--", "sh", "-c", "echo $GREETING").result();
    assertEquals(0, result.exitCode(), result.err());
    assertTrue(result.err().contains("good day"), result.err());
    assertEquals("", result.out());
  }
}
