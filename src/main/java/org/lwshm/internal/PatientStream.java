// SPDX-License-Identifier: Apache-2.0

package org.lwshm.internal;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;

/**
 * One of the process's standard streams, which loses nothing if it is a pipe that does not block.
 *
 * <p>Another process may have set it so, since the setting belongs to all who share the pipe.
 * Java's own streams lose what does not fit. This one waits until the reader has made room, as if
 * the pipe blocked. What is lost for another reason it counts, and says so in the stream once that
 * works again.
 *
 * <p>For threads that nobody interrupts: an interrupt closes the stream for good.
 */
public final class PatientStream extends OutputStream {

  private static final long LOOK_AGAIN_MS = 1;

  private final FileChannel channel;
  private long lost;

  /**
   * A standard stream.
   *
   * @param descriptor {@link FileDescriptor#out} or {@link FileDescriptor#err}
   */
  public PatientStream(FileDescriptor descriptor) {
    channel = new FileOutputStream(descriptor).getChannel();
  }

  @Override
  public void write(int b) {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public synchronized void write(byte[] bytes, int offset, int length) {
    if (lost > 0) {
      String note = "(" + lost + " bytes of output are lost: the stream has failed)\n";
      if (writeAll(ByteBuffer.wrap(note.getBytes(StandardCharsets.UTF_8))) == 0) {
        lost = 0;
      }
    }
    lost += writeAll(ByteBuffer.wrap(bytes, offset, length));
  }

  /** Returns how many bytes could not be written. */
  private int writeAll(ByteBuffer bytes) {
    try {
      while (bytes.hasRemaining()) {
        if (channel.write(bytes) == 0) {
          Thread.sleep(LOOK_AGAIN_MS);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      // It is closed, or its disk full.
    }
    return bytes.remaining();
  }
}
