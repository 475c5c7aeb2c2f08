// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.nio.file.Path;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;
import org.lwshm.ExitCallbacks;
import org.lwshm.Segment;
import org.lwshm.SegmentNotFoundException;
import org.lwshm.postmaster.ChildEnd;
import org.lwshm.postmaster.ChildInfo;
import org.lwshm.postmaster.PostmasterListener;

/** Tells what the postmaster does, and, in its segment's exit callbacks, how the run ended. */
final class Witness implements PostmasterListener {

  static final String AUDITOR = "auditor";

  private static final int FAILED = 1;

  private final Bank bank;
  private final Clients clients;
  private final Path dataDir;
  private final Trouble trouble;
  private volatile Report report;
  private volatile Killer killer;
  private volatile boolean gone;
  private volatile boolean told;
  private volatile long transactions;

  Witness(Bank bank, Clients clients, Path dataDir, Trouble trouble) {
    this.bank = bank;
    this.clients = clients;
    this.dataDir = dataDir;
    this.trouble = trouble;
  }

  /** The clients have worked as long as they should: so this is what the exit is to tell. */
  void finished(Report ofAll, Killer ofThem) {
    killer = ofThem;
    report = ofAll;
  }

  /** Whether the exit has told how it went; if not, it was cut short. */
  boolean hasTold() {
    return told;
  }

  /** The line that the demo ends with. */
  String lastWord() {
    String how =
        trouble.first().orElseGet(() -> String.format("consistent, %d transactions", transactions));
    return "demo: " + how + ", " + (gone ? "segment removed" : "segment NOT removed");
  }

  /** Whether all was well, and nothing is left. */
  boolean isContent() {
    return gone && trouble.first().isEmpty();
  }

  // ---- while it runs ----

  @Override
  public void segmentReady(Segment segment) {
    System.out.printf(
        "%npostmaster: pid %d, made %s, key %#x%n",
        ProcessHandle.current().pid(), segment, segment.key());
    registerCallbacks(segment);
  }

  @Override
  public void childStarted(ChildInfo child) {
    String again = child.launches() == 1 ? "" : ", start " + child.launches() + " in this place";
    System.out.println("started: " + child + again);
  }

  @Override
  public void childEnded(ChildInfo child, ChildEnd end) {
    System.out.println("ended: " + child + " " + end);
    int client = clients.number(child);
    if (client >= 0 && bank.casualties().isVictim(client)) {
      // Before there is a successor, whom nobody means.
      bank.casualties().chooseNobody();
    }
    if (end.exitCode() == FAILED) {
      trouble.report(child + " failed; see above what it said");
    } else if (child.name().equals(AUDITOR) && end.isSuccess()) {
      judge(bank.audits());
    }
  }

  private void judge(Audits audits) {
    if (audits.count() > 0 && !audits.sums().agree()) {
      String which = audits.isFinal() ? "the final audit" : "audit " + audits.count();
      trouble.report(which + " found different sums: " + audits.sums());
    }
  }

  @Override
  public void repaired(int locks) {
    System.out.println("repaired: what " + locks + " locks guard, which were left poisoned");
  }

  // ---- the exit ----

  /** Last in, first out: read each list from its end. */
  private void registerCallbacks(Segment segment) {
    ExitCallbacks exit = segment.exitCallbacks();

    exit.onProcExit(() -> say("on_proc_exit", findGone(segment)));

    // lwshm itself has registered two before these: delete first, so that detach runs first.
    exit.onShmemExit(() -> say("on_shmem_exit", "lwshm's own come next: detach, then delete"));
    exit.onShmemExit(() -> say("on_shmem_exit", "still attached"));

    exit.beforeShmemExit(
        () ->
            say(
                "before_shmem_exit",
                "the children have left; backends left: " + segment.backends().size()));
    exit.beforeShmemExit(() -> tell(segment));
  }

  private static void say(String list, String what) {
    System.out.printf("exit: %-17s  %s%n", list, what);
  }

  /** How it went, if it was not cut short. */
  private void tell(Segment segment) {
    if (report != null && trouble.first().isEmpty()) {
      report.summary();
      Report.section("What is allocated:", segment.shmemIndex());
      check(bank.audits());
      killer.report(segment, trouble);
      told = true;
    }
    System.out.println();
  }

  /** The books agree with what the clients counted. */
  private void check(Audits audits) {
    if (!audits.isFinal()) {
      trouble.report("there was no final audit");
      return;
    }
    Sums sums = audits.sums();
    transactions = sum(client -> bank.progress(client).transactions());
    long moved = sum(client -> bank.progress(client).moved());
    System.out.printf("%naudits while the clients ran: %,d%n", audits.count() - 1);
    System.out.printf("the final audit:  %s%n", sums);
    System.out.printf(
        "the clients say:  moved %,d in %,d transactions; history has %,d%n",
        moved, transactions, sums.appended());
    if (sums.appended() != transactions || sums.accounts() != moved) {
      trouble.report("the books are not what the clients counted");
    }
  }

  private long sum(IntToLongFunction ofClient) {
    return IntStream.range(0, clients.count()).mapToLong(ofClient).sum();
  }

  private String findGone(Segment segment) {
    try {
      Segment.attach(dataDir).close();
      return "the segment is still there";
    } catch (SegmentNotFoundException e) {
      gone = segment.isClosed();
      return "detached, and nobody can attach: " + e.getMessage();
    }
  }
}
