// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** FileChannel.lock on a byte of a file: what Java alone has for processes. */
final class FileLocks implements LockKind, AutoCloseable {

  private final FileChannel channel;

  FileLocks(Path file) throws IOException {
    channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  @Override
  public void exclusive(int times) throws IOException {
    FileChannel channel = this.channel;
    for (int i = 0; i < times; i++) {
      channel.lock(0, 1, false).release();
    }
  }

  @Override
  public void shared(int times) throws IOException {
    FileChannel channel = this.channel;
    for (int i = 0; i < times; i++) {
      channel.lock(0, 1, true).release();
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
