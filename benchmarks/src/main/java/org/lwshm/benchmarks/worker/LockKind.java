// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks.worker;

import java.io.IOException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.concurrent.locks.StampedLock;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;

/**
 * A lock of some kind. Each kind has loops of its own, so that the JIT compiles them as it would
 * compile a program that uses the lock.
 *
 * <p>A loop does so many acquisitions, with so many turns of {@link Work} inside and between them.
 * It takes and returns the number that the work goes on from.
 */
interface LockKind {

  /** Acquires exclusively and releases, again and again. */
  long exclusive(int times, int inside, int between, long x) throws IOException;

  /** The same in shared mode, if there is one. */
  default long shared(int times, int inside, int between, long x) throws IOException {
    throw new UnsupportedOperationException("no shared mode");
  }

  /** An LWLock, used by one backend. */
  final class LWLocks implements LockKind {

    private final LWLock lock;
    private final Backend backend;

    LWLocks(LWLock lock, Backend backend) {
      this.lock = lock;
      this.backend = backend;
    }

    @Override
    public long exclusive(int times, int inside, int between, long x) {
      LWLock lock = this.lock;
      Backend me = backend;
      for (int i = 0; i < times; i++) {
        lock.acquire(me, LWLockMode.EXCLUSIVE);
        x = Work.run(x, inside);
        lock.release(me);
        x = Work.run(x, between);
      }
      return x;
    }

    @Override
    public long shared(int times, int inside, int between, long x) {
      LWLock lock = this.lock;
      Backend me = backend;
      for (int i = 0; i < times; i++) {
        lock.acquire(me, LWLockMode.SHARED);
        x = Work.run(x, inside);
        lock.release(me);
        x = Work.run(x, between);
      }
      return x;
    }
  }

  /** Of this JVM. */
  final class ReentrantLocks implements LockKind {

    private final ReentrantLock lock = new ReentrantLock();

    @Override
    public long exclusive(int times, int inside, int between, long x) {
      ReentrantLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        lock.lock();
        x = Work.run(x, inside);
        lock.unlock();
        x = Work.run(x, between);
      }
      return x;
    }
  }

  /** Of this JVM. */
  final class ReentrantReadWriteLocks implements LockKind {

    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

    @Override
    public long exclusive(int times, int inside, int between, long x) {
      ReentrantReadWriteLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        lock.writeLock().lock();
        x = Work.run(x, inside);
        lock.writeLock().unlock();
        x = Work.run(x, between);
      }
      return x;
    }

    @Override
    public long shared(int times, int inside, int between, long x) {
      ReentrantReadWriteLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        lock.readLock().lock();
        x = Work.run(x, inside);
        lock.readLock().unlock();
        x = Work.run(x, between);
      }
      return x;
    }
  }

  /** Of this JVM. */
  final class StampedLocks implements LockKind {

    private final StampedLock lock = new StampedLock();

    @Override
    public long exclusive(int times, int inside, int between, long x) {
      StampedLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        long stamp = lock.writeLock();
        x = Work.run(x, inside);
        lock.unlockWrite(stamp);
        x = Work.run(x, between);
      }
      return x;
    }

    @Override
    public long shared(int times, int inside, int between, long x) {
      StampedLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        long stamp = lock.readLock();
        x = Work.run(x, inside);
        lock.unlockRead(stamp);
        x = Work.run(x, between);
      }
      return x;
    }
  }
}
