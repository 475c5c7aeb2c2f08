// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The processes that a test starts: JVMs with this one's class path and JDK, and C programs from
 * {@code src/test/c}. They die with the test: {@link #close()} kills them, and what they run ends
 * when its stdin does, so that none outlives a test JVM that was killed.
 *
 * <p>Closing also fails the test if a JVM crashed, or if a segment that one of them made is left.
 */
public final class Children implements AutoCloseable {

  /** For a short life: what takes a JVM long to start, or many threads, is left out. */
  private static final List<String> FAST_START =
      List.of(
          "-Xshare:auto",
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-Xmx128m",
          // Its file in /tmp goes by the pid, which containers share.
          "-XX:-UsePerfData");

  private final Path directory;
  private final List<Child> children = new ArrayList<>();

  public Children() {
    try {
      directory = Files.createTempDirectory("lwshm-children");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Starts a main class of the tests in a JVM of its own. */
  public Child jvm(Class<?> main, String... args) {
    return jvm(FAST_START, main, args);
  }

  /** The same, with JVM options of the test's choice. */
  public Child jvm(List<String> options, Class<?> main, String... args) {
    return start(main.getSimpleName(), jvmCommand(options, main, args));
  }

  /** Starts a {@link Member} in Java. */
  public Child javaMember() {
    return jvm(Member.class);
  }

  /** Starts a {@link Member} in C. */
  public Child cMember() {
    return program(Member.C_PROGRAM);
  }

  /** Starts a {@link Member} in "java" or in "c". */
  public Child member(String language) {
    return language.equals("java") ? javaMember() : cMember();
  }

  /** Starts {@code src/test/c/<name>.c}. */
  public Child program(String name, String... args) {
    return start(name, concat(List.of(executable(name).toString()), List.of(args)));
  }

  /** The command that runs a main class, for those who put something in front of it. */
  public List<String> jvmCommand(Class<?> main, String... args) {
    return jvmCommand(FAST_START, main, args);
  }

  private List<String> jvmCommand(List<String> options, Class<?> main, String... args) {
    List<String> command = new ArrayList<>();
    command.add(java().toString());
    command.add("-XX:ErrorFile=" + directory.resolve("hs_err_%p.log"));
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(args));
    return command;
  }

  /** Starts any command. {@code name} is what failures call it. */
  public Child start(String name, List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
    try {
      Child child = new Child(name + "-" + (children.size() + 1), builder.start(), this);
      children.add(child);
      return child;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** The java of the JDK that runs the tests. */
  public static Path java() {
    return Path.of(System.getProperty("java.home"), "bin", "java");
  }

  /** The executable of {@code src/test/c/<name>.c}. */
  public static Path executable(String name) {
    return Path.of(System.getProperty("lwshm.test.programs"), name).toAbsolutePath();
  }

  /** One list behind the other. */
  public static List<String> concat(List<String> first, List<String> second) {
    return Stream.concat(first.stream(), second.stream()).toList();
  }

  /**
   * Returns when {@code fact} holds, however long that takes; fails if a child ends meanwhile that
   * nobody told to.
   */
  public void awaitUntil(BooleanSupplier fact) throws InterruptedException {
    while (!fact.getAsBoolean()) {
      requireAllWell();
      Thread.sleep(1);
    }
  }

  void requireAllWell() {
    children.forEach(Child::requireWell);
  }

  @Override
  public void close() {
    try {
      end();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static List<SysvSegment> unattachedOf(Set<Long> creators) {
    return SysvSegment.all().stream()
        .filter(s -> s.attached() == 0 && creators.contains((long) s.creatorPid()))
        .toList();
  }

  private void end() throws IOException, InterruptedException {
    long self = ProcessHandle.current().pid();
    List<SysvSegment> left = new ArrayList<>(unattachedOf(Set.of(self)));
    for (Child child : children) {
      child.kill();
    }
    String crashes = crashes();
    removeDirectory();
    // A segment of ours that they were the last in is one that the killed leave: no fault.
    for (SysvSegment segment : unattachedOf(Set.of(self))) {
      segment.remove();
    }
    left.addAll(unattachedOf(children.stream().map(Child::pid).collect(Collectors.toSet())));
    for (SysvSegment segment : left) {
      segment.remove();
    }
    if (!crashes.isEmpty()) {
      throw new AssertionError("a JVM crashed:\n" + crashes);
    }
    if (!left.isEmpty()) {
      throw new AssertionError("segments of dead children are left: " + left);
    }
  }

  private String crashes() throws IOException {
    StringBuilder text = new StringBuilder();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".log")).toList()) {
        Files.readAllLines(file).stream().limit(80).forEach(line -> text.append(line).append('\n'));
      }
    }
    return text.toString();
  }

  private void removeDirectory() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
