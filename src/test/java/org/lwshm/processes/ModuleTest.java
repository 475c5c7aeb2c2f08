// SPDX-License-Identifier: Apache-2.0

package org.lwshm.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.Segment;
import org.lwshm.testing.Child;
import org.lwshm.testing.Children;
import org.slf4j.LoggerFactory;

/** lwshm's jar as others use it: as a module and on the class path, without any flag. */
class ModuleTest {

  private static final String MAIN =
      """
      package app;

      import java.nio.file.Path;
      import org.lwshm.*;

      public class Main {
        public static void main(String[] args) {
          try (Segment segment =
                  Segment.builder(Path.of(args[0])).struct("words", 64).tranche("t", 2).create();
              Backend me = segment.join()) {
            LWLock lock = segment.tranche("t").lock(1);
            for (LWLockMode mode : LWLockMode.values()) {
              lock.acquire(me, mode);
              segment.struct("words").getAndAddLong(0, 21);
              lock.release(me);
            }
            Module lwshm = Segment.class.getModule();
            System.out.println(
                segment.struct("words").getLong(0) + " " + lwshm.getName() + " " + lwshm.isNamed());
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
    slf4j = locationOf(LoggerFactory.class);
    jar = directory.resolve("lwshm.jar");
    Path classes = locationOf(Segment.class);
    if (Files.isDirectory(classes)) {
      assertEquals("", tool("jar", "-c", "-f", jar.toString(), "-C", classes.toString(), "."));
    } else {
      jar = classes;
    }
    Path source = directory.resolve("source");
    Files.createDirectories(source.resolve("app"));
    Files.writeString(source.resolve("module-info.java"), "module app { requires org.lwshm; }");
    Files.writeString(source.resolve("app/Main.java"), MAIN);
    app = directory.resolve("classes");
    assertEquals("", compile(source));
    dataDir = Files.createDirectory(directory.resolve("data"));
  }

  private static Path locationOf(Class<?> type) throws URISyntaxException {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private String compile(Path source) throws IOException {
    return tool(
        "javac",
        // Else the tests' own counts.
        "-cp",
        source.toString(),
        "-p",
        modulePath(),
        "-d",
        app.toString(),
        source.resolve("module-info.java").toString(),
        source.resolve("app/Main.java").toString());
  }

  private String modulePath() {
    return jar + File.pathSeparator + slf4j;
  }

  private static String tool(String name, String... arguments) {
    StringWriter out = new StringWriter();
    PrintWriter writer = new PrintWriter(out);
    int status = ToolProvider.findFirst(name).orElseThrow().run(writer, writer, arguments);
    return status == 0 ? "" : status + ": " + out;
  }

  /** Runs the application; returns what the JDK and the libraries had to say. */
  private String assertRuns(String expected, List<String> arguments) throws Exception {
    List<String> command = Children.concat(List.of(Children.java().toString()), arguments);
    Child child = children.start("app", Children.concat(command, List.of(dataDir.toString())));
    List<String> said = child.rest();
    assertEquals(0, child.waitFor(), child.errors());
    assertEquals(List.of(expected), said);
    return child.errors();
  }

  private static void assertNothingButTheNoticeOfNativeAccess(String errors) {
    for (String line : errors.split("\n")) {
      boolean isNotice =
          line.contains("restricted method")
              || line.contains("java.lang.System::load")
              || line.contains("--enable-native-access")
              || line.contains("Restricted methods will be blocked")
              || line.startsWith("SLF4J")
              || line.isEmpty();
      assertTrue(isNotice, errors);
    }
    assertEquals(
        Runtime.version().feature() >= 24, errors.contains("--enable-native-access"), errors);
  }

  @Test
  void runsAsAModuleWithoutFlags() throws Exception {
    String path = modulePath() + File.pathSeparator + app;
    String errors = assertRuns("42 org.lwshm true", List.of("-p", path, "-m", "app/app.Main"));
    assertNothingButTheNoticeOfNativeAccess(errors);
  }

  @Test
  void runsOnTheClassPathWithoutFlags() throws Exception {
    String path = modulePath() + File.pathSeparator + app;
    String errors = assertRuns("42 null false", List.of("-cp", path, "app.Main"));
    assertNothingButTheNoticeOfNativeAccess(errors);
  }

  @Test
  void theJdksNoticeIsSilencedForTheModuleAlone() throws Exception {
    assumeTrue(Runtime.version().feature() >= 24, "this JDK gives none");
    String path = modulePath() + File.pathSeparator + app;
    String errors =
        assertRuns(
            "42 org.lwshm true",
            List.of("--enable-native-access=org.lwshm", "-p", path, "-m", "app/app.Main"));
    assertFalse(errors.contains("WARNING"), errors);
  }

  @Test
  void whatIsInternalIsNotExported() throws Exception {
    Path source = Files.createDirectories(directory.resolve("nosy/app")).getParent();
    Files.writeString(source.resolve("module-info.java"), "module app { requires org.lwshm; }");
    Files.writeString(
        source.resolve("app/Main.java"),
        "package app; class Main { Class<?> c = org.lwshm.jni.RawMemory.class; }");
    String errors = compile(source);
    assertNotEquals("", errors);
    assertTrue(errors.contains("org.lwshm.jni is not visible"), errors);
    assertTrue(errors.contains("does not export it"), errors);
  }
}
