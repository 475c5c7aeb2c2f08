// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.lwshm.Backend;
import org.lwshm.ExitCallbacks;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;
import org.lwshm.SegmentBuilder;
import org.lwshm.SegmentBusyException;
import org.lwshm.SegmentNotFoundException;

/**
 * One run of the demo, from the size of the segment to the line that says how it went.
 *
 * <p>Whatever happens once there is a segment, it ends by way of the exit callbacks; so they stop
 * the clients, clean up, and have the last word, also on a signal.
 */
final class Run {

  private final Bank bank;
  private final DataDir dataDir;
  private final Trouble trouble = new Trouble();
  private final Clients clients;

  private volatile boolean interrupted = true;
  private volatile boolean gone;
  private volatile long transactions;

  Run(Bank bank, DataDir dataDir) {
    this.bank = bank;
    this.dataDir = dataDir;
    clients = new Clients(bank, dataDir.path(), trouble);
  }

  /** Runs the clients; returns whether all was well. */
  boolean run(int javaClients, int cClients, Path cProgram, int seconds, int kills)
      throws InterruptedException {
    SegmentBuilder builder = Segment.builder(dataDir.path());
    // An auditor holds all locks at once.
    builder.register(bank);
    Report.section("The segment that will be made:", builder.size());

    try (Segment segment = builder.create()) {
      System.out.printf("%nmade: %s, key %#x%n", segment, segment.key());
      try {
        Auditor auditor = new Auditor(segment, bank, trouble);
        registerCallbacks(segment, auditor);
        clients.start(javaClients, cClients, cProgram);
        work(segment, auditor, seconds, javaClients, kills);
      } catch (IOException | RuntimeException e) {
        trouble.report(e.toString());
      }
      interrupted = false;
    } catch (SegmentBusyException e) {
      // A lock was never released, and the auditor waits for it. The process's exit fences it off.
      trouble.report(e.getMessage());
      System.exit(1);
    }
    return gone && trouble.first().isEmpty();
  }

  /** Lets the clients work, and kills one now and then: in turn, at equal intervals. */
  private void work(Segment segment, Auditor auditor, int seconds, int javaClients, int kills)
      throws IOException, InterruptedException {
    clients.release();
    Report report = new Report(clients);
    Killer killer = new Killer(segment, bank, clients, trouble);
    auditor.start();
    System.out.println();
    long start = System.nanoTime();
    long before = start;
    long interval = TimeUnit.SECONDS.toNanos(seconds) / (kills + 1);
    int killed = 0;
    for (int second = 1; second <= seconds; second++) {
      long end = start + TimeUnit.SECONDS.toNanos(second);
      while (killed < kills && start + (killed + 1) * interval <= end) {
        killed++;
        if (trouble.awaitUntil(start + killed * interval)) {
          return;
        }
        killer.strike(killed % javaClients);
      }
      if (trouble.awaitUntil(end)) {
        return;
      }
      long now = System.nanoTime();
      report.progress(second, (now - before) / 1e9, auditor.audits());
      before = now;
    }
    killer.awaitSuccessor();
    clients.stop();
    auditor.stop();
    if (trouble.first().isEmpty()) {
      report.summary((before - start) / 1e9);
      Report.section("What is allocated:", segment.shmemIndex());
      check(segment, auditor.audits());
      killer.report();
    }
  }

  /** The last audit, when nobody works any more: the books agree with what the clients counted. */
  private void check(Segment segment, int audits) {
    Sums sums;
    try (Backend me = segment.join()) {
      sums = bank.audit(me);
    }
    transactions = clients.total();
    System.out.printf("%naudits while the clients ran: %,d%n", audits);
    System.out.printf("the final audit:  %s%n", sums);
    System.out.printf(
        "the clients say:  moved %,d in %,d transactions; history has %,d%n",
        clients.moved(), transactions, sums.appended());
    if (!sums.agree()) {
      trouble.report("the final audit found different sums: " + sums);
    } else if (sums.appended() != transactions || sums.accounts() != clients.moved()) {
      trouble.report("the books are not what the clients counted");
    }
  }

  /** Last in, first out: read each list from its end. */
  private void registerCallbacks(Segment segment, Auditor auditor) {
    ExitCallbacks exit = segment.exitCallbacks();

    dataDir.takeOver();
    exit.onProcExit(this::haveTheLastWord);
    exit.onProcExit(this::removeDataDir);
    exit.onProcExit(() -> say("on_proc_exit", findGone(segment)));

    // lwshm itself has registered two before these: delete first, so that detach runs first.
    exit.onShmemExit(() -> say("on_shmem_exit", "lwshm's own come next: detach, then delete"));
    exit.onShmemExit(
        () -> say("on_shmem_exit", "still attached; backends left: " + segment.backends().size()));

    exit.beforeShmemExit(
        () -> say("before_shmem_exit", auditor.stop() ? "auditor ended" : "auditor hangs"));
    exit.beforeShmemExit(
        () -> {
          clients.stop();
          say("before_shmem_exit", "clients ended");
        });
    exit.beforeShmemExit(
        () -> {
          if (interrupted) {
            trouble.report("interrupted");
          }
          System.out.println();
          say("before_shmem_exit", "locks still work: " + tryLock(segment));
        });
  }

  private static void say(String list, String what) {
    System.out.printf("exit: %-17s  %s%n", list, what);
  }

  private static String tryLock(Segment segment) {
    try (Backend me = segment.join()) {
      return segment.tranche("history").lock(0).tryAcquire(me, LWLockMode.SHARED)
          ? "took history[0]"
          : "history[0] is taken";
    }
  }

  private String findGone(Segment segment) {
    try {
      Segment.attach(dataDir.path()).close();
      trouble.report("the segment is still there");
      return "the segment is still there";
    } catch (SegmentNotFoundException e) {
      gone = segment.isClosed();
      return "detached, and nobody can attach: " + e.getMessage();
    }
  }

  private void removeDataDir() throws IOException {
    if (dataDir.isTemporary()) {
      dataDir.remove();
      say("on_proc_exit", "data directory removed");
    }
  }

  private void haveTheLastWord() {
    String removed = gone ? "segment removed" : "segment NOT removed";
    System.out.printf(
        "%ndemo: %s, %s%n",
        trouble.first().orElseGet(() -> String.format("consistent, %d transactions", transactions)),
        removed);
  }
}
