// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.lwshm.benchmarks.report.Report;

/**
 * How long the others are hindered by a kill -9: until another process has the lock that the killed
 * one held exclusively, whether or not that one had much memory, which the kernel takes its time to
 * free; and until PostgreSQL takes a connection again after one of its backends was killed.
 */
final class Recovery {

  static final String LWSHM = "kill -9 until another has the lock, lwshm";
  static final String LARGE = "kill -9 until another has the lock, much memory resident";
  static final String POSTGRES = "kill -9 until a connection is taken again, PostgreSQL";

  private static final String UNIT = "ms";
  private static final long LONGEST_PAUSE_US = 20_000;
  private static final String LOCK = Contestant.LWSHM_C.key();

  private final Arena arena;
  private final Report report;

  Recovery(Arena arena, Report report) {
    this.arena = arena;
    this.report = report;
  }

  /** Beside a process that has so many GiB resident when it is killed. */
  void runLarge(int times, int gib) {
    for (int i = 0; i < times; i++) {
      report.samples(LWSHM, UNIT).add(recoverLwshm(0) / 1e6);
      report.samples(LARGE, UNIT).add(recoverLwshm(gib) / 1e6);
    }
  }

  void run(int times) {
    for (int i = 0; i < times; i++) {
      report.samples(LWSHM, UNIT).add(recoverLwshm(0) / 1e6);
      report.samples(POSTGRES, UNIT).add(recoverPostgres() / 1e6);
    }
  }

  /** The workers read the same clock as System.nanoTime(). */
  private long recoverLwshm(int gib) {
    Worker holder = arena.startC();
    Worker waiter = arena.startC();
    if (gib > 0) {
      holder.tell("fill " + gib);
      holder.await();
    }
    holder.tell("hold " + LOCK);
    holder.await();
    waiter.tell("take " + LOCK);
    waiter.await();
    pause();
    long killed = System.nanoTime();
    kill(holder.pid());
    long taken = Long.parseLong(waiter.await());
    holder.close();
    waiter.close();
    return taken - killed;
  }

  private long recoverPostgres() {
    // Their complaints about the kill are discarded.
    try (Worker victim = Worker.startPsql(ProcessBuilder.Redirect.DISCARD);
        Worker witness = Worker.startPsql(ProcessBuilder.Redirect.DISCARD)) {
      victim.tell("SELECT pg_backend_pid();");
      long pid = Long.parseLong(victim.await());
      long killed = System.nanoTime();
      kill(pid);
      // Until the postmaster has noticed, it would still take connections, to end them at once.
      witness.tell("SELECT pg_sleep(60);");
      witness.awaitEnd();
      while (!isTakingConnections()) {
        // Again: each try takes some milliseconds.
      }
      return System.nanoTime() - killed;
    }
  }

  private boolean isTakingConnections() {
    try {
      return new ProcessBuilder(List.of(Worker.psql(), "-qXAtc", "SELECT 1"))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void kill(long pid) {
    ProcessHandle process =
        ProcessHandle.of(pid)
            .orElseThrow(() -> new IllegalStateException("process " + pid + " has gone"));
    if (!process.destroyForcibly()) {
      throw new IllegalStateException("process " + pid + " could not be killed");
    }
  }

  /**
   * A wait of random length, so that the kill comes at any time between two looks of the waiter.
   */
  private static void pause() {
    try {
      TimeUnit.MICROSECONDS.sleep(ThreadLocalRandom.current().nextLong(LONGEST_PAUSE_US));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
