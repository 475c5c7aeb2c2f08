// SPDX-License-Identifier: Apache-2.0

package org.lwshm.benchmarks;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.concurrent.locks.StampedLock;
import java.util.function.Supplier;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.LWLockTranche;
import org.lwshm.Segment;

/**
 * A kind of lock. Each has loops of its own, so that the JIT compiles them as it would compile a
 * program that uses the lock; who calls them measures whole batches.
 */
interface LockKind {

  /** How many locks there are of each kind. */
  int LOCKS = 64;

  /** The name of the tranche, and of the segment's locks for all workers. */
  String TRANCHE = "benchmark";

  /** Acquires exclusively and releases, so many times, the locks 0 to {@code mask} in turn. */
  void exclusive(int times, int mask) throws IOException;

  /** The same in shared mode, if there is one. */
  default void shared(int times, int mask) throws IOException {
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

  private static <T> T[] fill(T[] array, Supplier<T> maker) {
    for (int i = 0; i < array.length; i++) {
      array[i] = maker.get();
    }
    return array;
  }

  /** LWLocks of the segment. */
  final class LWLocks implements LockKind {

    private final LWLock[] locks = new LWLock[LOCKS];
    private final Backend backend;

    LWLocks(Segment segment, Backend backend) {
      this.backend = backend;
      LWLockTranche tranche = segment.tranche(TRANCHE);
      for (int i = 0; i < LOCKS; i++) {
        locks[i] = tranche.lock(i);
      }
    }

    @Override
    public void exclusive(int times, int mask) {
      for (int i = 0; i < times; i++) {
        LWLock lock = locks[i & mask];
        lock.acquire(backend, LWLockMode.EXCLUSIVE);
        lock.release(backend);
      }
    }

    @Override
    public void shared(int times, int mask) {
      for (int i = 0; i < times; i++) {
        LWLock lock = locks[i & mask];
        lock.acquire(backend, LWLockMode.SHARED);
        lock.release(backend);
      }
    }
  }

  /** Of this JVM. */
  final class ReentrantLocks implements LockKind {

    private final ReentrantLock[] locks = fill(new ReentrantLock[LOCKS], ReentrantLock::new);

    @Override
    public void exclusive(int times, int mask) {
      for (int i = 0; i < times; i++) {
        ReentrantLock lock = locks[i & mask];
        lock.lock();
        lock.unlock();
      }
    }
  }

  /** Of this JVM. */
  final class ReentrantReadWriteLocks implements LockKind {

    private final ReentrantReadWriteLock[] locks =
        fill(new ReentrantReadWriteLock[LOCKS], ReentrantReadWriteLock::new);

    @Override
    public void exclusive(int times, int mask) {
      for (int i = 0; i < times; i++) {
        ReentrantReadWriteLock lock = locks[i & mask];
        lock.writeLock().lock();
        lock.writeLock().unlock();
      }
    }

    @Override
    public void shared(int times, int mask) {
      for (int i = 0; i < times; i++) {
        ReentrantReadWriteLock lock = locks[i & mask];
        lock.readLock().lock();
        lock.readLock().unlock();
      }
    }
  }

  /** Of this JVM. */
  final class StampedLocks implements LockKind {

    private final StampedLock[] locks = fill(new StampedLock[LOCKS], StampedLock::new);

    @Override
    public void exclusive(int times, int mask) {
      for (int i = 0; i < times; i++) {
        StampedLock lock = locks[i & mask];
        lock.unlockWrite(lock.writeLock());
      }
    }

    @Override
    public void shared(int times, int mask) {
      for (int i = 0; i < times; i++) {
        StampedLock lock = locks[i & mask];
        lock.unlockRead(lock.readLock());
      }
    }
  }
}
