// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** The directory that the segment belongs to: one that was there, or a temporary one. */
final class DataDir {

  private static final int LOOKS = 500;
  private static final long LOOK_AGAIN_NS = TimeUnit.MILLISECONDS.toNanos(20);

  private final boolean temporary;
  // Sees to the temporary directory until the segment's exit callbacks do.
  private final Thread hook = new Thread(this::removeOnExit, "remove-data-dir");
  private Path path;
  private boolean exiting;

  private DataDir(boolean temporary, Path path) {
    this.temporary = temporary;
    this.path = path;
  }

  static DataDir of(Path path) {
    return new DataDir(false, path);
  }

  static DataDir temporary() throws IOException {
    DataDir dir = new DataDir(true, null);
    Runtime.getRuntime().addShutdownHook(dir.hook);
    dir.create();
    return dir;
  }

  private synchronized void create() throws IOException {
    if (exiting) {
      throw new IOException("the demo is exiting");
    }
    path = Files.createTempDirectory("lwshm-demo-");
  }

  synchronized Path path() {
    return path;
  }

  boolean isTemporary() {
    return temporary;
  }

  /** From here on, who calls this sees to the removal, if it is temporary. */
  void takeOver() {
    Runtime.getRuntime().removeShutdownHook(hook);
  }

  /** Removes the directory, which is empty once the segment is gone. */
  void remove() throws IOException {
    Files.deleteIfExists(path());
  }

  private void removeOnExit() {
    synchronized (this) {
      exiting = true;
    }
    for (int i = 0; i < LOOKS && path() != null; i++) {
      try {
        remove();
        return;
      } catch (IOException e) {
        // The segment is not gone yet.
        LockSupport.parkNanos(LOOK_AGAIN_NS);
      }
    }
  }
}
