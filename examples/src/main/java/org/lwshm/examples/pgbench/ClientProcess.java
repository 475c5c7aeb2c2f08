// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A client as the demo sees it: a process and its row of progress. */
final class ClientProcess {

  private static final int ENDED_BY_SIGINT = 130;

  private final String name;
  private final Process process;
  private final Progress progress;
  private volatile boolean mayEnd;
  private volatile boolean killed;

  private ClientProcess(String name, List<String> command, Progress progress, Trouble trouble)
      throws IOException {
    this.name = name;
    this.progress = progress;
    // Its standard input stays ours to close; a client of a demo that died reads the end there.
    process =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    process.onExit().thenAccept(ended -> judge(ended.exitValue(), trouble));
  }

  /** Starts a JVM of our kind, with our class path. */
  static ClientProcess java(String name, Path dataDir, int number, Bank bank, Trouble trouble)
      throws IOException {
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            // Only silences the JDK's own notice, from 24 on.
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            Client.class.getName(),
            dataDir.toString(),
            Integer.toString(number));
    return new ClientProcess(name, command, bank.progress(number), trouble);
  }

  /** Starts the C program. */
  static ClientProcess c(
      String name, Path program, Path dataDir, int number, Bank bank, Trouble trouble)
      throws IOException {
    List<String> command =
        List.of(program.toString(), dataDir.toString(), Integer.toString(number));
    return new ClientProcess(name, command, bank.progress(number), trouble);
  }

  private void judge(int status, Trouble trouble) {
    if (killed) {
      return;
    }
    if (status == ENDED_BY_SIGINT) {
      trouble.report("interrupted");
    } else if (status != 0) {
      // As the shell says it: a process that was killed by signal n ends with 128 + n.
      trouble.report(this + " ended with exit status " + status);
    } else if (!mayEnd) {
      trouble.report(this + " ended before it was told to");
    }
  }

  String name() {
    return name;
  }

  long pid() {
    return process.pid();
  }

  Progress progress() {
    return progress;
  }

  /** From here on it is no trouble if it ends by itself. */
  void mayEnd() {
    mayEnd = true;
  }

  /** Waits until it has ended, or until a time, as {@link System#nanoTime} counts. */
  boolean awaitEnd(long nanoTime) throws InterruptedException {
    return process.waitFor(nanoTime - System.nanoTime(), TimeUnit.NANOSECONDS);
  }

  /** Asks it to end: SIGTERM. */
  void terminate() {
    System.out.println("demo: " + this + " does not end; terminating it");
    process.destroy();
  }

  /** Ends it: SIGKILL, which is no trouble. Returns when it has ended. */
  void kill() throws InterruptedException {
    killed = true;
    process.destroyForcibly().waitFor();
  }

  @Override
  public String toString() {
    return name + " (pid " + pid() + ")";
  }
}
