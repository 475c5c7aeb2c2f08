// SPDX-License-Identifier: Apache-2.0

package org.lwshm.examples.pgbench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The directory that the segment belongs to: one that was there, or a temporary one. */
record DataDir(Path path, boolean isTemporary) implements AutoCloseable {

  static DataDir of(Path path) {
    return new DataDir(path, false);
  }

  static DataDir temporary() throws IOException {
    DataDir dir = new DataDir(Files.createTempDirectory("lwshm-demo-"), true);
    // If a signal ends us before there is a postmaster to handle it.
    Runtime.getRuntime().addShutdownHook(new Thread(dir::removeOnExit, "remove-data-dir"));
    return dir;
  }

  /** Removes a temporary one. */
  @Override
  public void close() throws IOException {
    if (isTemporary && remove()) {
      System.out.println("exit: data directory removed");
    }
  }

  /** Once the postmaster has ended, only the members file is in it. */
  private boolean remove() throws IOException {
    Files.deleteIfExists(path.resolve("lwshm.members"));
    return Files.deleteIfExists(path);
  }

  private void removeOnExit() {
    try {
      remove();
    } catch (IOException e) {
      System.err.println("demo: " + e);
    }
  }
}
