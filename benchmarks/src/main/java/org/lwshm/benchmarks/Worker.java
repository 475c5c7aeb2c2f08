// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A process that measures on demand: it reads an order, a line, and answers with a line. */
final class Worker implements AutoCloseable {

  private static final long PATIENCE_SECONDS = 10;

  private final Process process;
  private final PrintWriter orders;
  private final BufferedReader answers;

  private Worker(List<String> command, ProcessBuilder.Redirect errors) {
    try {
      process = new ProcessBuilder(command).redirectError(errors).start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    orders = new PrintWriter(process.getOutputStream(), true, StandardCharsets.UTF_8);
    answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** Starts one that says "ready" when it is. */
  static Worker start(List<String> command) {
    Worker worker = new Worker(command, ProcessBuilder.Redirect.INHERIT);
    String greeting = worker.await();
    if (!greeting.equals("ready")) {
      throw new IllegalStateException(command.get(0) + " says \"" + greeting + "\", not ready");
    }
    return worker;
  }

  /**
   * The psql of the cluster that with-postgres.sh has started.
   *
   * @throws IllegalStateException if it has not
   */
  static String psql() {
    String psql = System.getenv("LWSHM_PSQL");
    if (psql == null) {
      throw new IllegalStateException(
          "LWSHM_PSQL is not set; start with benchmarks/with-postgres.sh");
    }
    return psql;
  }

  /** Starts a psql; its backend measures. */
  static Worker startPsql() {
    return startPsql(ProcessBuilder.Redirect.INHERIT);
  }

  /** Starts a psql, and says where its errors go. */
  static Worker startPsql(ProcessBuilder.Redirect errors) {
    Worker worker = new Worker(List.of(psql(), "-qXAt", "-v", "ON_ERROR_STOP=1"), errors);
    worker.tell("SELECT 'ready';");
    worker.await();
    return worker;
  }

  void tell(String line) {
    orders.println(line);
  }

  String await() {
    try {
      String line = answers.readLine();
      if (line == null) {
        throw new IllegalStateException("worker " + process.pid() + " has gone");
      }
      return line;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until it has no more to say. */
  void awaitEnd() {
    try {
      while (answers.readLine() != null) {
        // Whatever it says.
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  long pid() {
    return process.pid();
  }

  /** Lets it end, which it does at the end of its input. */
  @Override
  public void close() {
    orders.close();
    try {
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
