// SPDX-License-Identifier: Apache-2.0

package org.lwshm.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.LwshmException;
import org.lwshm.OwnerDiedException;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;

/**
 * Kills everybody of {@code lwshm run --keep-data} at once, in the middle of work, again and again.
 * Each next start must adopt the data, and the audit must find the two words of the struct equal
 * under the lock, and as great as at the last audit.
 *
 * <p>Arguments: an empty directory, the lwshm command, worker program, times, seed (0: any). The
 * last line is "keep-data chaos: N kills, R starts refused, T torn, L lost".
 */
public final class KeepDataChaos {

  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(60);
  private static final int CHILDREN = 3;

  private final Path dataDir;
  private final Path log;
  private final Path errors;
  private final List<String> command;
  private final String program;
  private final Random random;
  private int kills;
  private int refused;
  private int torn;
  private int lost;
  private long lastValue;

  private KeepDataChaos(String[] args) throws IOException {
    Path directory = Path.of(args[0]);
    dataDir = Files.createDirectory(directory.resolve("data"));
    log = Files.createFile(directory.resolve("log"));
    errors = directory.resolve("err");
    program = args[2];
    Path config =
        Files.writeString(
            directory.resolve("config"),
            """
            struct.pair = 16
            tranche.pair = 1
            backends = %d
            repairer = %s repair %s
            """
                .formatted(CHILDREN, program, log));
    command =
        List.of(
            // Should this JVM be killed, the pool stops at once.
            "setpriv --pdeathsig USR1 -- %s run --data-dir %s --config %s --keep-data -- %s works %s"
                .formatted(args[1], dataDir, config, program, log)
                .split(" "));
    long seed = Long.parseLong(args[4]) != 0 ? Long.parseLong(args[4]) : System.nanoTime();
    random = new Random(seed);
    System.out.println("seed " + seed);
  }

  /**
   * Kills.
   *
   * @param args as above
   * @throws IOException if a process cannot be started
   * @throws InterruptedException never
   */
  public static void main(String[] args) throws IOException, InterruptedException {
    KeepDataChaos chaos = new KeepDataChaos(args);
    int times = Integer.parseInt(args[3]);
    for (int i = 0; i < times && chaos.refused == 0; i++) {
      chaos.round(i == 0);
    }
    chaos.lastStop();
    chaos.torn += (int) chaos.logLines().filter(line -> line.endsWith(" torn")).count();
    System.out.printf(
        "keep-data chaos: %d kills, %d starts refused, %d torn, %d lost%n",
        chaos.kills, chaos.refused, chaos.torn, chaos.lost);
    System.exit(chaos.refused + chaos.torn + chaos.lost == 0 ? 0 : 1);
  }

  private void round(boolean isFirst) throws IOException, InterruptedException {
    Process pool = start();
    if (isReady(pool, isFirst)) {
      audit();
      if (random.nextInt(3) == 0) {
        // One of them dies inside the lock before.
        signal("USR1", List.of(pool.descendants().findFirst().orElseThrow()));
        kills++;
      }
      TimeUnit.NANOSECONDS.sleep((long) (random.nextDouble() * TimeUnit.MILLISECONDS.toNanos(30)));
    }
    killAll(pool);
  }

  private Process start() throws IOException {
    Files.write(log, new byte[0]);
    return new ProcessBuilder(command)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(errors.toFile())
        .start();
  }

  /** Waits until all children work; false if that does not come, or if the data were not kept. */
  private boolean isReady(Process pool, boolean isFirst) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE_NS;
    while (logLines().filter(line -> line.endsWith(" joined")).count() < CHILDREN) {
      if (!pool.isAlive() || System.nanoTime() - deadline > 0) {
        return refuse("does not start");
      }
      Thread.sleep(1);
    }
    boolean kept = Files.readString(errors).contains("with the data of an earlier life");
    return kept != isFirst || refuse(isFirst ? "has data at first" : "has not kept the data");
  }

  private boolean refuse(String why) throws IOException {
    System.out.println(why + ": " + Files.readString(errors));
    refused++;
    return false;
  }

  private Stream<String> logLines() throws IOException {
    return Arrays.stream(Files.readString(log).split("\n"));
  }

  /** Looks at the data beside those that work. */
  private void audit() throws InterruptedException {
    try (Segment segment = Segment.attach(dataDir)) {
      SharedStruct pair = segment.struct("pair");
      LWLock lock = segment.tranche("pair").lock(0);
      acquireRepaired(lock);
      long first = pair.getLong(0);
      long second = pair.getLong(Long.BYTES);
      lock.release();
      torn += first == second ? 0 : 1;
      lost += first < lastValue ? 1 : 0;
      lastValue = first;
      if (segment.generation() != 1) {
        System.out.println("generation " + segment.generation());
        lost++;
      }
    } catch (LwshmException e) {
      System.out.println("no audit: " + e);
      refused++;
    }
  }

  /** What was poisoned is repaired by the pool's repairer. */
  private static void acquireRepaired(LWLock lock) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE_NS;
    while (true) {
      try {
        lock.acquire(LWLockMode.SHARED);
        return;
      } catch (OwnerDiedException e) {
        if (System.nanoTime() - deadline > 0) {
          throw e;
        }
        Thread.sleep(1);
      }
    }
  }

  /** All stop, so that nobody sees another die and leaves in order; then all are killed. */
  private void killAll(Process pool) throws IOException, InterruptedException {
    signal("STOP", List.of(pool.toHandle()));
    List<ProcessHandle> all = new ArrayList<>(pool.descendants().toList());
    all.add(pool.toHandle());
    signal("STOP", all);
    signal("KILL", all);
    kills += all.size();
    pool.waitFor();
  }

  private static void signal(String signal, List<ProcessHandle> processes)
      throws IOException, InterruptedException {
    List<String> kill = new ArrayList<>(List.of("kill", "-" + signal));
    processes.forEach(process -> kill.add(Long.toString(process.pid())));
    new ProcessBuilder(kill).redirectError(ProcessBuilder.Redirect.DISCARD).start().waitFor();
  }

  private void lastStop() throws IOException, InterruptedException {
    Process pool = start();
    if (isReady(pool, false)) {
      audit();
      pool.destroy();
      if (!pool.waitFor(PATIENCE_NS, TimeUnit.NANOSECONDS) || pool.exitValue() != 0) {
        refuse("the last stop did not succeed");
      }
    }
    pool.descendants().forEach(ProcessHandle::destroyForcibly);
    pool.destroyForcibly().waitFor();
  }
}
