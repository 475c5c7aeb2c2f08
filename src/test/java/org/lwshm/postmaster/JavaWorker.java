// SPDX-License-Identifier: Apache-2.0

package org.lwshm.postmaster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;

/**
 * The same in Java as {@code worker_program.c} that works, and writes down its exit callbacks, too.
 *
 * <p>Arguments: log; "leaves" if it leaves by itself when the postmaster stops, "stays" if it has
 * to be told with SIGTERM.
 */
public final class JavaWorker {

  private static Path log;

  private JavaWorker() {}

  public static void main(String[] args) throws Exception {
    log = Path.of(args[0]);
    boolean leaves = args[1].equals("leaves");
    note("starts");
    try (Backend me = Backend.fromPostmaster(new Pair())) {
      Segment segment = me.segment();
      segment.exitCallbacks().onProcExit(() -> note("on_proc_exit"));
      segment.exitCallbacks().onShmemExit(() -> note("on_shmem_exit"));
      segment.exitCallbacks().beforeShmemExit(() -> note("before_shmem_exit"));
      segment.postmaster().onReload(() -> note("reloaded"));
      SharedStruct pair = segment.struct(Pair.NAME);
      LWLock lock = segment.tranche(Pair.NAME).lock(0);
      note("joined");
      while (!leaves || !segment.postmaster().isStopping()) {
        lock.acquire(me, LWLockMode.EXCLUSIVE);
        try {
          if (pair.getLong(0) != pair.getLong(Long.BYTES)) {
            note("torn");
          }
          pair.putLong(0, pair.getLong(0) + 1);
          pair.putLong(Long.BYTES, pair.getLong(Long.BYTES) + 1);
        } finally {
          lock.release(me);
        }
        Thread.sleep(1);
      }
      note("stops");
    }
    note("left");
  }

  private static void note(String step) {
    try {
      new StepLog(log).note(step);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
