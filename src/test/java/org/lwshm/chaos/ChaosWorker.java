// SPDX-License-Identifier: Apache-2.0

package org.lwshm.chaos;

import java.nio.file.Path;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.lwshm.Backend;
import org.lwshm.LWLock;
import org.lwshm.LWLockMode;
import org.lwshm.LWLockTranche;
import org.lwshm.Segment;
import org.lwshm.SharedStruct;

/**
 * A JVM whose threads hold and wait in both modes until it is killed, or told to stop. What it does
 * and the layout that it does it in are those of chaos/ledger.h and chaos/worker_program.c.
 *
 * <p>Arguments: data directory, number of the first seat.
 */
public final class ChaosWorker {

  private static final int LOCKS = 3;
  private static final int THREADS = 2;
  private static final int WARM_UP = 20_000;

  private static final long STOP = 0;
  private static final long LOST = 8;
  private static final long FALSE_RECOVERIES = 16;
  private static final long REPAIRS = 24;
  private static final long GUARDED = 64;
  private static final long GUARDED_SIZE = 64;
  private static final long B = 8;
  private static final long INSIDE = 16;
  private static final long SEATS = GUARDED + LOCKS * GUARDED_SIZE;
  private static final long SEAT_SIZE = 128;
  private static final long BEGUN = 8;
  private static final long DONE = BEGUN + LOCKS * Long.BYTES;

  private final LWLockTranche tranche;
  private final SharedStruct ledger;
  private final Backend backend;
  private final int number;
  private final long seat;
  private final SplittableRandom random = new SplittableRandom();
  private int sink;

  private ChaosWorker(LWLockTranche tranche, SharedStruct ledger, Backend backend, int number) {
    this.tranche = tranche;
    this.ledger = ledger;
    this.backend = backend;
    this.number = number;
    seat = SEATS + number * SEAT_SIZE;
  }

  /**
   * Works.
   *
   * @param args data directory, seat
   * @throws InterruptedException if the main thread is interrupted, which nobody does
   */
  public static void main(String[] args) throws InterruptedException {
    int first = Integer.parseInt(args[1]);
    try (Segment segment = Segment.attach(Path.of(args[0]))) {
      LWLockTranche tranche = segment.tranche("chaos");
      SharedStruct ledger = segment.struct("ledger");
      tranche.onRepair(
          (backend, lock) -> {
            long data = GUARDED + lock.index() * GUARDED_SIZE;
            ledger.getAndAddLong(REPAIRS, 1);
            ledger.putLong(data + B, ledger.getLong(data));
          });
      Thread[] threads = new Thread[THREADS];
      for (int i = 0; i < THREADS; i++) {
        int number = first + i;
        threads[i] = new Thread(() -> work(segment, tranche, ledger, number), "worker-" + number);
        threads[i].setUncaughtExceptionHandler(ChaosWorker::fail);
        threads[i].start();
      }
      for (Thread thread : threads) {
        thread.join();
      }
    }
  }

  /** At once, without any of the orderly ways out: who started us hears of it. */
  private static void fail(Thread thread, Throwable cause) {
    cause.printStackTrace();
    Runtime.getRuntime().halt(3);
  }

  private static void work(
      Segment segment, LWLockTranche tranche, SharedStruct ledger, int number) {
    try (Backend backend = segment.join()) {
      ChaosWorker worker = new ChaosWorker(tranche, ledger, backend, number);
      worker.warmUp();
      while (ledger.getLongVolatile(STOP) == 0) {
        worker.doRound();
      }
    } catch (InterruptedException e) {
      throw new AssertionError("nobody interrupts a worker", e);
    }
  }

  /** On a lock of its own, so that what follows is compiled code where there is a compiler. */
  private void warmUp() {
    LWLock own = tranche.lock(LOCKS + number);
    for (int i = 0; i < WARM_UP; i++) {
      LWLockMode mode = (i & 1) == 0 ? LWLockMode.EXCLUSIVE : LWLockMode.SHARED;
      own.acquire(backend, mode);
      own.release(backend);
      if (i % 100 == 0) {
        add(seat);
      }
    }
  }

  private void doRound() throws InterruptedException {
    int index = random.nextInt(LOCKS);
    LWLock lock = tranche.lock(index);
    LWLockMode mode = random.nextInt(3) == 0 ? LWLockMode.EXCLUSIVE : LWLockMode.SHARED;
    long data = GUARDED + index * GUARDED_SIZE;
    add(seat);
    if (!take(lock, mode)) {
      return;
    }
    if (mode == LWLockMode.EXCLUSIVE) {
      change(data, index);
    } else {
      look(data);
    }
    if (!lock.isHeldBy(backend, mode)) {
      count(FALSE_RECOVERIES);
    }
    lock.release(backend);
  }

  private boolean take(LWLock lock, LWLockMode mode) throws InterruptedException {
    switch (random.nextInt(8)) {
      case 0:
        return lock.tryAcquire(backend, mode);
      case 1:
        return lock.tryAcquire(backend, mode, Duration.ofNanos(random.nextInt(3_000_000)));
      case 2:
        lock.acquireInterruptibly(backend, mode);
        return true;
      default:
        lock.acquire(backend, mode);
        return true;
    }
  }

  // Volatile throughout: what is written here must have been written when we are killed, and the
  // compilers may move or merge plain stores.

  private void change(long data, int index) {
    if (ledger.getLongVolatile(data) != ledger.getLongVolatile(data + B)) {
      count(LOST);
    }
    add(seat + BEGUN + index * (long) Long.BYTES);
    ledger.putLongVolatile(data + INSIDE, number + 1);
    long a = ledger.getLongVolatile(data);
    long b = ledger.getLongVolatile(data + B);
    linger();
    ledger.putLongVolatile(data, a + 1);
    linger();
    ledger.putLongVolatile(data + B, b + 1);
    if (ledger.getLongVolatile(data + INSIDE) != number + 1) {
      count(LOST);
    }
    add(seat + DONE + index * (long) Long.BYTES);
  }

  private void look(long data) {
    long a = ledger.getLongVolatile(data);
    linger();
    if (ledger.getLongVolatile(data + B) != a) {
      count(LOST);
    }
  }

  /** Mostly no time at all, sometimes long enough that others park. */
  private void linger() {
    int r = random.nextInt(100);
    if (r == 0) {
      LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(100 + random.nextInt(2000)));
    } else {
      for (int i = random.nextInt(r < 20 ? 2000 : 40); i > 0; i--) {
        sink += i;
      }
    }
  }

  private void add(long index) {
    ledger.putLongVolatile(index, ledger.getLong(index) + 1);
  }

  private void count(long index) {
    ledger.getAndAddLong(index, 1);
  }

  @Override
  public String toString() {
    return "worker " + number + ", " + sink;
  }
}
