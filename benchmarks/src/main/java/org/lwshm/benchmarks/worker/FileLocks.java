// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.worker;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
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
  public long exclusive(int times, int inside, int between, long x) throws IOException {
    return run(times, inside, between, x, false);
  }

  @Override
  public long shared(int times, int inside, int between, long x) throws IOException {
    return run(times, inside, between, x, true);
  }

  private long run(int times, int inside, int between, long x, boolean shared) throws IOException {
    for (int i = 0; i < times; i++) {
      FileLock lock = channel.lock(0, 1, shared);
      x = Work.run(x, inside);
      lock.release();
      x = Work.run(x, between);
    }
    return x;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
