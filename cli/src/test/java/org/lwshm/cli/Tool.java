// SPDX-License-Identifier: Apache-2.0

package org.lwshm.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * bin/lwshm and a data directory, for one test. What it starts ends with it, and with the test's
 * JVM, too.
 */
final class Tool implements AutoCloseable {

  /** What a command that has ended said, and its exit code. */
  record Result(int exitCode, String out, String err) {}

  private static final String COMMAND = System.getProperty("lwshm.cli.command");

  private final Path directory;
  private final List<Started> started = new ArrayList<>();

  Tool() throws IOException {
    directory = Files.createTempDirectory("lwshm-cli");
    Files.createDirectory(dataDir());
  }

  Path dataDir() {
    return directory.resolve("data");
  }

  Path directory() {
    return directory;
  }

  /** Runs a command to its end. */
  Result lwshm(String... args) throws IOException, InterruptedException {
    return start(args).result();
  }

  /** Starts a pool in the data directory; args are those after --data-dir. */
  Started pool(String... args) throws IOException {
    List<String> all = new ArrayList<>(List.of("run", "--data-dir", dataDir().toString()));
    all.addAll(List.of(args));
    return start(all.toArray(String[]::new));
  }

  Started start(String... args) throws IOException {
    return start(List.of(), args);
  }

  /** The same, with options of setpriv that take something from it. */
  Started start(List<String> privileges, String... args) throws IOException {
    List<String> command = new ArrayList<>(privileges);
    command.add(COMMAND);
    command.addAll(List.of(args));
    return start(command);
  }

  /**
   * Runs a shell script, in which no character is lost in any locale. Its arguments are the command
   * and the data directory.
   */
  Started script(String text) throws IOException {
    Path script = Files.writeString(directory.resolve("script" + started.size()), text);
    return start(List.of("sh", script.toString(), COMMAND, dataDir().toString()));
  }

  private Started start(List<String> what) throws IOException {
    // Should this JVM be killed, a pool stops at once.
    List<String> command = new ArrayList<>(List.of("setpriv", "--pdeathsig", "USR1"));
    command.addAll(what);
    Path out = directory.resolve("out" + started.size());
    Path err = directory.resolve("err" + started.size());
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    Started it = new Started(process, out, err);
    started.add(it);
    return it;
  }

  @Override
  public void close() throws IOException {
    for (Started it : started) {
      try {
        it.end();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** A command that was started. */
  static final class Started {

    private static final long PATIENCE_S = 20;

    private final Process process;
    private final Path out;
    private final Path err;

    private Started(Process process, Path out, Path err) {
      this.process = process;
      this.out = out;
      this.err = err;
    }

    long pid() {
      return process.pid();
    }

    String out() {
      return read(out);
    }

    String err() {
      return read(err);
    }

    private static String read(Path file) {
      try {
        return Files.readString(file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Returns when a fact holds; fails if the command ends before. */
    Started until(BooleanSupplier fact) throws InterruptedException {
      while (!fact.getAsBoolean()) {
        if (!process.isAlive() && !fact.getAsBoolean()) {
          throw new AssertionError("ended, " + process.exitValue() + ": " + out() + err());
        }
        Thread.sleep(5);
      }
      return this;
    }

    /** Returns when it has so many children that run a program of that name. */
    Started untilRuns(int count, String program) throws InterruptedException {
      return until(() -> err().contains("ready") && running(program).size() == count);
    }

    /** Its children that run a program of that name. */
    List<Long> running(String program) {
      return process
          .children()
          .filter(child -> child.info().command().orElse("").endsWith("/" + program))
          .map(ProcessHandle::pid)
          .sorted()
          .toList();
    }

    Started signal(String name) throws IOException, InterruptedException {
      kill(name, pid());
      return this;
    }

    static void kill(String signal, long pid) throws IOException, InterruptedException {
      new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).inheritIO().start().waitFor();
    }

    int exitCode() throws InterruptedException {
      return process.waitFor();
    }

    Result result() throws InterruptedException {
      int exitCode = exitCode();
      return new Result(exitCode, out(), err());
    }

    private void end() throws IOException, InterruptedException {
      if (!process.isAlive()) {
        return;
      }
      signal("USR1");
      if (!process.waitFor(PATIENCE_S, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
      }
    }
  }
}
