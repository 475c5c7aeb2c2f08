// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.Segment;
import org.lwshm.SegmentNotFoundException;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.lwshm.testing.DataDirectory;
import org.slf4j.LoggerFactory;

/**
 * An application's own postmaster, with lwshm's jar on its module path or class path: its Java
 * children find what it finds.
 */
class ApplicationPoolTest {

  private static final String COUNTERS =
      """
      package app;

      import org.lwshm.*;

      public class Counters implements ShmemSubsystem {
        @Override public void request(ShmemRequest request) {
          request.struct("count", 8);
          request.tranche("count", 1);
        }
        @Override public void init(Segment segment) {}
        @Override public void attach(Segment segment) {
          segment.tranche("count").onRepair((me, lock) -> System.out.println("in repair"));
        }
      }
      """;

  /** The first one dies inside the lock; its successor finds that repaired. */
  private static final String WORKER =
      """
      package app;

      import org.lwshm.*;

      public class Worker {
        public static void main(String[] args) {
          try (Backend me = Backend.fromPostmaster(new Counters())) {
            Segment segment = me.segment();
            LWLock lock = segment.tranche("count").lock(0);
            lock.acquire(me, LWLockMode.EXCLUSIVE);
            if (segment.struct("count").getAndAddLong(0, 1) == 0) {
              Runtime.getRuntime().halt(1);
            }
            lock.release(me);
            System.out.println("worked " + args[0] + " " + Worker.class.getModule().isNamed());
          }
        }
      }
      """;

  private static final String MAIN =
      """
      package app;

      import java.nio.file.Path;
      import org.lwshm.*;
      import org.lwshm.postmaster.*;

      public class Main implements PostmasterListener {
        @Override public void childStarted(ChildInfo child) {
          System.out.println("started " + child.pid());
        }
        static volatile boolean leaving;
        /** Holds a lock, and when the process ends a moment longer. */
        static void hold(Segment segment) {
          LWLock lock = segment.tranche("count").lock(0);
          lock.acquire(LWLockMode.EXCLUSIVE);
          System.out.println("holds");
          while (!leaving) {
            Thread.yield();
          }
          for (long end = System.nanoTime() + 300_000_000L; System.nanoTime() - end < 0; ) {
            Thread.yield();
          }
          segment.struct("count").putLong(0, 1);
          lock.release();
        }
        static void holdUntilTheEnd(Path dataDir) {
          Segment segment = Segment.builder(dataDir).register(new Counters()).create();
          SharedStruct count = segment.struct("count");
          segment.exitCallbacks().beforeShmemExit(() -> leaving = true);
          segment.exitCallbacks().onShmemExit(() -> System.out.println("left " + count.getLong(0)));
          new Thread(() -> hold(segment)).start();
        }
        public static void main(String[] args) throws Exception {
          if (args[1].equals("no postmaster")) {
            holdUntilTheEnd(Path.of(args[0]));
            return;
          }
          PostmasterBuilder builder = Postmaster.builder(Path.of(args[0])).register(new Counters());
          if (args[1].equals("sleep")) {
            builder.child(ChildCommand.program("sleep", "sleep", "1000")).listener(new Main());
          } else {
            builder
                .output((child, line) -> System.out.println(child.name() + ": " + line))
                .repairWith(Counters.class)
                .child(
                    ChildCommand.java("worker", Worker.class, "a \\" b\\\\")
                        .withDirectory(Path.of("/")));
          }
          try (Postmaster postmaster = builder.handleSignals().start()) {
            System.exit(postmaster.await());
          }
        }
      }
      """;

  @TempDir Path directory;
  @AutoClose final Children children = new Children();
  private Path jar;
  private Path slf4j;
  private Path app;
  private Path dataDir;

  @BeforeEach
  void makeJarAndApplication() throws Exception {
    slf4j = Files.copy(locationOf(LoggerFactory.class), directory.resolve("slf4j.jar"));
    jar = directory.resolve("lwshm.jar");
    Path classes = locationOf(Segment.class);
    if (Files.isDirectory(classes)) {
      run("jar", "-c", "-f", jar.toString(), "-C", classes.toString(), ".");
    } else {
      Files.copy(classes, jar);
    }
    dataDir = Files.createDirectory(directory.resolve("data"));
    compile("exports app;");
  }

  private static Path locationOf(Class<?> type) throws URISyntaxException {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private static void run(String name, String... arguments) {
    StringWriter out = new StringWriter();
    PrintWriter writer = new PrintWriter(out);
    int status = ToolProvider.findFirst(name).orElseThrow().run(writer, writer, arguments);
    assertEquals(0, status, out::toString);
  }

  private void compile(String exports) throws IOException {
    Path source = Files.createDirectories(directory.resolve("source/app")).getParent();
    Files.writeString(
        source.resolve("module-info.java"), "module app { requires org.lwshm; " + exports + " }");
    Files.writeString(source.resolve("app/Counters.java"), COUNTERS);
    Files.writeString(source.resolve("app/Worker.java"), WORKER);
    Files.writeString(source.resolve("app/Main.java"), MAIN);
    app = directory.resolve("classes");
    run(
        "javac",
        "-cp",
        source.toString(),
        "-p",
        jar + File.pathSeparator + slf4j,
        "-d",
        app.toString(),
        source.resolve("module-info.java").toString(),
        source.resolve("app/Counters.java").toString(),
        source.resolve("app/Worker.java").toString(),
        source.resolve("app/Main.java").toString());
  }

  /** The present directory is the test's. */
  private Child start(List<String> options, String what) {
    List<String> command =
        new ArrayList<>(List.of("sh", "-c", "cd \"$0\" && exec \"$@\"", directory.toString()));
    command.add(Children.java().toString());
    command.addAll(options);
    command.addAll(List.of(dataDir.toString(), what));
    return children.start("app", command);
  }

  private void assertWorks(boolean named, List<String> options) throws Exception {
    Child pool = start(options, "work");
    List<String> said =
        pool.rest().stream().filter(line -> !line.matches(".*(SLF4J|WARNING).*|\\w+: ")).toList();
    assertEquals(
        List.of(
            "repairer: in repair",
            "repairer: repaired what 1 locks guard",
            "worker: worked a \" b\\ " + named),
        said,
        pool.errors());
    assertEquals(0, pool.waitFor());
    DataDirectory.assertTidy(dataDir);
  }

  @Test
  void worksOnTheModulePath() throws Exception {
    assertWorks(
        true,
        List.of("-p", "lwshm.jar" + File.pathSeparator + slf4j + ":classes", "-m", "app/app.Main"));
  }

  @Test
  void worksOnARelativeClassPath() throws Exception {
    assertWorks(false, List.of("-cp", "lwshm.jar:slf4j.jar:classes", "app.Main"));
  }

  @Test
  void worksOnAVeryLongClassPath() throws Exception {
    StringBuilder path = new StringBuilder("lwshm.jar:slf4j.jar:classes");
    for (int i = 0; path.length() < 165 << 10; i++) {
      path.append(":/no/such/directory of/jar-").append(i).append(".jar");
    }
    Path file = directory.resolve("arguments");
    Files.writeString(file, "-cp \"" + path + "\"\n");
    assertWorks(false, List.of("@" + file, "app.Main"));
  }

  @Test
  void aSubsystemThatTheRepairerMayNotMakeIsRefusedAtOnce() throws Exception {
    compile("");
    Child pool = start(List.of("-p", "lwshm.jar:slf4j.jar:classes", "-m", "app/app.Main"), "work");
    assertEquals(List.of(), pool.rest());
    assertEquals(1, pool.waitFor());
    assertTrue(pool.errors().contains("of a package that its module exports"), pool.errors());
  }

  @Test
  void goesOnAndStopsThoughItsJarsAreOverwritten() throws Exception {
    Child pool = start(List.of("-cp", "lwshm.jar:slf4j.jar:classes", "app.Main"), "sleep");
    String first = pool.reply();
    overwriteJars();
    kill(first);
    String second = pool.reply();
    kill(second);
    pool.reply();
    pool.signal("INT");
    assertEquals(0, pool.waitFor(), pool.errors());
    assertFalse(pool.errors().contains("Error"), pool.errors());
    DataDirectory.assertTidy(dataDir);
  }

  @Test
  void leavesThoughItsJarsAreOverwritten() throws Exception {
    Child member =
        start(List.of("-cp", "lwshm.jar:slf4j.jar:classes", "app.Main"), "no postmaster");
    assertEquals("holds", member.reply());
    overwriteJars();
    member.signal("TERM");
    assertEquals("left 1", member.reply());
    assertEquals(143, member.waitFor());
    assertThrows(SegmentNotFoundException.class, () -> Segment.attach(dataDir));
  }

  private void overwriteJars() throws IOException {
    for (Path each : List.of(jar, slf4j)) {
      Files.write(each, new byte[(int) Files.size(each)]); // in place
    }
  }

  private static void kill(String started) throws Exception {
    String pid = started.split(" ")[1];
    new ProcessBuilder("kill", "-9", pid).inheritIO().start().waitFor();
  }
}
