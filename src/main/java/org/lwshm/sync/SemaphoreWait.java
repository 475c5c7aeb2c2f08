// SPDX-License-Identifier: Apache-2.0

package org.lwshm.sync;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.lwshm.Backend;
import org.lwshm.internal.SegmentAccess;

/**
 * One wait for permits, which may be interrupted or run out of time.
 *
 * <p>A platform thread sleeps in C, and comes back from there now and then to look for an
 * interrupt. A virtual thread does not, which would keep its carrier from others, from those that
 * have the permits perhaps: it tries, and lets others run before it tries again.
 */
final class SemaphoreWait {

  /** No time-out. */
  static final long FOREVER = Long.MAX_VALUE;

  /**
   * The longest sleep in C, which an interrupt cannot end. C may take 20 milliseconds more, for the
   * semaphore's own lock; an interrupt is to be noticed within 50.
   */
  private static final long SLICE_NS = TimeUnit.MILLISECONDS.toNanos(25);

  // Between two tries a virtual thread yields at first, then it parks, twice as long each time.
  private static final int YIELDS = 8;
  private static final long FIRST_PARK_NS = TimeUnit.MICROSECONDS.toNanos(20);
  private static final int MAX_DOUBLINGS = 6;

  private final Semaphore semaphore;
  private final Backend backend;
  private final int permits;
  private final boolean interruptible;
  private final boolean virtual;
  private final boolean timed;
  private final long deadline;

  private SemaphoreWait(
      Semaphore semaphore, Backend backend, int permits, long timeoutNanos, boolean interruptible) {
    this.semaphore = semaphore;
    this.backend = backend;
    this.permits = permits;
    this.interruptible = interruptible;
    virtual = SegmentAccess.get().isVirtual(backend);
    timed = timeoutNanos != FOREVER;
    // Half of what a long holds is 146 years: no difference of times overflows.
    deadline = timed ? System.nanoTime() + Math.max(0, Math.min(timeoutNanos, FOREVER / 2)) : 0;
  }

  /** Takes permits, however long that takes. */
  static void acquire(Semaphore semaphore, Backend backend, int permits) {
    try {
      new SemaphoreWait(semaphore, backend, permits, FOREVER, false).acquire();
    } catch (InterruptedException e) {
      throw new AssertionError("not interruptible", e);
    }
  }

  /** Takes permits, unless the thread is interrupted before or meanwhile; false if time ran out. */
  static boolean acquireInterruptibly(
      Semaphore semaphore, Backend backend, int permits, long timeoutNanos)
      throws InterruptedException {
    return new SemaphoreWait(semaphore, backend, permits, timeoutNanos, true).acquire();
  }

  private boolean acquire() throws InterruptedException {
    boolean interrupted = false;
    try {
      for (int round = 0; ; round++) {
        if (Thread.interrupted()) {
          if (interruptible) {
            throw new InterruptedException();
          }
          interrupted = true;
        }
        if (semaphore.acquireTimed(backend, permits, virtual ? 0 : sliceNanos())) {
          return true;
        }
        if (left() <= 0) {
          return false;
        }
        if (virtual) {
          letOthersRun(round);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private long left() {
    return timed ? deadline - System.nanoTime() : FOREVER;
  }

  private long sliceNanos() {
    return Math.min(left(), SLICE_NS);
  }

  private void letOthersRun(int round) {
    if (round < YIELDS) {
      Thread.yield();
    } else {
      long park = FIRST_PARK_NS << Math.min(round - YIELDS, MAX_DOUBLINGS);
      LockSupport.parkNanos(this, Math.min(left(), park));
    }
  }
}
