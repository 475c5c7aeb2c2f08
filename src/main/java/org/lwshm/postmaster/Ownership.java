// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.time.Duration;
import org.lwshm.ExitCallback;
import org.lwshm.Segment;
import org.lwshm.SegmentBusyException;
import org.lwshm.SegmentInUseException;
import org.lwshm.internal.Log;
import org.lwshm.internal.SegmentAccess;

/**
 * What a postmaster owns: its data directory's lock file, and the segment, which may be made anew.
 * For the postmaster's thread, but for {@link #segment}.
 */
final class Ownership {

  private static final Log LOG = Log.of(Postmaster.class);

  /** What the postmaster does while it waits. */
  interface Pause {
    /**
     * Returns after a moment, or when something has happened; false if there is no more to wait.
     */
    boolean goOn() throws InterruptedException;
  }

  private final PostmasterOptions options;
  private final Thread thread = Thread.currentThread();
  private final LockFile lockFile;
  private volatile Segment segment;

  private Ownership(PostmasterOptions options) {
    this.options = options;
    lockFile = LockFile.take(options.dataDir());
  }

  /** Takes the lock file; by the postmaster's thread. */
  static Ownership take(PostmasterOptions options) {
    return new Ownership(options);
  }

  /** The segment, any thread; null if there is none yet. */
  Segment segment() {
    return segment;
  }

  /** Whether the lock file is still there, and this one. */
  boolean isValid() {
    return lockFile.isValid();
  }

  /** Whether somebody has removed the segment from the system. */
  boolean isSegmentRemoved() {
    try {
      return segment.isRemoved();
    } catch (IllegalStateException e) {
      return false; // the process is exiting and has left it
    }
  }

  LockFile lockFile() {
    return lockFile;
  }

  /** What tells this postmaster from other processes. */
  LockFileContents.Owner self() {
    return lockFile.contents().owner();
  }

  /** Has the lock file say so. */
  void setStatus(String status) {
    lockFile.update(lockFile.contents().with(status));
  }

  /**
   * Makes the segment, and waits a while for processes of an earlier life to leave the old one.
   *
   * @param endChildren called first of all when anybody else ends the segment
   * @param longest how long that may take
   * @return false if there is none, because {@code pause} says so
   * @throws SegmentInUseException if they do not leave
   */
  boolean makeSegment(ExitCallback endChildren, Duration longest, Pause pause)
      throws InterruptedException {
    long deadline = System.nanoTime() + options.startTimeout().toNanos();
    options.segment().after(segment == null ? 0 : segment.generation());
    for (boolean told = false; segment == null || segment.isClosed(); told = true) {
      try {
        // What this postmaster gives up after a crash is not kept.
        boolean adopts = options.keepData() && segment == null;
        segment = adopts ? options.segment().openAlone() : options.segment().create();
      } catch (SegmentInUseException e) {
        if (System.nanoTime() - deadline > 0) {
          throw e;
        }
        if (!told) {
          LOG.info("waiting for processes of an earlier life to leave: {}", e.getMessage());
        }
        if (!pause.goOn()) {
          return false;
        }
      }
    }
    SegmentAccess.get().onChildrenEnd(segment, () -> unlessOurs(endChildren), longest);
    // The process may be over before our thread comes to it.
    segment.exitCallbacks().onProcExit(() -> unlessOurs(lockFile::release));
    lockFile.update(
        lockFile.contents().withSegment(segment.key(), segment.id()).with(LockFileContents.READY));
    LOG.info(
        "ready: {}, generation {}{}",
        segment,
        segment.generation(),
        segment.isAdopter() ? ", with the data of an earlier life" : "");
    return true;
  }

  /** What our own thread does at another time, when it ends the segment. */
  private void unlessOurs(ExitCallback callback) throws Exception {
    if (Thread.currentThread() != thread) {
      callback.run();
    }
  }

  /**
   * Closes the segment, if there is one, and so deletes it.
   *
   * @throws SegmentBusyException if threads of this process are joined
   */
  void closeSegment() {
    if (segment != null) {
      segment.close();
    }
  }

  /** Gives the lock file back. */
  void release() {
    lockFile.release();
  }
}
