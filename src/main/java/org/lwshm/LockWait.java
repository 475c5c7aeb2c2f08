// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.lang.ref.Reference;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.lwshm.jni.LWLockNative;
import org.lwshm.jni.Status;

/**
 * One wait for a lock, with all that may come of it: being interrupted, running out of time, and
 * repairing what a dead holder has left.
 *
 * <p>A thread that may be interrupted waits in steps, between which C keeps it in line, and looks
 * after each whether it was. A virtual thread does not sleep in C at all, which would keep its
 * carrier from others, the lock's holder perhaps among them: it looks, and lets others run before
 * it looks again.
 */
final class LockWait {

  /** No time-out. */
  static final long FOREVER = LWLockNative.FOREVER;

  /** A time-out that does not wait at all. */
  static final long AT_ONCE = 0;

  /** The longest that an interrupt goes unnoticed. */
  private static final long STEP_NS = TimeUnit.MILLISECONDS.toNanos(40);

  // Between two looks a virtual thread yields at first, then it parks, twice as long each time.
  private static final int YIELDS = 8;
  private static final long FIRST_PARK_NS = TimeUnit.MICROSECONDS.toNanos(20);
  private static final int MAX_DOUBLINGS = 6;

  /** What is waited for, in C. */
  private interface Native {
    int call(long backend, long lock, long timeoutNanos, int flags);
  }

  private final LWLock lock;
  private final Backend backend;
  private final boolean interruptible;
  private final boolean timed;
  private final long deadline;

  private LockWait(LWLock lock, Backend backend, long timeoutNanos, boolean interruptible) {
    this.lock = lock;
    this.backend = backend;
    this.interruptible = interruptible;
    timed = timeoutNanos != FOREVER;
    // Half of what a long holds is 146 years: no difference of times overflows.
    deadline = timed ? System.nanoTime() + Math.max(0, Math.min(timeoutNanos, FOREVER / 2)) : 0;
  }

  /**
   * Goes on with an acquire that met others; false if the time ran out. Poison is repaired, or
   * thrown.
   */
  static boolean acquire(LWLock lock, Backend backend, LWLockMode mode, long timeoutNanos) {
    if (!backend.isVirtual() || timeoutNanos <= AT_ONCE) {
      int status =
          LWLockNative.acquireSlow(backend.handle(), lock.offset(), mode.code(), timeoutNanos, 0);
      if (status != Status.OWNER_DIED) {
        return lock.check(backend, status) == 1;
      }
    }
    try {
      return new LockWait(lock, backend, timeoutNanos, false).acquire(mode);
    } catch (InterruptedException e) {
      throw new AssertionError("not interruptible", e);
    }
  }

  /** The same, unless the thread is interrupted meanwhile. */
  static boolean acquireInterruptibly(
      LWLock lock, Backend backend, LWLockMode mode, long timeoutNanos)
      throws InterruptedException {
    return timeoutNanos <= AT_ONCE
        ? acquire(lock, backend, mode, AT_ONCE)
        : new LockWait(lock, backend, timeoutNanos, true).acquire(mode);
  }

  static void requireNotInterrupted() throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
  }

  /** Acquires a lock exclusively, poisoned or not. */
  static void acquireForRepair(LWLock lock, Backend backend) {
    try {
      lock.check(backend, new LockWait(lock, backend, FOREVER, false).awaitForRepair());
    } catch (InterruptedException e) {
      throw new AssertionError("not interruptible", e);
    }
  }

  /** Waits until the lock is not held exclusively. Returns 1, or a status. */
  static int awaitRelease(LWLock lock, Backend backend) {
    try {
      return new LockWait(lock, backend, FOREVER, false).await(LWLockNative::awaitRelease);
    } catch (InterruptedException e) {
      throw new AssertionError("not interruptible", e);
    }
  }

  private boolean acquire(LWLockMode mode) throws InterruptedException {
    for (; ; ) {
      int status = await((b, l, nanos, flags) -> acquireSlow(b, l, mode, nanos, flags));
      if (status != Status.OWNER_DIED) {
        return lock.check(backend, status) == 1;
      }
      RepairCallback callback = lock.tranche().repairCallback();
      if (callback == null) {
        throw LockRepair.ownerDied(lock, null);
      }
      if (lock.check(backend, awaitForRepair()) == 0) {
        return false;
      }
      LockRepair.repair(lock, backend, callback);
      if (mode == LWLockMode.EXCLUSIVE) {
        return true;
      }
      lock.release(backend);
    }
  }

  private static int acquireSlow(long b, long l, LWLockMode mode, long nanos, int flags) {
    return LWLockNative.acquireSlow(b, l, mode.code(), nanos, flags);
  }

  private int awaitForRepair() throws InterruptedException {
    return await(
        (b, l, nanos, flags) ->
            acquireSlow(b, l, LWLockMode.EXCLUSIVE, nanos, flags | LWLockNative.REPAIR));
  }

  private int await(Native wait) throws InterruptedException {
    return interruptible || backend.isVirtual()
        ? awaitInSteps(wait)
        : wait.call(backend.handle(), lock.offset(), left(), 0);
  }

  /** Takes steps until one returns something other than 0, or the time is over: 0. */
  private int awaitInSteps(Native wait) throws InterruptedException {
    boolean over = false;
    boolean interrupted = false;
    try {
      for (int round = 0; ; round++) {
        int status = wait.call(backend.handle(), lock.offset(), stepNanos(), LWLockNative.STEP);
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
        Reference.reachabilityFence(backend); // an exception leaves no later use of it
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
    return backend.isVirtual() ? 0 : Math.min(left(), STEP_NS);
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
