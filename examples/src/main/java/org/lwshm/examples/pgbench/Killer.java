// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.lwshm.BackendInfo;
import org.lwshm.LWLockStatistics;
import org.lwshm.Segment;

/** Kills client JVMs with -9, each in the middle of a transaction, and sees that others follow. */
final class Killer {

  private final Segment segment;
  private final Bank bank;
  private final Clients clients;
  private final Trouble trouble;
  private int kills;
  private int last;
  private long transactionsBefore;

  Killer(Segment segment, Bank bank, Clients clients, Trouble trouble) {
    this.segment = segment;
    this.bank = bank;
    this.clients = clients;
    this.trouble = trouble;
  }

  /**
   * Has a client halt half-way in a transaction, under all its locks, kills it there, and starts a
   * fresh one in its place.
   */
  void strike(int number) throws IOException, InterruptedException {
    ClientProcess victim = clients.list().get(number);
    bank.casualties().choose(number);
    if (!clients.await(victim.progress()::isHalted, victim + " did not come to its half-way")) {
      return;
    }
    String state = describe(victim, bank.intent(number));
    long transactions = victim.progress().transactions();
    if (clients.replace(number)) {
      System.out.println(state);
      transactionsBefore = transactions;
      last = number;
      kills++;
    }
  }

  private String describe(ClientProcess victim, Intent intent) {
    List<BackendInfo> backends = segment.backends();
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
  void awaitSuccessor() throws InterruptedException {
    if (kills > 0) {
      ClientProcess successor = clients.list().get(last);
      clients.await(() -> successorsTransactions() > 0, successor + " did not get to work");
    }
  }

  private long successorsTransactions() {
    return bank.progress(last).transactions() - transactionsBefore;
  }

  /** Says what came of it, once the clients have stopped. */
  void report() {
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
        "in its place:     %s, %,d transactions%n",
        clients.list().get(last), successorsTransactions());
    if (poisoned != (long) kills * Part.ALL.size() || repairs < poisoned) {
      trouble.report(
          String.format(
              "%d killed, but %d locks were left poisoned and %d repaired",
              kills, poisoned, repairs));
    }
  }
}
