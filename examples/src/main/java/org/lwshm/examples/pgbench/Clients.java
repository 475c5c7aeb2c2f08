// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.LongStream;

/**
 * All clients of a run.
 *
 * <p>They are started by a thread that lives as long as the demo: when it ends, the kernel takes it
 * for the death of the C clients' parent.
 */
final class Clients {

  private static final long LOOK_AGAIN_NS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(30);
  private static final long END_PATIENCE_NS = TimeUnit.SECONDS.toNanos(2);

  private final Bank bank;
  private final Path dataDir;
  private final Trouble trouble;
  private final List<ClientProcess> clients = new ArrayList<>();
  private boolean stopped;

  Clients(Bank bank, Path dataDir, Trouble trouble) {
    this.bank = bank;
    this.dataDir = dataDir;
    this.trouble = trouble;
  }

  /** Starts the clients: first the JVMs, then the C programs. Once stopped, it starts none. */
  void start(int javaClients, int cClients, Path cProgram) throws IOException {
    for (int i = 0; i < javaClients + cClients; i++) {
      synchronized (this) {
        if (stopped) {
          return;
        }
        clients.add(
            i < javaClients
                ? startJava(i)
                : ClientProcess.c(
                    "c-" + (i - javaClients + 1), cProgram, dataDir, i, bank, trouble));
      }
    }
  }

  private ClientProcess startJava(int number) throws IOException {
    return ClientProcess.java("java-" + (number + 1), dataDir, number, bank, trouble);
  }

  /** Waits until every client is attached, then lets them all run at once. */
  void release() throws InterruptedException {
    for (ClientProcess client : list()) {
      await(client.progress()::isReady, client + " did not attach in time");
    }
    if (trouble.first().isEmpty()) {
      bank.setPhase(BankLayout.PHASE_RUN);
    }
  }

  /** Waits until something is so, or something goes wrong: that it takes too long, for one. */
  boolean await(BooleanSupplier condition, String otherwise) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE_NS;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        trouble.report(otherwise);
      }
      if (trouble.awaitUntil(System.nanoTime() + LOOK_AGAIN_NS)) {
        return false;
      }
    }
    return true;
  }

  /** Kills a client JVM and starts a fresh one in its place, unless all have been stopped. */
  synchronized boolean replace(int number) throws IOException, InterruptedException {
    if (stopped) {
      return false;
    }
    bank.casualties().noteKill();
    clients.get(number).kill();
    bank.casualties().chooseNobody();
    bank.progress(number).absent();
    clients.set(number, startJava(number));
    return true;
  }

  /** Stops the clients, and returns when all have ended. */
  synchronized void stop() throws InterruptedException {
    if (stopped) {
      return;
    }
    stopped = true;
    clients.forEach(ClientProcess::mayEnd);
    bank.setPhase(BankLayout.PHASE_STOP);
    // One that hangs hears nothing.
    List<ClientProcess> deaf = awaitEnd(clients);
    deaf.forEach(ClientProcess::terminate);
    for (ClientProcess client : awaitEnd(deaf)) {
      client.kill();
    }
    for (ClientProcess client : clients) {
      if (!client.progress().isDone()) {
        trouble.report(client + " ended without saying that it was done");
      }
    }
  }

  /** Gives processes some time to end; returns those that did not. */
  private static List<ClientProcess> awaitEnd(List<ClientProcess> processes)
      throws InterruptedException {
    long deadline = System.nanoTime() + END_PATIENCE_NS;
    List<ClientProcess> alive = new ArrayList<>();
    for (ClientProcess process : processes) {
      if (!process.awaitEnd(deadline)) {
        alive.add(process);
      }
    }
    return alive;
  }

  synchronized List<ClientProcess> list() {
    return List.copyOf(clients);
  }

  /** What each client has done so far. */
  long[] transactions() {
    return list().stream().mapToLong(client -> client.progress().transactions()).toArray();
  }

  /** What all clients have done so far. */
  long total() {
    return LongStream.of(transactions()).sum();
  }

  /** The sum of all their deltas. */
  long moved() {
    return list().stream().mapToLong(client -> client.progress().moved()).sum();
  }
}
