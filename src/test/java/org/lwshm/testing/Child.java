// SPDX-License-Identifier: Apache-2.0

package org.lwshm.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A process that a test started and talks to: a line is a command, a line is the reply, which
 * begins with "ok" or "error". See {@link Member} for the commands.
 */
public final class Child {

  private static final long LOOK_AROUND_MS = 20;

  /** Stands in {@link #lines} for the end of the output; compared by identity. */
  private static final String END = new String("end");

  private final String name;
  private final Process process;
  private final Children family;
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private final StringBuffer errors = new StringBuffer();
  private final Thread errorReader;
  private volatile boolean mayEnd;

  Child(String name, Process process, Children family) {
    this.name = name;
    this.process = process;
    this.family = family;
    start("out", () -> read(process.inputReader(StandardCharsets.UTF_8), lines::add, END));
    errorReader =
        start("err", () -> read(process.errorReader(StandardCharsets.UTF_8), errors::append, ""));
  }

  private interface Sink {
    void take(String line);
  }

  private Thread start(String stream, Runnable reader) {
    Thread thread = new Thread(reader, name + "-" + stream);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private static void read(BufferedReader from, Sink to, String atEnd) {
    try (from) {
      for (String line = from.readLine(); line != null; line = from.readLine()) {
        to.take(atEnd == END ? line : line + "\n");
      }
    } catch (IOException e) {
      // The pipe of a process that was killed.
    } finally {
      to.take(atEnd);
    }
  }

  public long pid() {
    return process.pid();
  }

  /** Sends a command without waiting for the reply. */
  public void send(String command) {
    try {
      process.getOutputStream().write((command + "\n").getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
    } catch (IOException e) {
      throw failure("did not take the command \"" + command + "\": " + e);
    }
  }

  /** Whether a line is there that was not read yet. */
  public boolean hasReply() {
    return !lines.isEmpty();
  }

  /** The next line that it writes. */
  public String reply() throws InterruptedException {
    String line;
    while ((line = lines.poll(LOOK_AROUND_MS, TimeUnit.MILLISECONDS)) == null) {
      family.requireAllWell();
    }
    if (line == END) {
      lines.add(END);
      throw failure("has nothing more to say");
    }
    return line;
  }

  /** The reply, which must be a good one: what comes after "ok". */
  public String ok() throws InterruptedException {
    String reply = reply();
    if (!reply.startsWith("ok")) {
      throw failure("replied: " + reply);
    }
    return reply.substring(2).strip();
  }

  /** The reply, which must be an error: what comes after "error". */
  public String error() throws InterruptedException {
    String reply = reply();
    if (!reply.startsWith("error ")) {
      throw failure("was expected to fail and replied: " + reply);
    }
    return reply.substring(6);
  }

  /** Sends a command that must succeed; returns what comes after "ok". */
  public String ok(String command) throws InterruptedException {
    send(command);
    return ok();
  }

  /** Sends a command that must succeed and whose reply is numbers. */
  public long[] numbers(String command) throws InterruptedException {
    return toNumbers(ok(command));
  }

  /** The numbers of a reply. */
  public static long[] toNumbers(String reply) {
    return List.of(reply.split(" ")).stream().mapToLong(Long::parseLong).toArray();
  }

  /** Sends a command that must fail; returns what comes after "error". */
  public String error(String command) throws InterruptedException {
    send(command);
    return error();
  }

  /** All lines up to the end of its output. */
  public List<String> rest() throws InterruptedException {
    mayEnd = true;
    List<String> rest = new ArrayList<>();
    for (String line = lines.take(); line != END; line = lines.take()) {
      rest.add(line);
    }
    lines.add(END);
    return rest;
  }

  /** What it has written to stderr; all of it once it has ended. */
  public String errors() throws InterruptedException {
    if (!process.isAlive()) {
      errorReader.join();
    }
    return errors.toString();
  }

  /** The same, less the JDK's own notice of native access (from 24 on). */
  public String complaints() throws InterruptedException {
    return errors()
        .replaceAll(
            "(?m)^WARNING: (A restricted method|java\\.lang\\.System::load|Use --enable-native-access"
                + "|Restricted methods).*\\R(\\R)?",
            "");
  }

  /** Sends a signal: "TERM", "STOP" and so on. */
  public void signal(String signal) throws InterruptedException {
    mayEnd |= !List.of("STOP", "CONT").contains(signal);
    try {
      new ProcessBuilder("kill", "-" + signal, Long.toString(pid())).inheritIO().start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends it with {@code kill -9}, and waits until it is dead and reaped. */
  public void kill() throws InterruptedException {
    mayEnd = true;
    process.destroyForcibly();
    process.waitFor();
  }

  /** Waits for its end; returns its exit status, or 128 + the number of the signal. */
  public int waitFor() throws InterruptedException {
    mayEnd = true;
    return process.waitFor();
  }

  /** Whether it runs. */
  public boolean isAlive() {
    return process.isAlive();
  }

  /** The state that the kernel gives it: 'S', 'R', 'T' (stopped) and so on. */
  public char state() {
    return state(pid());
  }

  /** The state of any process; 'Z' is a zombie, 'X' one that is not there. */
  public static char state(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2);
    } catch (IOException e) {
      return 'X';
    }
  }

  void requireWell() {
    if (!mayEnd && !process.isAlive()) {
      throw failure("ended, status " + process.exitValue());
    }
  }

  private AssertionError failure(String what) {
    try {
      return new AssertionError(name + " (process " + pid() + ") " + what + "\n" + errors());
    } catch (InterruptedException e) {
      return new AssertionError(e);
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
