// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.util.List;

/** What the demo prints about a run. */
final class Report {

  private static final String ROW = "%-9s  %9s  %14s  %16s%n";
  private static final String RULE = "-".repeat(54);

  private final Clients clients;
  private long[] last;

  Report(Clients clients) {
    this.clients = clients;
    last = clients.transactions();
  }

  static void section(String title, Object text) {
    System.out.printf("%n%s%n%n%s%n", title, text);
  }

  /** A line of progress: transactions per second of each client since the last line. */
  void progress(int second, double seconds, int audits) {
    long[] now = clients.transactions();
    List<ClientProcess> list = clients.list();
    StringBuilder line = new StringBuilder(String.format("%3d s", second));
    double sum = 0;
    for (int i = 0; i < now.length; i++) {
      double tps = (now[i] - last[i]) / seconds;
      sum += tps;
      line.append(String.format("   %s %,.0f", list.get(i).name(), tps));
    }
    System.out.printf("%s   all %,.0f tps   %,d audits%n", line, sum, audits);
    last = now;
  }

  /** The table of what each process did in the whole run. */
  void summary(double seconds) {
    System.out.println();
    System.out.printf(ROW, "process", "pid", "transactions", "transactions/s");
    System.out.println(RULE);
    for (ClientProcess client : clients.list()) {
      row(client.name(), Long.toString(client.pid()), client.progress().transactions(), seconds);
    }
    System.out.println(RULE);
    row("total", "", clients.total(), seconds);
  }

  private static void row(String name, String pid, long transactions, double seconds) {
    String count = String.format("%,d", transactions);
    System.out.printf(ROW, name, pid, count, String.format("%,.0f", transactions / seconds));
  }
}
