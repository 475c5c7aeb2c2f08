// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;

/** Where a postmaster's words and its children's go if nothing is arranged for them. */
class ConsoleTest {

  private static final int LINES = 100_000;

  @TempDir private Path directory;
  @AutoClose private final Children children = new Children();
  private List<String> command;

  @BeforeEach
  void makeCommand() throws Exception {
    Path dataDir = Files.createDirectory(directory.resolve("data"));
    Path log = Files.createFile(directory.resolve("log"));
    command =
        new ArrayList<>(
            children.jvmCommand(
                PostmasterProgram.class, dataDir.toString(), log.toString(), "no-worker"));
  }

  @Test
  void withoutALogProviderAllThatIsLoggedGoesToTheConsole() throws Exception {
    int paths = command.indexOf("-cp") + 1;
    command.set(
        paths,
        Arrays.stream(command.get(paths).split(File.pathSeparator))
            .filter(entry -> !entry.contains("slf4j-simple"))
            .collect(Collectors.joining(File.pathSeparator)));
    command.addAll(List.of("output=log", "program=seq 1 3"));

    Child postmaster = children.start("postmaster", command);

    assertEquals(Postmaster.EXIT_OK, postmaster.waitFor());
    String errors = postmaster.errors();
    assertEquals(2, errors.split("lwshm: SLF4J has no provider", -1).length, errors);
    assertTrue(errors.contains("lwshm: info: ready: segment"), errors);
    for (int i = 1; i <= 3; i++) {
      assertTrue(
          errors.matches("(?s).*lwshm: info: program-0 \\(pid \\d+\\): " + i + "\n.*"), errors);
    }
  }

  @Test
  void aPipeThatDoesNotBlockLosesNothing() throws Exception {
    command.addAll(0, List.of(Children.executable("postmaster/narrow_program").toString()));
    command.addAll(List.of("output=console", "program=seq 1 " + LINES));

    Child postmaster = children.start("postmaster", command);

    List<String> output =
        postmaster.rest().stream().filter(line -> line.startsWith("program-0: ")).toList();
    assertEquals(LINES, output.size());
    for (int i = 0; i < LINES; i++) {
      assertEquals("program-0: " + (i + 1), output.get(i));
    }
    assertEquals(Postmaster.EXIT_OK, postmaster.waitFor());
  }
}
