// SPDX-License-Identifier: Apache-2.0

package org.lwshm.jni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lwshm.NativeLibraryException;

class NativeLibraryTest {

  @TempDir Path dir;

  /** Loads the library in a JVM of its own and prints what came of it. */
  static final class Loader {

    private Loader() {}

    public static void main(String[] args) {
      try {
        NativeLibrary.load();
        System.out.println("loaded, ABI version " + LayoutNative.abiVersion());
      } catch (NativeLibraryException e) {
        System.out.println(e.getMessage());
        System.out.println("tried " + e.tried().size());
      }
    }
  }

  private static String run(String classPath, String... options) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", classPath, Loader.class.getName()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String out = process.inputReader().lines().collect(Collectors.joining("\n"));
    assertEquals(0, process.waitFor());
    return out;
  }

  private static final String CLASS_PATH = System.getProperty("java.class.path");

  /** This class path without the library that it carries. */
  private String classPathWithoutLibrary() throws IOException {
    List<String> entries = new ArrayList<>();
    for (String entry : CLASS_PATH.split(":")) {
      Path path = Path.of(entry);
      entries.add(Files.isDirectory(path.resolve("META-INF/native")) ? copy(path) : entry);
    }
    return String.join(":", entries);
  }

  private String copy(Path classes) throws IOException {
    Path target = dir.resolve("classes");
    try (var files = Files.walk(classes)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
        Path to = target.resolve(classes.relativize(file).toString());
        Files.createDirectories(to.getParent());
        Files.copy(file, to);
      }
    }
    return target.toString();
  }

  private Path library() throws IOException {
    Path file = dir.resolve("liblwshm-jni.so");
    String resource =
        "/META-INF/native/linux-"
            + NativeLibrary.arch(System.getProperty("os.arch"))
            + "/liblwshm-jni.so";
    try (var in = NativeLibrary.class.getResourceAsStream(resource)) {
      Files.copy(in, file);
    }
    return file;
  }

  @Test
  void comesOutOfTheJarByItselfAndLeavesNoFile() throws Exception {
    String out = run(CLASS_PATH, "-Djava.io.tmpdir=" + dir);
    assertEquals("loaded, ABI version " + Layout.ABI_VERSION, out);
    try (var files = Files.list(dir)) {
      assertEquals(List.of(), files.filter(f -> f.toString().endsWith(".so")).toList());
    }
  }

  @Test
  void isTakenFromTheFileThatThePropertyNames() throws Exception {
    String out = run(classPathWithoutLibrary(), "-Dorg.lwshm.native=" + library());
    assertEquals("loaded, ABI version " + Layout.ABI_VERSION, out);
  }

  @Test
  void isTakenFromTheLibraryPathAtLast() throws Exception {
    library();
    String out = run(classPathWithoutLibrary(), "-Djava.library.path=" + dir);
    assertEquals("loaded, ABI version " + Layout.ABI_VERSION, out);
  }

  @Test
  void aFileThatThePropertyNamesHasNoSubstitute() throws Exception {
    String out = run(CLASS_PATH, "-Dorg.lwshm.native=" + dir.resolve("missing.so"));
    assertTrue(out.contains("missing.so"), out);
    assertTrue(out.contains("no such file"), out);
    assertTrue(out.endsWith("tried 1"), out);
    Path text = Files.writeString(dir.resolve("text.so"), "no library");
    assertTrue(run(CLASS_PATH, "-Dorg.lwshm.native=" + text).endsWith("tried 1"));
  }

  @Test
  void aFailureListsWhatWasTried() throws Exception {
    String out = run(classPathWithoutLibrary(), "-Djava.library.path=" + dir);
    assertTrue(out.contains(System.getProperty("os.name")), out);
    assertTrue(out.contains(System.getProperty("os.arch")), out);
    assertTrue(out.contains("META-INF/native/linux-"), out);
    assertTrue(out.contains("java.library.path=" + dir), out);
    assertTrue(out.endsWith("tried 2"), out);
  }

  @Test
  void architecturesHaveOneNameEach() {
    assertEquals("x86_64", NativeLibrary.arch("amd64"));
    assertEquals("aarch64", NativeLibrary.arch("aarch64"));
    assertEquals("riscv64", NativeLibrary.arch("riscv64"));
  }
}
