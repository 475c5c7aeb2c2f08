// SPDX-License-Identifier: Apache-2.0

package org.lwshm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/**
 * Virtual threads that wait: if one of these were to keep its carrier, the holder, which has been
 * unmounted, could not go on, and the test would hang.
 */
@EnabledForJreRange(min = JRE.JAVA_21)
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class VirtualThreadsTest {

  private static final int MANY = 4 * Runtime.getRuntime().availableProcessors();

  private LockFixture fixture;
  private LWLock lock;

  @BeforeEach
  void create() {
    fixture = new LockFixture();
    lock = fixture.lock;
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private record Virtual<T>(Thread thread, CompletableFuture<T> result) {}

  private <T> Virtual<T> start(LockFixture.Work<T> work) throws Exception {
    return run(
        () -> {
          try (Backend backend = fixture.segment.join()) {
            return work.with(backend);
          }
        });
  }

  private static <T> Virtual<T> run(Callable<T> call) throws Exception {
    CompletableFuture<T> result = new CompletableFuture<>();
    Runnable task =
        () -> {
          try {
            result.complete(call.call());
          } catch (Throwable e) {
            result.completeExceptionally(e);
          }
        };
    Method startVirtualThread = Thread.class.getMethod("startVirtualThread", Runnable.class);
    return new Virtual<>((Thread) startVirtualThread.invoke(null, task), result);
  }

  /** Holds the lock exclusively until all others wait for it, off its carrier for the time. */
  private Virtual<Void> startHolder(int waiters) throws Exception {
    Virtual<Void> holder =
        start(
            me -> {
              lock.acquire(me, LWLockMode.EXCLUSIVE);
              Await.until(() -> waiters() == waiters);
              lock.release(me);
              return null;
            });
    Await.until(() -> fixture.segment.backends().stream().anyMatch(b -> b.heldLocks() == 1));
    return holder;
  }

  private long waiters() {
    return fixture.segment.backends().stream().filter(b -> b.waitLock() != 0).count();
  }

  private static <T> List<T> results(List<Virtual<T>> threads) throws Exception {
    List<T> results = new ArrayList<>();
    for (Virtual<T> thread : threads) {
      results.add(thread.result().get());
    }
    return results;
  }

  @Test
  void isToldFromPlatformThreads() throws Exception {
    assertTrue(start(Backend::isVirtual).result().get());
    assertFalse(fixture.inAnotherThread(Backend::isVirtual));
  }

  @Test
  void moreWaitersThanCarriersWaitForAHolderThatIsUnmounted() throws Exception {
    Virtual<Void> holder = startHolder(MANY);
    List<Virtual<Boolean>> waiters = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      LWLockMode mode = LWLockMode.values()[i % 2];
      waiters.add(
          start(
              me -> {
                lock.acquire(me, mode);
                lock.release(me);
                return true;
              }));
    }
    holder.result().get();
    assertFalse(results(waiters).contains(false));
    assertFalse(fixture.isWaitedFor());
    assertEquals(MANY, fixture.tranche.statistics().waits());
  }

  @Test
  void theWholeFamilyWaitsSo() throws Exception {
    Virtual<Void> holder = startHolder(MANY);
    List<Virtual<Boolean>> waiters = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      int way = i % 3;
      waiters.add(
          start(
              me ->
                  switch (way) {
                    case 0 -> {
                      lock.acquireInterruptibly(me, LWLockMode.EXCLUSIVE);
                      lock.release(me);
                      yield true;
                    }
                    case 1 -> {
                      assertTrue(lock.tryAcquire(me, LWLockMode.SHARED, LockFixture.AN_HOUR));
                      lock.release(me);
                      yield true;
                    }
                    default -> lock.acquireOrWait(me) || me.heldLocks() == 0;
                  }));
    }
    holder.result().get();
    assertFalse(results(waiters).contains(false));
  }

  @Test
  void manyCountExactlyThoughTheyAreUnmountedInside() throws Exception {
    int turns = 50;
    List<Virtual<Integer>> threads = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      threads.add(start(me -> count(me, turns)));
    }
    TestThread<Integer> platform = fixture.start(me -> count(me, turns));
    int writes = platform.join();
    for (int count : results(threads)) {
      writes += count;
    }
    assertEquals(writes, fixture.data.getLong(0));
    assertEquals(writes, fixture.data.getLong(8));
  }

  /** Changes two words together, or sees that they are equal; returns how often it changed them. */
  private int count(Backend me, int turns) throws InterruptedException {
    int writes = 0;
    for (int i = 0; i < turns; i++) {
      if (ThreadLocalRandom.current().nextInt(3) == 0) {
        lock.acquire(me, LWLockMode.EXCLUSIVE);
        fixture.data.putLong(0, fixture.data.getLong(0) + 1);
        Thread.sleep(0, 1000);
        fixture.data.putLong(8, fixture.data.getLong(8) + 1);
        writes++;
      } else {
        lock.acquire(me, LWLockMode.SHARED);
        Thread.yield();
        assertEquals(fixture.data.getLong(0), fixture.data.getLong(8));
      }
      lock.release(me);
    }
    return writes;
  }

  @Test
  void anInterruptIsKeptForLaterOrEndsTheWait() throws Exception {
    try (Backend holder = fixture.segment.join()) {
      lock.acquire(holder, LWLockMode.EXCLUSIVE);
      Virtual<Boolean> interruptible =
          start(
              me -> {
                assertThrows(
                    InterruptedException.class,
                    () -> lock.acquireInterruptibly(me, LWLockMode.SHARED));
                assertFalse(lock.tryAcquire(me, LWLockMode.SHARED, Duration.ofMillis(1)));
                return Thread.interrupted();
              });
      Await.until(() -> waiters() == 1);
      interruptible.thread().interrupt();
      assertFalse(interruptible.result().get());
      Virtual<Boolean> patient =
          start(
              me -> {
                lock.acquire(me, LWLockMode.EXCLUSIVE);
                lock.release(me);
                return Thread.interrupted();
              });
      Await.until(() -> waiters() == 1);
      patient.thread().interrupt();
      Await.until(() -> !patient.thread().isInterrupted());
      lock.release(holder);
      assertTrue(patient.result().get());
    }
  }

  @Test
  void aHolderThatDiesIsNoticed() throws Exception {
    Virtual<Void> dies =
        run(
            () -> {
              lock.acquire(LWLockMode.EXCLUSIVE); // and closes no backend
              Await.until(() -> waiters() == MANY);
              return null;
            });
    Await.until(() -> fixture.tranche.statistics().exclusive() == 1);
    List<Virtual<Boolean>> waiters = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      waiters.add(
          start(
              me -> {
                assertThrows(OwnerDiedException.class, () -> lock.acquire(me, LWLockMode.SHARED));
                return true;
              }));
    }
    dies.result().get();
    assertFalse(results(waiters).contains(false));
  }
}
