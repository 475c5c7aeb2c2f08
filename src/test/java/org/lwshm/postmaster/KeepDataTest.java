// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.Await;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.DataDirectory;

/** A pool that keeps its data, and all of whose processes are killed at once. */
class KeepDataTest {

  private static final String WORKER = Children.executable("postmaster/worker_program").toString();

  @TempDir private Path directory;

  private Child launch(Children children, Path dataDir, Path log) {
    return children.jvm(
        PostmasterProgram.class,
        dataDir.toString(),
        log.toString(),
        WORKER,
        "signals=yes",
        "keep-data=yes",
        "repairer=repair",
        "child=works*1");
  }

  private static long started(Child postmaster) throws InterruptedException {
    String[] words = postmaster.ok().split(" ");
    assertEquals("started", words[0]);
    return Long.parseLong(words[3]);
  }

  @Test
  void whatADeadOneHeldIsRepairedBeforeTheNextChildrenStart() throws Exception {
    Path dataDir = Files.createDirectory(directory.resolve("data"));
    Path log = Files.createFile(directory.resolve("log"));
    try (Children children = new Children()) {
      Child postmaster = launch(children, dataDir, log);
      String[] first = postmaster.ok().split(" ");
      assertEquals("ready", first[0]);
      long holder = started(postmaster);
      Await.until(() -> new StepLog(log).steps(holder).contains("joined"));
      postmaster.signal("STOP"); // it does not see the child die
      PostmasterFixture.kill(holder, "USR1"); // dies inside the lock
      Await.until(() -> Child.state(holder) == 'Z');
      postmaster.kill();

      Child again = launch(children, dataDir, log);
      String[] next = again.ok().split(" ");
      assertEquals("ready", next[0], String.join(" ", next));
      assertEquals(first[2], next[2], "the same segment");
      long successor = started(again);
      Await.until(() -> new StepLog(log).steps(successor).contains("joined"));
      assertTrue(new StepLog(log).lines().stream().noneMatch(line -> line.endsWith("torn")));
      again.signal("INT");
      assertEquals(Postmaster.EXIT_OK, again.waitFor(), again.errors());
      DataDirectory.assertTidy(dataDir);
    }
  }
}
