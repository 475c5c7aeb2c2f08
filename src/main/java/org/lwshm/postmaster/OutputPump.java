// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.lwshm.internal.Log;
import org.lwshm.jni.ChildNative;
import org.lwshm.jni.Status;

/**
 * Passes on what a child writes, line by line, in a thread of its own.
 *
 * <p>A child may close its output and live, and may leave it to a process that lives on: so its end
 * is not that of the output. Once the child has ended, what is there is read, for a moment, and the
 * pipe is closed.
 */
final class OutputPump {

  private static final Log LOG = Log.of(OutputPump.class);
  private static final int MAX_LINE_BYTES = 8192;
  private static final int MAX_CHARACTER_BYTES = 4;
  private static final int LOOK_AGAIN_MS = 100;

  /** How long a child's heirs are listened to. */
  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(1);

  private final ChildInfo child;
  private final int output;
  private final ChildOutput sink;
  private final Thread thread;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private volatile boolean ended;
  private volatile long deadline;

  OutputPump(ChildInfo child, int output, ChildOutput sink) {
    this.child = child;
    this.output = output;
    this.sink = sink;
    thread = new Thread(null, this::pump, "lwshm-output-" + child.name() + "-" + child.number());
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** The child has ended. */
  void childEnded() {
    if (thread.getState() == Thread.State.NEW) {
      ChildNative.closeOutput(output); // it could not be started
    }
    deadline = System.nanoTime() + PATIENCE_NS;
    ended = true;
  }

  /** The same, if there was no thread for it. */
  void closeIfNotStarted() {
    if (thread.getState() == Thread.State.NEW) {
      ChildNative.closeOutput(output);
    }
  }

  boolean hasEnded() {
    return !thread.isAlive();
  }

  /** Waits until all is passed on, or until a time, as {@link System#nanoTime} counts. */
  void await(long until) throws InterruptedException {
    thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime())));
  }

  private void pump() {
    try {
      byte[] bytes = new byte[MAX_LINE_BYTES];
      for (int n = read(bytes); n > 0 || n == ChildNative.SILENT; n = read(bytes)) {
        boolean mayStop = ended;
        if (n > 0) {
          take(bytes, n);
        }
        if (mayStop && (n == ChildNative.SILENT || System.nanoTime() - deadline > 0)) {
          break;
        }
      }
      endLine();
    } catch (RuntimeException e) {
      LOG.error("the output of {} is not passed on any more", child, e);
    } finally {
      ChildNative.closeOutput(output);
    }
  }

  private int read(byte[] bytes) {
    int n = ChildNative.read(output, bytes, LOOK_AGAIN_MS);
    return n == ChildNative.SILENT ? n : Status.check(n);
  }

  private void take(byte[] bytes, int n) {
    for (int i = 0; i < n; i++) {
      if (bytes[i] == '\n') {
        pass();
      } else {
        // A very long line is cut, but between two characters.
        if (line.size() >= MAX_LINE_BYTES && !isInsideCharacter(bytes[i])) {
          pass();
        }
        line.write(bytes[i]);
      }
    }
  }

  /** Whether a byte of UTF-8 goes on with a character; not for ever, if it is something else. */
  private boolean isInsideCharacter(byte b) {
    return (b & 0xc0) == 0x80 && line.size() < MAX_LINE_BYTES + MAX_CHARACTER_BYTES;
  }

  private void endLine() {
    if (line.size() > 0) {
      pass();
    }
  }

  private void pass() {
    String text = line.toString(StandardCharsets.UTF_8);
    line.reset();
    try {
      sink.line(child, text);
    } catch (RuntimeException | Error e) {
      LOG.error("a line of {} could not be passed on: {}", child, text, e);
    }
  }
}
