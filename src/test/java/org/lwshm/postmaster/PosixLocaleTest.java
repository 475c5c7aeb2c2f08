// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.Await;
import org.lwshm.Segment;
import org.lwshm.internal.PathText;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.DataDirectory;
import org.lwshm.testing.Slots;

/** JVMs in the POSIX locale, in which only ASCII is text, and a data directory named otherwise. */
class PosixLocaleTest {

  @TempDir Path directory;
  @AutoClose final Children children = new Children();
  private Path dataDir;

  /** To the data directory. An argument in the POSIX locale can name it. */
  private Path link;

  private Path log;

  @BeforeEach
  void make() throws Exception {
    dataDir =
        Files.createDirectory(PathText.toPath(PathText.of(directory.toRealPath()) + "/w\u00f6rk"));
    link = Files.createSymbolicLink(directory.resolve("link"), dataDir);
    log = Files.createFile(directory.resolve("log"));
  }

  private Child start(List<String> variables, Class<?> main, String... args) {
    List<String> env = Children.concat(List.of("env", "LC_ALL=POSIX"), variables);
    return children.start("child", Children.concat(env, children.jvmCommand(main, args)));
  }

  @Test
  void aPostmasterAndItsChildrenWorkThere() throws Exception {
    Child postmaster =
        start(
            List.of(),
            PostmasterProgram.class,
            link.toString(),
            log.toString(),
            Children.executable("postmaster/worker_program").toString(),
            "java=leaves*1",
            "program=touch made-in-the-data-directory",
            "signals=yes");
    assertTrue(postmaster.ok().startsWith("ready 1 "));
    long worker = Long.parseLong(postmaster.ok().split(" ")[3]);
    Await.until(() -> new StepLog(log).steps(worker).contains("joined"));
    Path made = dataDir.resolve("made-in-the-data-directory");
    Await.until(() -> Files.exists(made));
    Files.delete(made);
    assertEquals(dataDir, RunningPostmaster.find(link).orElseThrow().dataDir());
    postmaster.signal("TERM");
    assertEquals(Postmaster.EXIT_OK, postmaster.waitFor(), postmaster.errors());
    DataDirectory.assertTidy(dataDir);
  }

  @Test
  void theRepairerWritesWhatThePostmasterCanRead() throws Exception {
    Path file = directory.resolve("parameters");
    try (Segment segment = Segment.builder(dataDir).maxChildren(1).create()) {
      Slots.assign(segment, 0, file, 0);
    }
    Child repairer = start(List.of("LWSHM_BACKEND_PARAMETERS=" + file), RepairProcess.class);
    String said = String.join("\n", repairer.rest());
    assertTrue(said.startsWith("cannot repair: ") && said.contains(PathText.of(dataDir)), said);
    assertEquals(Postmaster.EXIT_FAILED, repairer.waitFor());
  }
}
