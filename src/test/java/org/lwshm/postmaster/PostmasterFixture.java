// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.lwshm.Await;
import org.lwshm.Segment;
import org.lwshm.testing.Children;
import org.lwshm.testing.SysvSegment;

/**
 * A data directory for a postmaster of this process, workers for it, and a file in which everybody
 * writes down what he does. Closing ends what is left, and fails if something is.
 */
final class PostmasterFixture implements AutoCloseable, PostmasterListener {

  private static final String WORKER = "postmaster/worker_program";

  /** What happened to a child. */
  record Ended(ChildInfo child, ChildEnd end) {}

  final Path dataDir;
  final Path log;
  final List<ChildInfo> started = new CopyOnWriteArrayList<>();
  final List<Ended> ended = new CopyOnWriteArrayList<>();
  final List<String> restarts = new CopyOnWriteArrayList<>();
  final List<Integer> repairs = new CopyOnWriteArrayList<>();
  final List<Segment> segments = new CopyOnWriteArrayList<>();
  final List<String> output = new CopyOnWriteArrayList<>();
  private final Path directory;
  private final List<Postmaster> postmasters = new ArrayList<>();

  PostmasterFixture() {
    try {
      directory = Files.createTempDirectory("lwshm-postmaster");
      dataDir = Files.createDirectory(directory.resolve("data"));
      log = Files.createFile(directory.resolve("log"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A worker that behaves so; see {@code worker_program.c}. */
  ChildCommand worker(String behaviour) {
    return ChildCommand.program(
        behaviour, Children.executable(WORKER).toString(), behaviour, log.toString());
  }

  /** A builder with the workers' subsystem, that tells this what happens. */
  PostmasterBuilder builder() {
    return Postmaster.builder(dataDir)
        .register(new Pair())
        .stopTimeout(Duration.ofSeconds(20))
        .output((child, line) -> output.add(child.name() + ": " + line))
        .listener(this);
  }

  Postmaster start(PostmasterBuilder builder) {
    Postmaster postmaster = builder.start();
    postmasters.add(postmaster);
    return postmaster;
  }

  @Override
  public void segmentReady(Segment segment) {
    segments.add(segment);
    segment.exitCallbacks().beforeShmemExit(() -> note("before_shmem_exit"));
    segment.exitCallbacks().onShmemExit(() -> note("on_shmem_exit"));
    segment
        .exitCallbacks()
        .onProcExit(
            () ->
                note(
                    Files.exists(dataDir.resolve(LockFile.NAME))
                        ? "on_proc_exit, lock file there"
                        : "on_proc_exit"));
  }

  @Override
  public void childStarted(ChildInfo child) {
    started.add(child);
  }

  @Override
  public void childEnded(ChildInfo child, ChildEnd end) {
    ended.add(new Ended(child, end));
  }

  @Override
  public void restartingAll(String reason) {
    restarts.add(reason);
  }

  @Override
  public void repaired(int locks) {
    repairs.add(locks);
  }

  private void note(String step) throws IOException {
    new StepLog(log).note(step);
  }

  /** The steps that a process has written down. */
  List<String> steps(long pid) {
    return new StepLog(log).steps(pid);
  }

  /** All that was written down. */
  List<String> lines() {
    return new StepLog(log).lines();
  }

  /** Waits until a process has written a step down. */
  void awaitStep(long pid, String step) throws InterruptedException {
    Await.until(() -> steps(pid).contains(step));
  }

  /** Waits until so many of the running children have joined. */
  List<ChildInfo> awaitJoined(Postmaster postmaster, int count) throws InterruptedException {
    Await.until(
        () ->
            postmaster.children().stream().filter(c -> steps(c.pid()).contains("joined")).count()
                == count);
    return postmaster.children();
  }

  /** Waits until the workers have counted on, after now. */
  void awaitCounting(Postmaster postmaster) throws InterruptedException {
    Segment segment = postmaster.segment();
    long before = Pair.count(segment);
    Await.until(() -> Pair.count(segment) > before + 3);
  }

  /** What is left in the data directory, but for the members file, which stays. */
  List<String> files() {
    try (Stream<Path> files = Files.list(dataDir)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.equals("lwshm.members"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void kill(ChildInfo child, String signal) {
    kill(child.pid(), signal);
  }

  static void kill(long pid, String signal) {
    try {
      new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).inheritIO().start().waitFor();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() throws IOException {
    postmasters.forEach(Postmaster::close);
    List<String> files = files();
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(path);
      }
    }
    List<SysvSegment> left =
        SysvSegment.all().stream()
            .filter(s -> s.creatorPid() == ProcessHandle.current().pid() && s.key() != 0)
            .filter(s -> segments.stream().anyMatch(made -> made.id() == s.shmid()))
            .toList();
    if (!left.isEmpty() || files.stream().anyMatch(name -> name.startsWith("lwshm."))) {
      throw new AssertionError("left: " + left + ", files " + files);
    }
  }
}
