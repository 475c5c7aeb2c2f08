// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** What the demo prints about a run. */
final class Report {

  private static final String ROW = "%-9s  %9s  %14s  %16s%n";
  private static final String RULE = "-".repeat(54);

  private final Bank bank;
  private final Clients clients;
  private final long start = System.nanoTime();
  private final long[] first;
  private long before = start;
  private long[] last;

  Report(Bank bank, Clients clients) {
    this.bank = bank;
    this.clients = clients;
    first = transactions();
    last = first;
  }

  private long[] transactions() {
    return IntStream.range(0, clients.count())
        .mapToLong(client -> bank.progress(client).transactions())
        .toArray();
  }

  static void section(String title, Object text) {
    System.out.printf("%n%s%n%n%s%n", title, text);
  }

  /** A line of progress: transactions per second of each client since the last line. */
  void progress(int second) {
    long now = System.nanoTime();
    double seconds = (now - before) / 1e9;
    long[] counts = transactions();
    StringBuilder line = new StringBuilder(String.format("%3d s", second));
    double sum = 0;
    for (int i = 0; i < counts.length; i++) {
      double tps = (counts[i] - last[i]) / seconds;
      sum += tps;
      line.append(String.format("   %s %,.0f", clients.name(i), tps));
    }
    System.out.printf("%s   all %,.0f tps   %,d audits%n", line, sum, bank.audits().count());
    before = now;
    last = counts;
  }

  /** The table of what each client has done since the report began. */
  void summary() {
    double seconds = (before - start) / 1e9;
    long[] counts = transactions();
    System.out.println();
    System.out.printf(ROW, "process", "pid", "transactions", "transactions/s");
    System.out.println(RULE);
    for (int i = 0; i < counts.length; i++) {
      row(clients.name(i), bank.progress(i).pid(), counts[i], (last[i] - first[i]) / seconds);
    }
    System.out.println(RULE);
    double tps = (LongStream.of(last).sum() - LongStream.of(first).sum()) / seconds;
    row("total", "", LongStream.of(counts).sum(), tps);
  }

  private static void row(String name, Object pid, long transactions, double tps) {
    String count = String.format("%,d", transactions);
    System.out.printf(ROW, name, pid, count, String.format("%,.0f", tps));
  }
}
