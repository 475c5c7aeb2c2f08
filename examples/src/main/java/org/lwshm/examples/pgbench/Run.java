// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.lwshm.SegmentBuilder;
import org.lwshm.StopMode;
import org.lwshm.postmaster.ChildCommand;
import org.lwshm.postmaster.ChildOutput;
import org.lwshm.postmaster.CrashPolicy;
import org.lwshm.postmaster.Postmaster;
import org.lwshm.postmaster.PostmasterBuilder;

/**
 * One run of the demo: a postmaster, its children, and what befalls them.
 *
 * <p>It takes no lock and touches no money. What it writes in the segment is who is to be killed;
 * what it reads there, it prints.
 */
final class Run {

  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Duration FIRST_DELAY = Duration.ofMillis(10);
  private static final Duration LONGEST_DELAY = Duration.ofSeconds(1);

  private final Bank bank;
  private final Clients clients;
  private final DataDir dataDir;
  private final Trouble trouble = new Trouble();
  private final Witness witness;

  Run(Bank bank, Clients clients, DataDir dataDir) {
    this.bank = bank;
    this.clients = clients;
    this.dataDir = dataDir;
    witness = new Witness(bank, clients, dataDir.path(), trouble);
  }

  /** Runs the clients; returns whether all was well. */
  boolean run(Path cProgram, int seconds, int kills) throws IOException, InterruptedException {
    try (dataDir;
        Postmaster postmaster = builder(cProgram).start()) {
      stop(postmaster, work(postmaster, seconds, kills));
    }
    System.out.println("\n" + witness.lastWord());
    return witness.isContent();
  }

  /** All finish what they do and end by themselves; the auditor, last of all. */
  private void stop(Postmaster postmaster, boolean completed) throws InterruptedException {
    if (completed) {
      System.out.println("\nsmart stop");
      postmaster.stop(StopMode.SMART);
      if (!postmaster.await(PATIENCE)) {
        trouble.report("some do not end: " + postmaster.children());
      }
    }
    postmaster.stop(StopMode.FAST);
    int exitCode = postmaster.await();
    if (exitCode != Postmaster.EXIT_OK) {
      trouble.report("the postmaster ended with " + exitCode);
    } else if (!witness.hasTold()) {
      trouble.report("interrupted");
    }
  }

  private PostmasterBuilder builder(Path cProgram) {
    PostmasterBuilder builder =
        Postmaster.builder(dataDir.path())
            .register(bank)
            .segment(this::announce)
            .policy(CrashPolicy.RECOVER)
            .repairWith(Bank.class)
            // A new segment would have none of the money.
            .restartAfterCrash(false)
            .output(ChildOutput.to(System.out))
            .listener(witness)
            .handleSignals();
    if (clients.java() > 0) {
      builder.child(client(ChildCommand.java(Clients.JAVA, Client.class), clients.java()));
    }
    if (clients.c() > 0) {
      String first = Integer.toString(clients.java());
      builder.child(
          client(ChildCommand.program(Clients.C, cProgram.toString(), first), clients.c()));
    }
    return builder.child(ChildCommand.java(Witness.AUDITOR, Auditor.class));
  }

  /** Killed often, a client that lasts a second counts as healthy. */
  private static ChildCommand client(ChildCommand command, int count) {
    return command.withCount(count).withBackOff(FIRST_DELAY, LONGEST_DELAY, LONGEST_DELAY);
  }

  /** Nobody joins but the children: the clients, an auditor, a repairer. */
  private void announce(SegmentBuilder segment) {
    segment.maxBackends(1).maxChildren(clients.count() + 2);
    Report.section("The segment that will be made:", segment.size());
  }

  /** Returns whether it went on to its end, without trouble or a signal. */
  private boolean work(Postmaster postmaster, int seconds, int kills) throws InterruptedException {
    Course course = new Course(postmaster, trouble);
    Killer killer = new Killer(postmaster, bank, clients, course);
    try {
      if (course.await(this::allWork, "the clients did not get to work in time")) {
        Report report = new Report(bank, clients);
        if (letWork(course, report, killer, seconds, kills) && killer.awaitSuccessor()) {
          witness.finished(report, killer);
          return true;
        }
      }
    } catch (IllegalStateException e) {
      if (!postmaster.segment().isClosed()) {
        throw e;
      }
      // A signal has ended the postmaster, and there is nothing to read any more.
    }
    return false;
  }

  private boolean allWork() {
    for (int i = 0; i < clients.count(); i++) {
      if (bank.progress(i).transactions() == 0) {
        return false;
      }
    }
    return true;
  }

  /** Lets the clients work, and kills one now and then: in turn, at equal intervals. */
  private boolean letWork(Course course, Report report, Killer killer, int seconds, int kills)
      throws InterruptedException {
    System.out.println();
    long start = System.nanoTime();
    long interval = TimeUnit.SECONDS.toNanos(seconds) / (kills + 1);
    int killed = 0;
    for (int second = 1; second <= seconds; second++) {
      long end = start + TimeUnit.SECONDS.toNanos(second);
      while (killed < kills && start + (killed + 1) * interval <= end) {
        killed++;
        if (!course.awaitUntil(start + killed * interval)) {
          return false;
        }
        killer.strike();
      }
      if (!course.awaitUntil(end)) {
        return false;
      }
      report.progress(second);
    }
    return true;
  }
}
