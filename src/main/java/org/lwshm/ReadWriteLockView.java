// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;

/**
 * A lock as java.util.concurrent knows them; {@link LWLock#asReadWriteLock} says how it differs.
 */
final class ReadWriteLockView implements ReadWriteLock {

  private final Lock shared;
  private final Lock exclusive;

  ReadWriteLockView(LWLock lock) {
    shared = new View(lock, LWLockMode.SHARED);
    exclusive = new View(lock, LWLockMode.EXCLUSIVE);
  }

  @Override
  public Lock readLock() {
    return shared;
  }

  @Override
  public Lock writeLock() {
    return exclusive;
  }

  @Override
  public String toString() {
    return exclusive + " and " + shared;
  }

  private static final class View implements Lock {

    private final LWLock lock;
    private final LWLockMode mode;

    View(LWLock lock, LWLockMode mode) {
      this.lock = lock;
      this.mode = mode;
    }

    @Override
    public void lock() {
      lock.acquire(mode);
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
      lock.acquireInterruptibly(mode);
    }

    @Override
    public boolean tryLock() {
      return lock.tryAcquire(mode);
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
      return lock.tryAcquire(lock.tranche().segment().backend(), mode, unit.toNanos(time));
    }

    @Override
    public void unlock() {
      if (!lock.isHeldByCurrentThread(mode)) {
        throw new IllegalMonitorStateException(
            "thread \"" + Thread.currentThread().getName() + "\" does not hold " + this);
      }
      lock.release();
    }

    @Override
    public Condition newCondition() {
      throw new UnsupportedOperationException(
          "a lock in shared memory has no conditions: java.util.concurrent's are of one process");
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof View that && lock.equals(that.lock) && mode == that.mode;
    }

    @Override
    public int hashCode() {
      return Objects.hash(lock, mode);
    }

    /** {@return the lock and the mode, as in "accounts[7] shared"} */
    @Override
    public String toString() {
      return lock + (mode == LWLockMode.SHARED ? " shared" : " exclusive");
    }
  }
}
