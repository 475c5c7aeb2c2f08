// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import static java.util.stream.Collectors.joining;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.lwshm.BackendInfo;
import org.lwshm.LWLockStatistics;
import org.lwshm.Segment;
import org.lwshm.postmaster.ChildInfo;
import org.lwshm.postmaster.Postmaster;

/** Kills clients with -9, each in the middle of a transaction. The postmaster sees to the rest. */
final class Killer {

  private final Postmaster postmaster;
  private final Bank bank;
  private final Clients clients;
  private final Course course;
  private int kills;
  private int last;
  private long transactionsBefore;

  Killer(Postmaster postmaster, Bank bank, Clients clients, Course course) {
    this.postmaster = postmaster;
    this.bank = bank;
    this.clients = clients;
    this.course = course;
  }

  /** Has a client halt half-way in a transaction, under all its locks, and kills it there. */
  void strike() throws InterruptedException {
    int number = clients.victim(kills);
    String name = clients.name(number);
    Progress progress = bank.progress(number);
    Casualties casualties = bank.casualties();
    if (!course.await(() -> atWork(number).isPresent(), name + " is not at work")) {
      return;
    }
    ChildInfo victim = atWork(number).orElseThrow();
    casualties.choose(number);
    if (course.await(
            () -> progress.isHalted(victim.pid()) || !casualties.isVictim(number),
            name + " came to no half-way")
        && casualties.isVictim(number)) { // unless somebody else was quicker
      kill(number, victim);
      course.await(() -> !casualties.isVictim(number), victim + " cannot be killed");
    }
  }

  private void kill(int number, ChildInfo victim) {
    System.out.println(describe(victim, bank.intent(number)));
    transactionsBefore = bank.progress(number).transactions();
    last = number;
    kills++;
    bank.casualties().noteKill();
    ProcessHandle.of(victim.pid()).ifPresent(ProcessHandle::destroyForcibly);
  }

  /** The child that works as a client, if one does. */
  private Optional<ChildInfo> atWork(int number) {
    return postmaster.children().stream()
        .filter(child -> clients.number(child) == number)
        .filter(child -> child.pid() == bank.progress(number).pid())
        .findAny();
  }

  private String describe(ChildInfo victim, Intent intent) {
    List<BackendInfo> backends = postmaster.segment().backends();
    int held =
        backends.stream()
            .filter(backend -> backend.pid() == victim.pid())
            .mapToInt(BackendInfo::heldLocks)
            .sum();
    long waiting = backends.stream().filter(backend -> backend.waitLock() != 0).count();
    return String.format(
        "kill -9: %s, half-way: %s changed, %s not; it holds %d locks; backends waiting: %d",
        victim,
        names(Part.ALL.stream().filter(intent::isChanged)),
        names(Part.ALL.stream().filter(part -> !intent.isChanged(part))),
        held,
        waiting);
  }

  private static String names(Stream<Part> parts) {
    return parts.map(part -> part.name().toLowerCase(Locale.ROOT)).collect(joining(" and "));
  }

  /** Waits until who took the last dead one's place is at work. */
  boolean awaitSuccessor() throws InterruptedException {
    return kills == 0
        || course.await(
            () -> successorsTransactions() > 0,
            "the successor of " + clients.name(last) + " did not get to work");
  }

  private long successorsTransactions() {
    return bank.progress(last).transactions() - transactionsBefore;
  }

  /** Says what came of it, once the clients have left. */
  void report(Segment segment, Trouble trouble) {
    if (kills == 0) {
      return;
    }
    LWLockStatistics[] all =
        Stream.of("accounts", "tellers", "branches", "history")
            .map(name -> segment.tranche(name).statistics())
            .toArray(LWLockStatistics[]::new);
    long recovered = Stream.of(all).mapToLong(LWLockStatistics::recoveries).sum();
    long poisoned = Stream.of(all).mapToLong(LWLockStatistics::poisonings).sum();
    int repairs = bank.casualties().repairs();
    System.out.printf(
        "%nkilled with -9:   %d in the middle of a transaction; %d locks recovered, %d repaired%n",
        kills, recovered, repairs);
    System.out.printf(
        "the others:       waited for them %.3f ms at most, counted from the kill%n",
        bank.casualties().longestWait().toNanos() / 1e6);
    System.out.printf(
        "in its place:     %s (pid %d), %,d transactions%n",
        clients.name(last), bank.progress(last).pid(), successorsTransactions());
    // More, if somebody else kills, too.
    if (poisoned < (long) kills * Part.ALL.size() || repairs < poisoned) {
      trouble.report(
          String.format(
              "%d killed, but %d locks were left poisoned and %d repaired",
              kills, poisoned, repairs));
    }
  }
}
