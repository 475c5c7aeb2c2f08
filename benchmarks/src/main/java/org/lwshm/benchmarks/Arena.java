// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.lwshm.Segment;

/** A segment of its own, and the workers in it; nothing of it is left when it is closed. */
final class Arena implements AutoCloseable {

  /** Room for the C worker's locks that are not lwshm's. */
  private static final long FOREIGN_LOCKS = 4 * 1024;

  private static final String LOCK_WORKER = "benchmarks/target/bin/lock_worker";

  private final Path dataDir;
  private final Segment segment;
  private final Deque<Worker> workers = new ArrayDeque<>();

  Arena() {
    try {
      dataDir = Files.createTempDirectory("lwshm-bench");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    segment = Segment.builder(dataDir).tranche(LockKind.TRANCHE, 1).spare(FOREIGN_LOCKS).create();
  }

  /** Starts a process of lock_worker.c. */
  Worker startC() {
    return keep(Worker.start(List.of(LOCK_WORKER, dataDir.toString())));
  }

  /** Starts a JVM with {@link LockWorker}, on the JDK that runs this. */
  Worker startJava() {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    if (Runtime.version().feature() >= 22) {
      command.add("--enable-native-access=ALL-UNNAMED");
    }
    command.addAll(List.of("-XX:+UseSerialGC", "-Xmx64m", "-cp"));
    command.addAll(List.of(System.getProperty("java.class.path"), LockWorker.class.getName()));
    command.add(dataDir.toString());
    return keep(Worker.start(command));
  }

  /** Starts {@link Contest#MOST} of them. */
  List<Worker> startCrowd(Supplier<Worker> starter) {
    return Stream.generate(starter).limit(Contest.MOST).toList();
  }

  /** Lets the worker go when this is closed. */
  Worker keep(Worker worker) {
    workers.push(worker);
    return worker;
  }

  @Override
  public void close() {
    workers.forEach(Worker::close);
    segment.close();
    try (Stream<Path> files = Files.walk(dataDir)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
