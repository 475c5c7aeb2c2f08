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
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.lwshm.LWLockTranche;
import org.lwshm.Segment;
import org.lwshm.SegmentBuilder;
import org.lwshm.benchmarks.Contestant.Host;
import org.lwshm.benchmarks.worker.LockWorker;

/**
 * A segment of its own with the contestants' tranches, and the workers in it. Nothing of it is left
 * when it is closed.
 */
final class Arena implements AutoCloseable {

  /** The usual number of backends in a segment. */
  static final int BACKENDS = 128;

  /** Room for the C worker's locks that are not lwshm's. */
  private static final long FOREIGN_LOCKS = 4 * 1024;

  private static final String LOCK_WORKER = "benchmarks/target/bin/lock_worker";

  private final Path dataDir;
  private final Segment segment;
  private final Deque<Worker> started = new ArrayDeque<>();
  private final Map<Host, List<Worker>> crowds = new EnumMap<>(Host.class);

  /** Makes the segment, with room for so many backends. */
  Arena(int backends) {
    try {
      dataDir = Files.createTempDirectory("lwshm-bench");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    SegmentBuilder builder = Segment.builder(dataDir).maxBackends(backends).spare(FOREIGN_LOCKS);
    Contestant.ofLwshm().forEach(contestant -> builder.tranche(contestant.key(), 1));
    segment = builder.create();
    Contestant.ofLwshm().forEach(c -> tranche(c).setSpins(c.spins().getAsInt()));
  }

  private LWLockTranche tranche(Contestant contestant) {
    return segment.tranche(contestant.key());
  }

  /** Has a lock of lwshm's begin to learn how to spin. */
  void learnAnew(Contestant contestant) {
    tranche(contestant).setSpins(LWLockTranche.SPINS_LEARNED);
  }

  /** How many turns a lock of lwshm's spins now. */
  double spins(Contestant contestant) {
    return tranche(contestant).statistics().spins();
  }

  /**
   * The first {@code count} workers of a host. Starts the missing ones; they last until the end.
   */
  List<Worker> workers(Host host, int count) {
    List<Worker> crowd = crowds.computeIfAbsent(host, h -> new ArrayList<>());
    while (crowd.size() < count) {
      crowd.add(
          switch (host) {
            case C -> startC();
            case JVM, JVM_THREADS -> startJava();
            case POSTGRES -> keep(Worker.startPsql());
          });
    }
    return crowd.subList(0, count);
  }

  /** Starts a process of lock_worker.c. */
  Worker startC() {
    return keep(Worker.start(List.of(LOCK_WORKER, dataDir.toString())));
  }

  /** Starts a JVM with {@link LockWorker}, on the JDK that runs this. */
  private Worker startJava() {
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

  private Worker keep(Worker worker) {
    started.push(worker);
    return worker;
  }

  @Override
  public void close() {
    started.forEach(Worker::close);
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
