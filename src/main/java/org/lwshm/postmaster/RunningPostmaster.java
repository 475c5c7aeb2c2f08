// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.lwshm.DataDirectoryException;
import org.lwshm.NotFoundException;
import org.lwshm.StopMode;
import org.lwshm.jni.ProcessNative;
import org.lwshm.jni.Status;

/**
 * A postmaster that runs, as any other process of its user sees it: by its lock file.
 *
 * <p>Source: PostgreSQL's pg_ctl, src/bin/pg_ctl/pg_ctl.c.
 */
public final class RunningPostmaster {

  private final Path directory;
  private final LockFileContents contents;

  private RunningPostmaster(Path directory, LockFileContents contents) {
    this.directory = directory;
    this.contents = contents;
  }

  /**
   * Finds the postmaster of a data directory.
   *
   * @param dataDir the directory
   * @return the postmaster; empty if none runs, even if one has left its lock file
   * @throws DataDirectoryException if there is no such directory, or it cannot be looked at
   * @throws LockFileException if its lock file is damaged or unreadable
   */
  public static Optional<RunningPostmaster> find(Path dataDir) {
    Path dir = requireDirectory(dataDir);
    return LockFile.find(dir)
        .filter(LockFile.Found::isHeld)
        .map(found -> new RunningPostmaster(dir, found.contents()));
  }

  /** The real path of a data directory, which a lock file has a line for. */
  static Path requireDirectory(Path dataDir) {
    Objects.requireNonNull(dataDir, "dataDir");
    if (!Files.exists(dataDir)) {
      throw new DataDirectoryException(
          "data directory \"" + dataDir + "\" does not exist; make it (mkdir -m 700)");
    }
    if (!Files.isDirectory(dataDir)) {
      throw new DataDirectoryException(
          "\"" + dataDir + "\" is not a directory; name the data directory");
    }
    if (!Files.isReadable(dataDir) || !Files.isExecutable(dataDir)) {
      throw new DataDirectoryException(
          "data directory \"" + dataDir + "\" cannot be read; run this as its owner");
    }
    Path real;
    try {
      real = dataDir.toRealPath();
    } catch (IOException e) {
      throw new DataDirectoryException("data directory \"" + dataDir + "\" cannot be found: " + e);
    }
    if (real.toString().indexOf('\n') >= 0) {
      throw new DataDirectoryException(
          "data directory \"" + real + "\" has a line break in its path; name it otherwise");
    }
    return real;
  }

  /** {@return its pid; in its own PID namespace, if that is another} */
  public int pid() {
    return contents.pid();
  }

  /** {@return the data directory, as it named it} */
  public Path dataDir() {
    return contents.dataDir();
  }

  /** {@return when it started} */
  public Instant startedAt() {
    return Instant.ofEpochSecond(contents.startedAt());
  }

  /** {@return how it stands: starting, ready, restarting or stopping} */
  public String status() {
    return contents.status();
  }

  /** {@return the SysV key of its segment; 0 while it has none} */
  public int key() {
    return contents.key();
  }

  /** {@return the SysV id of its segment; -1 while it has none} */
  public int shmid() {
    return contents.shmid();
  }

  /**
   * How its children stand, as of a second ago at most.
   *
   * @return one for each child that there is a place for, the repairer included; empty while there
   *     is no knowing
   */
  public List<ChildStatus> children() {
    return ChildrenFile.read(directory)
        .filter(file -> file.owner().equals(contents.owner()))
        .map(file -> file.lines().stream().map(ChildrenFile.Line::status).toList())
        .orElse(List.of());
  }

  /** {@return whether its pid means something to this process: it is in the same PID namespace} */
  public boolean isReachable() {
    return contents.owner().isOfHere();
  }

  /**
   * Tells it to stop; does not wait for that. It gets the signal that {@link
   * PostmasterBuilder#handleSignals} names.
   *
   * @param mode how
   * @return false if it has ended meanwhile
   * @throws PostmasterException if it is in another PID namespace
   */
  public boolean stop(StopMode mode) {
    return signal(PostmasterSignals.of(mode));
  }

  /**
   * Has it and its children call their reload callbacks: SIGHUP.
   *
   * @return false if it has ended meanwhile
   * @throws PostmasterException if it is in another PID namespace
   */
  public boolean reload() {
    return signal(PostmasterSignals.RELOAD);
  }

  private boolean signal(PostmasterSignals.Kind signal) {
    requireReachable();
    try {
      Status.check(ProcessNative.signal(contents.owner().identity(), signal.number()));
      return true;
    } catch (NotFoundException e) {
      return false;
    }
  }

  /**
   * Waits until it has ended.
   *
   * @param limit how long at most
   * @return whether it has
   * @throws PostmasterException if it is in another PID namespace
   */
  public boolean awaitEnd(Duration limit) {
    requireReachable();
    long identity = contents.owner().identity();
    return Status.check(ProcessNative.awaitEnd(identity, limit.toMillis())) == 1;
  }

  private void requireReachable() {
    if (!isReachable()) {
      throw new PostmasterException(
          "postmaster "
              + pid()
              + " of \""
              + dataDir()
              + "\" runs in another PID namespace; do this in its container");
    }
  }
}
