// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongToIntFunction;
import org.lwshm.jni.LWLockNative;
import org.lwshm.jni.Status;

/**
 * One wait for a lock, with all that may come of it: being interrupted, running out of time, and
 * repairing what a dead holder has left.
 *
 * <p>The native side sleeps in steps, between which it keeps the waiter's place. A thread that may
 * be interrupted comes back from it now and then to look. A virtual thread does not sleep in it at
 * all, which would keep its carrier from others, the lock's holder perhaps among them: it looks,
 * and lets others run before it looks again.
 */
final class LockWait {

  /** No time-out. */
  static final long FOREVER = Long.MAX_VALUE;

  /** The longest that an interrupt goes unnoticed. */
  private static final long STEP_NS = TimeUnit.MILLISECONDS.toNanos(40);

  // Between two looks a virtual thread yields at first, then it parks, twice as long each time.
  private static final int YIELDS = 8;
  private static final long FIRST_PARK_NS = TimeUnit.MICROSECONDS.toNanos(20);
  private static final int MAX_DOUBLINGS = 6;

  /** What a step for a variable returns that found it changed. */
  private static final int CHANGED = 2;

  private final LWLock lock;
  private final Backend backend;
  private final LWLockMode mode;
  private final boolean interruptible;
  private final boolean timed;
  private final long deadline;

  private LockWait(
      LWLock lock, Backend backend, LWLockMode mode, long timeoutNanos, boolean interruptible) {
    this.lock = lock;
    this.backend = backend;
    this.mode = mode;
    this.interruptible = interruptible;
    timed = timeoutNanos != FOREVER;
    // Half of what a long holds is 146 years: no difference of times overflows.
    deadline = timed ? System.nanoTime() + Math.max(0, Math.min(timeoutNanos, FOREVER / 2)) : 0;
  }

  /** Acquires a lock; false if the time ran out. Poison is repaired, or thrown. */
  static boolean acquire(LWLock lock, Backend backend, LWLockMode mode, long timeoutNanos) {
    try {
      return new LockWait(lock, backend, mode, timeoutNanos, false).acquire();
    } catch (InterruptedException e) {
      throw new AssertionError("not interruptible", e);
    }
  }

  /** The same, unless the thread is interrupted before or meanwhile. */
  static boolean acquireInterruptibly(
      LWLock lock, Backend backend, LWLockMode mode, long timeoutNanos)
      throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    return new LockWait(lock, backend, mode, timeoutNanos, true).acquire();
  }

  /** Acquires a lock exclusively, poisoned or not. */
  static void acquireForRepair(LWLock lock, Backend backend) {
    try {
      LockWait wait = new LockWait(lock, backend, LWLockMode.EXCLUSIVE, FOREVER, false);
      lock.check(backend, wait.awaitPoisoned());
    } catch (InterruptedException e) {
      throw new AssertionError("not interruptible", e);
    }
  }

  /**
   * Waits while the lock is held exclusively and its variable, which goes to {@code value[0]}, is
   * {@code old}. Returns 1 if it is not held exclusively, 2 if the variable is another, or a
   * status.
   */
  static int awaitVariable(LWLock lock, Backend backend, long old, long[] value) {
    LockWait wait = new LockWait(lock, backend, LWLockMode.EXCLUSIVE, FOREVER, false);
    try {
      return wait.await(
          nanos -> {
            int status =
                LWLockNative.waitForVarStep(backend.handle(), lock.offset(), old, nanos, value);
            return status == 0 && value[0] != old ? CHANGED : status;
          });
    } catch (InterruptedException e) {
      throw new AssertionError("not interruptible", e);
    }
  }

  /** Waits until the lock is not held exclusively. Returns 1, or a status. */
  static int awaitReleased(LWLock lock, Backend backend) {
    long[] variable = new long[1];
    int status = CHANGED;
    while (status == CHANGED) {
      status = awaitVariable(lock, backend, variable[0], variable);
    }
    return status;
  }

  private boolean acquire() throws InterruptedException {
    for (; ; ) {
      int status = await(this::acquireStep);
      if (status != Status.OWNER_DIED) {
        return lock.check(backend, status) == 1;
      }
      RepairCallback callback = lock.tranche().repairCallback();
      if (callback == null) {
        throw LockRepair.ownerDied(lock, null);
      }
      if (lock.check(backend, awaitPoisoned()) == 0) {
        return false;
      }
      LockRepair.repair(lock, backend, callback);
      if (mode == LWLockMode.EXCLUSIVE) {
        return true;
      }
      lock.release(backend);
    }
  }

  private int acquireStep(long nanos) {
    return LWLockNative.acquireStep(backend.handle(), lock.offset(), mode.code(), nanos);
  }

  private int awaitPoisoned() throws InterruptedException {
    return await(
        nanos -> LWLockNative.acquireForRepairStep(backend.handle(), lock.offset(), nanos));
  }

  /** Takes steps until one returns something other than 0, or the time is over: 0. */
  private int await(LongToIntFunction step) throws InterruptedException {
    boolean over = false;
    boolean interrupted = false;
    try {
      for (int round = 0; ; round++) {
        int status = step.applyAsInt(stepNanos());
        over = status != 0;
        if (over || left() <= 0) {
          return status;
        }
        if (backend.isVirtual()) {
          letOthersRun(round);
        }
        if (Thread.interrupted()) {
          if (interruptible) {
            throw new InterruptedException();
          }
          interrupted = true;
        }
      }
    } finally {
      if (!over) {
        // If this fails, the segment is closed, and nobody is in line any more.
        LWLockNative.cancel(backend.handle(), lock.offset());
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private long left() {
    return timed ? deadline - System.nanoTime() : FOREVER;
  }

  private long stepNanos() {
    if (backend.isVirtual()) {
      return 0;
    }
    return interruptible ? Math.min(left(), STEP_NS) : left();
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
