// SPDX-License-Identifier: Apache-2.0

package org.lwshm.internal;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A stream whose writers never wait: a thread of its own writes on to another. What does not fit,
 * because nobody reads the other end of a pipe, is lost, and later said to be.
 *
 * <p>The postmaster's log goes through it. The postmaster's thread must not wait for the reader of
 * the log: it could neither stop nor replace a child meanwhile.
 */
public final class PatientOutput extends OutputStream {

  private static final int CAPACITY = 1 << 20;
  private static final long LOOK_AGAIN_MS = 20;

  private final OutputStream to;
  private ByteArrayOutputStream waiting = new ByteArrayOutputStream();
  private long lost;
  private boolean isWriting;

  /**
   * Makes it, with its thread.
   *
   * @param to where it writes on to
   */
  public PatientOutput(OutputStream to) {
    this.to = to;
    Thread thread = new Thread(this::writeOn, "lwshm-log");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void write(int b) {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public synchronized void write(byte[] bytes, int offset, int length) {
    if (waiting.size() + length > CAPACITY) {
      lost += length;
      return;
    }
    waiting.write(bytes, offset, length);
    notifyAll();
  }

  /**
   * Waits until all is written, but not for ever.
   *
   * @param limit how long at most
   * @return whether all is written
   * @throws InterruptedException if the calling thread is interrupted
   */
  public synchronized boolean await(Duration limit) throws InterruptedException {
    long until = System.nanoTime() + limit.toNanos();
    while (waiting.size() > 0 || isWriting) {
      long ms = TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime());
      if (ms <= 0) {
        return false;
      }
      wait(ms);
    }
    return true;
  }

  private void writeOn() {
    try {
      while (true) {
        try {
          byte[] bytes = take();
          to.write(bytes);
          to.flush();
        } catch (IOException | RuntimeException e) {
          // It is closed, or its disk full: who should be told?
        } catch (Error e) {
          Thread.sleep(LOOK_AGAIN_MS); // there may be memory again, and no other thread writes
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized byte[] take() throws InterruptedException {
    isWriting = false;
    notifyAll();
    while (waiting.size() == 0) {
      wait();
    }
    if (lost > 0) {
      String note = "(" + lost + " bytes of the log are lost: nobody has read it)\n";
      waiting.writeBytes(note.getBytes(StandardCharsets.UTF_8));
      lost = 0;
    }
    byte[] bytes = waiting.toByteArray();
    waiting = new ByteArrayOutputStream();
    isWriting = true;
    return bytes;
  }
}
