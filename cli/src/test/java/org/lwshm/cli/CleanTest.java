// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.lwshm.DeadSegment;

/** What the dead have left is removed, and what is in use is not. */
class CleanTest {

  private Tool tool;

  @BeforeEach
  void makeTool() throws Exception {
    tool = new Tool();
  }

  @AfterEach
  void endAll() throws Exception {
    tool.close();
  }

  private static boolean isDead(long creator) {
    return DeadSegment.list().stream().anyMatch(segment -> segment.creatorPid() == creator);
  }

  @Test
  void removesWhatAKilledPostmasterLeftAndNothingElse() throws Exception {
    Tool.Started pool = tool.pool("--", "sleep", "1000").untilRuns(1, "sleep");
    assertFalse(isDead(pool.pid()));
    assertEquals(0, tool.lwshm("clean").exitCode());
    assertEquals(0, tool.lwshm("status", tool.dataDir().toString()).exitCode());

    pool.signal("KILL").exitCode();

    Tool.Result dry = tool.lwshm("clean", "--dry-run");
    assertTrue(dry.out().contains("would remove segment"), dry.out());
    assertTrue(dry.out().contains("by process " + pool.pid() + " "), dry.out());
    assertTrue(isDead(pool.pid()));
    Tool.Result done = tool.lwshm("clean");
    assertEquals(0, done.exitCode(), done.err());
    assertTrue(done.out().contains("removed segment"), done.out());
    assertFalse(isDead(pool.pid()));
    assertTrue(tool.lwshm("clean").out().contains("no segment of the dead is left"));
  }
}
