// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.concurrent.locks.StampedLock;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.Segment;

/**
 * A lock of some kind. Each kind has loops of its own, so that the JIT compiles them as it would
 * compile a program that uses the lock; who calls them measures whole batches.
 */
interface LockKind {

  /** The name of the tranche of the segment's one lock, which is for all workers. */
  String TRANCHE = "benchmark";

  /** Acquires exclusively and releases, so many times. */
  void exclusive(int times) throws IOException;

  /** The same in shared mode, if there is one. */
  default void shared(int times) throws IOException {
    throw new UnsupportedOperationException("no shared mode");
  }

  /** All of them, by name. */
  static Map<String, LockKind> all(Segment segment, Backend backend, FileLocks files) {
    return Map.of(
        "lwshm", new LWLocks(segment, backend),
        "reentrant", new ReentrantLocks(),
        "reentrantrw", new ReentrantReadWriteLocks(),
        "stamped", new StampedLocks(),
        "filechannel", files);
  }

  /** The segment's LWLock. */
  final class LWLocks implements LockKind {

    private final LWLock lock;
    private final Backend backend;

    LWLocks(Segment segment, Backend backend) {
      this.lock = segment.tranche(TRANCHE).lock(0);
      this.backend = backend;
    }

    @Override
    public void exclusive(int times) {
      LWLock lock = this.lock;
      Backend me = backend;
      for (int i = 0; i < times; i++) {
        lock.acquire(me, LWLockMode.EXCLUSIVE);
        lock.release(me);
      }
    }

    @Override
    public void shared(int times) {
      LWLock lock = this.lock;
      Backend me = backend;
      for (int i = 0; i < times; i++) {
        lock.acquire(me, LWLockMode.SHARED);
        lock.release(me);
      }
    }
  }

  /** Of this JVM. */
  final class ReentrantLocks implements LockKind {

    private final ReentrantLock lock = new ReentrantLock();

    @Override
    public void exclusive(int times) {
      ReentrantLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        lock.lock();
        lock.unlock();
      }
    }
  }

  /** Of this JVM. */
  final class ReentrantReadWriteLocks implements LockKind {

    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

    @Override
    public void exclusive(int times) {
      ReentrantReadWriteLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        lock.writeLock().lock();
        lock.writeLock().unlock();
      }
    }

    @Override
    public void shared(int times) {
      ReentrantReadWriteLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        lock.readLock().lock();
        lock.readLock().unlock();
      }
    }
  }

  /** Of this JVM. */
  final class StampedLocks implements LockKind {

    private final StampedLock lock = new StampedLock();

    @Override
    public void exclusive(int times) {
      StampedLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        lock.unlockWrite(lock.writeLock());
      }
    }

    @Override
    public void shared(int times) {
      StampedLock lock = this.lock;
      for (int i = 0; i < times; i++) {
        lock.unlockRead(lock.readLock());
      }
    }
  }
}
