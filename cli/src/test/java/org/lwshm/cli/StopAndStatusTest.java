// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code lwshm status} and {@code lwshm stop}. */
class StopAndStatusTest {

  private Tool tool;
  private String dir;

  @BeforeEach
  void makeTool() throws Exception {
    tool = new Tool();
    dir = tool.dataDir().toString();
  }

  @AfterEach
  void endAll() throws Exception {
    tool.close();
  }

  @Test
  void statusNamesThePidThatTheCallerOfRunSees() throws Exception {
    Tool.Started pool = tool.pool("--backends", "2", "--", "sleep", "1000").untilRuns(2, "sleep");
    Tool.Result status = tool.lwshm("status", dir);
    assertEquals(0, status.exitCode(), status.err());
    assertTrue(
        status.out().startsWith("lwshm: postmaster is running (PID: " + pool.pid() + ")\n"),
        status.out());
    assertTrue(status.out().contains("ready"), status.out());
    for (long child : pool.running("sleep")) {
      assertTrue(status.out().contains(child + "  "), status.out());
    }
    Tool.Result stop = tool.lwshm("stop", dir);
    assertEquals(0, stop.exitCode(), stop.err());
    assertTrue(stop.out().startsWith("waiting for postmaster to shut down..."), stop.out());
    assertTrue(stop.out().endsWith(" done\npostmaster stopped\n"), stop.out());
    assertEquals(0, pool.exitCode());
    assertEquals(3, tool.lwshm("status", dir).exitCode());
  }

  @Test
  void statusSaysHowManyRunAndWhichCrashLoop() throws Exception {
    String script = "[ $LWSHM_CHILD_NUMBER = 1 ] && exit 5; exec sleep 1000";
    Tool.Started pool =
        tool.pool("--backends", "3", "--name", "w", "--", "sh", "-c", script).untilRuns(2, "sleep");
    Tool.Result status = tool.lwshm("status", dir);
    while (!status.out().contains("  -  w-1: crash-loops, has ended ")) {
      status = tool.lwshm("status", dir);
    }
    assertTrue(status.out().contains("ready"), status.out());
    assertTrue(status.out().contains("processes:      2 of 3 run\n"), status.out());
    assertTrue(status.out().contains("times in a row too soon; next start "), status.out());
    assertEquals(0, pool.signal("INT").exitCode());
  }

  @Test
  void aSmartStopWaitsForTheProcessesAndSaysTheWayOutWhenTheTimeIsOver() throws Exception {
    Tool.Started pool = tool.pool("--", "sleep", "1000").untilRuns(1, "sleep");
    Tool.Result late = tool.lwshm("stop", dir, "-m", "smart", "-t", "1");
    assertEquals(1, late.exitCode());
    assertTrue(late.out().endsWith(" failed\n"), late.out());
    assertTrue(late.err().contains("-m fast"), late.err());
    assertEquals(1, pool.running("sleep").size());
    assertEquals(0, tool.lwshm("stop", "-mfast", dir).exitCode());
    assertEquals(0, pool.exitCode());
  }

  @Test
  void anImmediateStopKillsWhoDoesNotListen() throws Exception {
    Tool.Started pool =
        tool.pool("--", "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done");
    pool.until(() -> pool.out().contains("deaf"));
    assertEquals(0, tool.lwshm("stop", dir, "-m", "immediate").exitCode());
    assertEquals(0, pool.exitCode());
    assertFalse(pool.err().contains("did not end in time"), pool.err());
  }

  @Test
  void withoutWaitingItReturnsWhileThePostmasterRuns() throws Exception {
    Tool.Started pool = tool.pool("--", "sleep", "1000").untilRuns(1, "sleep");
    Tool.Result told = tool.lwshm("stop", dir, "-W", "-m", "smart");
    assertEquals(0, told.exitCode());
    assertEquals("postmaster shutting down\n", told.out());
    pool.until(() -> tool.dataDir().toFile().exists() && pool.err().contains("SMART"));
    assertEquals(0, pool.signal("INT").exitCode());
  }

  @Test
  void whereNoneRunsStatusSaysThreeAndStopAndReloadSayOne() throws Exception {
    Tool.Result status = tool.lwshm("status", dir);
    assertEquals(3, status.exitCode());
    assertEquals("lwshm: no postmaster running\n", status.out());
    Tool.Result stop = tool.lwshm("stop", dir);
    assertEquals(1, stop.exitCode());
    assertTrue(stop.err().contains(dir), stop.err());
    assertEquals(1, tool.lwshm("reload", dir).exitCode());
  }

  @Test
  void withoutADataDirectoryOrWithADamagedLockFileStatusSaysFour() throws Exception {
    Tool.Result none = tool.lwshm("status", dir + "/none");
    assertEquals(4, none.exitCode());
    assertTrue(none.err().contains(dir + "/none"), none.err());
    Files.writeString(tool.dataDir().resolve("lwshm.pid"), "12");
    Tool.Result damaged = tool.lwshm("status", dir);
    assertEquals(4, damaged.exitCode());
    assertTrue(damaged.err().contains("truncated"), damaged.err());
    assertEquals(1, tool.lwshm("stop", dir).exitCode());
  }

  @Test
  void aWrongModeOrOptionIsAUsageError() throws Exception {
    Tool.Result mode = tool.lwshm("stop", dir, "-m", "slow");
    assertEquals(2, mode.exitCode());
    assertTrue(mode.err().contains("slow"), mode.err());
    assertEquals(2, tool.lwshm("status").exitCode());
    assertEquals(2, tool.lwshm("stopp", dir).exitCode());
    assertEquals(2, tool.lwshm().exitCode());
  }
}
